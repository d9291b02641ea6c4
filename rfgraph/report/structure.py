"""The one layout of a report as nested plain data, which YAML and JSON spell out.

What is at its usual value is left out of the data, so that a file holds what is worth reading;
`schema.json` states the same layout for other programs.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from fractions import Fraction
from typing import TypeVar

from rfgraph.report.facts import (
    SCHEMA_VERSION,
    STATUSES,
    BranchFacts,
    FieldFacts,
    InputFacts,
    ModuleFacts,
    NodeFacts,
    Number,
    Numbers,
    Report,
    WindowFacts,
)
from rfgraph.report.readers import (
    Data,
    MisfitError,
    Place,
    Reader,
    Table,
    extent,
    flag,
    integer,
    list_of,
    mapping_of,
    show,
    text,
)

T = TypeVar("T")

_LONGEST_DECIMAL = 4000
"""Digits; Python refuses to convert decimals of more than 4300 digits."""

_FRACTION = re.compile(r"(-?[1-9][0-9]*)/([1-9][0-9]*)")


def to_data(report: Report) -> dict[str, Data]:
    """Return `report` as nested plain data, in a fixed order."""
    return {
        "schema_version": SCHEMA_VERSION,
        "provenance": dict(report.provenance),
        "inputs": [
            {
                "name": entry.name,
                "shape": list(entry.shape),
                "dtype": entry.dtype,
                "axes": list(entry.axes),
            }
            for entry in report.inputs
        ],
        "outputs": dict(report.outputs),
        "nodes": [_node_data(node) for node in report.nodes],
        "modules": {
            path: {"type": module.type, "nodes": list(module.nodes)}
            for path, module in report.modules.items()
        },
    }


def from_data(data: Data) -> Report:
    """Return the report that `data` lays out; the inverse of `to_data`.

    Raises:
        MisfitError: If anything is missing, unknown, of the wrong kind or contradictory.
    """
    top = Table(data, (), "a report")
    version = top.take("schema_version", integer)
    if version != SCHEMA_VERSION:
        raise MisfitError(
            ("schema_version",),
            f"this rfgraph reads schema version {SCHEMA_VERSION}, not {version}",
        )
    provenance = top.take("provenance", mapping_of(text))
    inputs = top.take("inputs", list_of(_input))
    _refuse_repeats("inputs", [entry.name for entry in inputs])
    outputs = top.take("outputs", mapping_of(text))
    axes = {entry.name: len(entry.axes) for entry in inputs}
    nodes = top.take("nodes", list_of(lambda value, place: _node(value, place, axes)))
    _refuse_repeats("nodes", [node.name for node in nodes])
    modules = top.take("modules", mapping_of(_module))
    top.finish()
    return Report(
        inputs=inputs, outputs=outputs, modules=modules, nodes=nodes, provenance=provenance
    )


# -- facts to data ---------------------------------------------------------------------------------


def _node_data(node: NodeFacts) -> Data:
    data: dict[str, Data] = {
        "name": node.name,
        "operator": node.operator,
        "module": node.module,
        "module_type": node.module_type,
        "is_module": node.is_module,
        "shape": list(node.shape),
        "dtype": node.dtype,
        "status": node.status,
    }
    if node.reasons:
        data["reasons"] = list(node.reasons)
    if node.sources:
        data["sources"] = list(node.sources)
    if node.window is not None:
        data["window"] = _window_data(node.window)
    data["path_count"] = _count_data(node.path_count)
    data["fields"] = {name: _field_data(field) for name, field in node.fields.items()}
    if node.branches:
        data["branches"] = [_branch_data(branch) for branch in node.branches]
    return data


def _window_data(window: WindowFacts) -> Data:
    data: dict[str, Data] = {
        "kernel": list(window.kernel),
        "stride": list(window.stride),
        "padding": list(window.padding),
        "dilation": list(window.dilation),
    }
    if window.transposed:
        data["transposed"] = True
    return data


def _field_data(field: FieldFacts) -> Data:
    data: dict[str, Data] = {
        "size": numbers_data(field.size),
        "jump": numbers_data(field.jump),
        "start": numbers_data(field.start),
        "center": numbers_data(field.center),
    }
    if field.size_min != field.size:
        data["size_min"] = numbers_data(field.size_min)
    if field.size_max != field.size:
        data["size_max"] = numbers_data(field.size_max)
    if field.period != _usual_period(field.size):
        data["period"] = numbers_data(field.period)
    if field.support != field.size:
        data["support"] = numbers_data(field.support)
    if any(field.global_axes):
        data["global_axes"] = list(field.global_axes)
    if field.global_origins:
        data["global_origins"] = list(field.global_origins)
    if any(field.covers_input):
        data["covers_input"] = list(field.covers_input)
    if not field.reaches:
        data["reaches"] = False
    if field.mixes_batch:
        data["mixes_batch"] = True
    return data


def _branch_data(branch: BranchFacts) -> Data:
    return {
        "source": branch.source,
        "size": numbers_data(branch.size),
        "jump": numbers_data(branch.jump),
        "start": numbers_data(branch.start),
        "center": numbers_data(branch.center),
        "aligned": branch.aligned,
    }


def numbers_data(numbers: Numbers) -> Data:
    """Return numbers as reports spell them: integers, fractions as text, null."""
    return [str(number) if isinstance(number, Fraction) else number for number in numbers]


def _count_data(count: int) -> Data:
    longest_bits = _LONGEST_DECIMAL * 3
    return count if count.bit_length() <= longest_bits else hex(count)


def _usual_period(size: Numbers) -> Numbers:
    return tuple(None if number is None else 1 for number in size)


# -- data to facts ---------------------------------------------------------------------------------


def _input(value: Data, place: Place) -> InputFacts:
    table = Table(value, place, "an input")
    entry = InputFacts(
        name=table.take("name", text),
        shape=table.take("shape", list_of(extent)),
        dtype=table.take("dtype", text),
        axes=table.take("axes", list_of(extent)),
    )
    table.finish()
    if any(axis >= len(entry.shape) for axis in entry.axes):
        raise MisfitError(
            (*place, "axes"), f"a tensor of {len(entry.shape)} dimensions has no such axis"
        )
    return entry


def _module(value: Data, place: Place) -> ModuleFacts:
    table = Table(value, place, "a module")
    module = ModuleFacts(type=table.take("type", text), nodes=table.take("nodes", list_of(text)))
    table.finish()
    return module


def _node(value: Data, place: Place, axes: Mapping[str, int]) -> NodeFacts:
    table = Table(value, place, "a node")

    def fields(value: Data, place: Place) -> dict[str, FieldFacts]:
        return _fields(value, place, axes)

    node = NodeFacts(
        name=table.take("name", text),
        operator=table.take("operator", text),
        module=table.take("module", text),
        module_type=table.take("module_type", text),
        is_module=table.take("is_module", flag),
        shape=table.take("shape", list_of(extent)),
        dtype=table.take("dtype", text),
        status=table.take("status", _status),
        reasons=table.take_or("reasons", list_of(text), ()),
        sources=table.take_or("sources", list_of(text), ()),
        window=table.take_or("window", _window, None),
        path_count=table.take("path_count", _count),
        fields=table.take("fields", fields),
        branches=table.take_or("branches", list_of(_branch), ()),
    )
    table.finish()
    return node


def _window(value: Data, place: Place) -> WindowFacts:
    table = Table(value, place, "a window")
    window = WindowFacts(
        kernel=table.take("kernel", list_of(extent)),
        stride=table.take("stride", list_of(extent)),
        padding=table.take("padding", list_of(integer)),
        dilation=table.take("dilation", list_of(extent)),
        transposed=table.take_or("transposed", flag, usual=False),
    )
    table.finish()
    return window


def _fields(value: Data, place: Place, axes: Mapping[str, int]) -> dict[str, FieldFacts]:
    if not isinstance(value, dict):
        raise MisfitError(place, f"expected one field per input, found {show(value)}")
    fields = {}
    for name, entry in value.items():
        if name not in axes:
            raise MisfitError((*place, name), f"no input is called '{name}'")
        fields[name] = _field(entry, (*place, name), axes[name])
    return fields


def _field(value: Data, place: Place, axes: int) -> FieldFacts:
    table = Table(value, place, "a field")
    numbers = _exactly(axes, _number)
    flags = _exactly(axes, flag)
    none = (False,) * axes
    size = table.take("size", numbers)
    field = FieldFacts(
        size=size,
        size_min=table.take_or("size_min", numbers, size),
        size_max=table.take_or("size_max", numbers, size),
        jump=table.take("jump", numbers),
        start=table.take("start", numbers),
        center=table.take("center", numbers),
        period=table.take_or("period", numbers, _usual_period(size)),
        support=table.take_or("support", numbers, size),
        global_axes=table.take_or("global_axes", flags, none),
        covers_input=table.take_or("covers_input", flags, none),
        global_origins=table.take_or("global_origins", list_of(text), ()),
        reaches=table.take_or("reaches", flag, usual=True),
        mixes_batch=table.take_or("mixes_batch", flag, usual=False),
    )
    table.finish()
    return field


def _branch(value: Data, place: Place) -> BranchFacts:
    table = Table(value, place, "a branch")
    branch = BranchFacts(
        source=table.take("source", text),
        size=table.take("size", list_of(_number)),
        jump=table.take("jump", list_of(_number)),
        start=table.take("start", list_of(_number)),
        center=table.take("center", list_of(_number)),
        aligned=table.take("aligned", flag),
    )
    table.finish()
    return branch


def _count(value: Data, place: Place) -> int:
    if isinstance(value, str) and re.fullmatch("0x[0-9a-f]+", value):
        return int(value, 16)
    return extent(value, place)


def _number(value: Data, place: Place) -> Number | None:
    if value is None:
        return None
    if isinstance(value, str):
        match = _FRACTION.fullmatch(value)
        if not match:
            raise MisfitError(
                place,
                f'expected an integer, a fraction such as "1/2" or null, found {show(value)}',
            )
        fraction = Fraction(int(match[1]), int(match[2]))
        if str(fraction) != value:
            raise MisfitError(place, f"the fraction '{value}' is to be written as {fraction}")
        return fraction
    if not isinstance(value, int) or isinstance(value, bool):
        raise MisfitError(
            place, f'expected an integer, a fraction such as "1/2" or null, found {show(value)}'
        )
    return value


def _status(value: Data, place: Place) -> str:
    if value not in STATUSES:
        raise MisfitError(place, f"expected {', '.join(STATUSES)}, found {show(value)}")
    return text(value, place)


def _exactly(length: int, read: Reader[T]) -> Reader[tuple[T, ...]]:
    read_list = list_of(read)

    def read_exactly(value: Data, place: Place) -> tuple[T, ...]:
        items = read_list(value, place)
        if len(items) != length:
            raise MisfitError(
                place, f"expected one entry per analysed axis ({length}), found {len(items)}"
            )
        return items

    return read_exactly


def _refuse_repeats(key: str, names: list[str]) -> None:
    seen: set[str] = set()
    for position, name in enumerate(names):
        if name in seen:
            raise MisfitError((key, position, "name"), f"the name '{name}' is used twice")
        seen.add(name)
