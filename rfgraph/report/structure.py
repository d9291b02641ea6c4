"""The one layout of a report as nested plain data, which YAML and JSON spell out.

What is at its usual value is left out of the data, so that a file holds what is worth reading;
`schema.json` states the same layout for other programs.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import TypeAlias, TypeVar

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

Data: TypeAlias = "bool | int | str | list[Data] | dict[str, Data] | None"
Place: TypeAlias = tuple[str | int, ...]
"""Keys and positions that lead from the top of the data to one value."""

T = TypeVar("T")
U = TypeVar("U")

_LONGEST_DECIMAL = 4000
"""Digits; Python refuses to convert decimals of more than 4300 digits."""

_FRACTION = re.compile(r"(-?[1-9][0-9]*)/([1-9][0-9]*)")


class MisfitError(ValueError):
    """Data that is not laid out like a report: the place and what is wrong there."""

    def __init__(self, place: Place, problem: str) -> None:
        super().__init__(problem)
        self.place = place
        self.problem = problem


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
    top = _Table(data, (), "a report")
    version = top.take("schema_version", _integer)
    if version != SCHEMA_VERSION:
        raise MisfitError(
            ("schema_version",),
            f"this rfgraph reads schema version {SCHEMA_VERSION}, not {version}",
        )
    provenance = top.take("provenance", _mapping_of(_text))
    inputs = top.take("inputs", _list_of(_input))
    _refuse_repeats("inputs", [entry.name for entry in inputs])
    outputs = top.take("outputs", _mapping_of(_text))
    axes = {entry.name: len(entry.axes) for entry in inputs}
    nodes = top.take("nodes", _list_of(lambda value, place: _node(value, place, axes)))
    _refuse_repeats("nodes", [node.name for node in nodes])
    modules = top.take("modules", _mapping_of(_module))
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

_Reader: TypeAlias = Callable[[Data, Place], T]


class _Table:
    """A mapping that is read key by key, and has no other keys."""

    def __init__(self, value: Data, place: Place, what: str) -> None:
        if not isinstance(value, dict):
            raise MisfitError(place, f"expected {what} with named keys, found {_show(value)}")
        self._rest = dict(value)
        self._place = place

    def take(self, key: str, read: _Reader[T]) -> T:
        """Return what `read` makes of the value at `key`, which must be there."""
        if key not in self._rest:
            raise MisfitError(self._place, f"the key '{key}' is missing")
        return read(self._rest.pop(key), (*self._place, key))

    def take_or(self, key: str, read: _Reader[T], usual: U) -> T | U:
        """Return what `read` makes of the value at `key`, or `usual` if there is none."""
        return self.take(key, read) if key in self._rest else usual

    def finish(self) -> None:
        """Refuse keys that nothing has read."""
        for key in self._rest:
            raise MisfitError((*self._place, key), f"the key '{key}' is unknown")


def _input(value: Data, place: Place) -> InputFacts:
    table = _Table(value, place, "an input")
    entry = InputFacts(
        name=table.take("name", _text),
        shape=table.take("shape", _list_of(_extent)),
        dtype=table.take("dtype", _text),
        axes=table.take("axes", _list_of(_extent)),
    )
    table.finish()
    if any(axis >= len(entry.shape) for axis in entry.axes):
        raise MisfitError(
            (*place, "axes"), f"a tensor of {len(entry.shape)} dimensions has no such axis"
        )
    return entry


def _module(value: Data, place: Place) -> ModuleFacts:
    table = _Table(value, place, "a module")
    module = ModuleFacts(type=table.take("type", _text), nodes=table.take("nodes", _list_of(_text)))
    table.finish()
    return module


def _node(value: Data, place: Place, axes: Mapping[str, int]) -> NodeFacts:
    table = _Table(value, place, "a node")

    def fields(value: Data, place: Place) -> dict[str, FieldFacts]:
        return _fields(value, place, axes)

    node = NodeFacts(
        name=table.take("name", _text),
        operator=table.take("operator", _text),
        module=table.take("module", _text),
        module_type=table.take("module_type", _text),
        is_module=table.take("is_module", _flag),
        shape=table.take("shape", _list_of(_extent)),
        dtype=table.take("dtype", _text),
        status=table.take("status", _status),
        reasons=table.take_or("reasons", _list_of(_text), ()),
        sources=table.take_or("sources", _list_of(_text), ()),
        window=table.take_or("window", _window, None),
        path_count=table.take("path_count", _count),
        fields=table.take("fields", fields),
        branches=table.take_or("branches", _list_of(_branch), ()),
    )
    table.finish()
    return node


def _window(value: Data, place: Place) -> WindowFacts:
    table = _Table(value, place, "a window")
    window = WindowFacts(
        kernel=table.take("kernel", _list_of(_extent)),
        stride=table.take("stride", _list_of(_extent)),
        padding=table.take("padding", _list_of(_integer)),
        dilation=table.take("dilation", _list_of(_extent)),
        transposed=table.take_or("transposed", _flag, usual=False),
    )
    table.finish()
    return window


def _fields(value: Data, place: Place, axes: Mapping[str, int]) -> dict[str, FieldFacts]:
    if not isinstance(value, dict):
        raise MisfitError(place, f"expected one field per input, found {_show(value)}")
    fields = {}
    for name, entry in value.items():
        if name not in axes:
            raise MisfitError((*place, name), f"no input is called '{name}'")
        fields[name] = _field(entry, (*place, name), axes[name])
    return fields


def _field(value: Data, place: Place, axes: int) -> FieldFacts:
    table = _Table(value, place, "a field")
    numbers = _exactly(axes, _number)
    flags = _exactly(axes, _flag)
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
        global_origins=table.take_or("global_origins", _list_of(_text), ()),
        reaches=table.take_or("reaches", _flag, usual=True),
        mixes_batch=table.take_or("mixes_batch", _flag, usual=False),
    )
    table.finish()
    return field


def _branch(value: Data, place: Place) -> BranchFacts:
    table = _Table(value, place, "a branch")
    branch = BranchFacts(
        source=table.take("source", _text),
        size=table.take("size", _list_of(_number)),
        jump=table.take("jump", _list_of(_number)),
        start=table.take("start", _list_of(_number)),
        center=table.take("center", _list_of(_number)),
        aligned=table.take("aligned", _flag),
    )
    table.finish()
    return branch


def _text(value: Data, place: Place) -> str:
    if not isinstance(value, str):
        raise MisfitError(place, f"expected text, found {_show(value)}")
    return value


def _flag(value: Data, place: Place) -> bool:
    if not isinstance(value, bool):
        raise MisfitError(place, f"expected true or false, found {_show(value)}")
    return value


def _integer(value: Data, place: Place) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise MisfitError(place, f"expected an integer, found {_show(value)}")
    return value


def _extent(value: Data, place: Place) -> int:
    number = _integer(value, place)
    if number < 0:
        raise MisfitError(place, f"expected an integer of at least 0, found {number}")
    return number


def _count(value: Data, place: Place) -> int:
    if isinstance(value, str) and re.fullmatch("0x[0-9a-f]+", value):
        return int(value, 16)
    return _extent(value, place)


def _number(value: Data, place: Place) -> Number | None:
    if value is None:
        return None
    if isinstance(value, str):
        match = _FRACTION.fullmatch(value)
        if not match:
            raise MisfitError(
                place,
                f'expected an integer, a fraction such as "1/2" or null, found {_show(value)}',
            )
        fraction = Fraction(int(match[1]), int(match[2]))
        if str(fraction) != value:
            raise MisfitError(place, f"the fraction '{value}' is to be written as {fraction}")
        return fraction
    if not isinstance(value, int) or isinstance(value, bool):
        raise MisfitError(
            place, f'expected an integer, a fraction such as "1/2" or null, found {_show(value)}'
        )
    return value


def _status(value: Data, place: Place) -> str:
    if value not in STATUSES:
        raise MisfitError(place, f"expected {', '.join(STATUSES)}, found {_show(value)}")
    return _text(value, place)


def _list_of(read: _Reader[T]) -> _Reader[tuple[T, ...]]:
    def read_list(value: Data, place: Place) -> tuple[T, ...]:
        if not isinstance(value, list):
            raise MisfitError(place, f"expected a list, found {_show(value)}")
        return tuple(read(item, (*place, position)) for position, item in enumerate(value))

    return read_list


def _exactly(length: int, read: _Reader[T]) -> _Reader[tuple[T, ...]]:
    read_list = _list_of(read)

    def read_exactly(value: Data, place: Place) -> tuple[T, ...]:
        items = read_list(value, place)
        if len(items) != length:
            raise MisfitError(
                place, f"expected one entry per analysed axis ({length}), found {len(items)}"
            )
        return items

    return read_exactly


def _mapping_of(read: _Reader[T]) -> _Reader[dict[str, T]]:
    def read_mapping(value: Data, place: Place) -> dict[str, T]:
        if not isinstance(value, dict):
            raise MisfitError(place, f"expected named entries, found {_show(value)}")
        return {key: read(item, (*place, key)) for key, item in value.items()}

    return read_mapping


def _refuse_repeats(key: str, names: list[str]) -> None:
    seen: set[str] = set()
    for position, name in enumerate(names):
        if name in seen:
            raise MisfitError((key, position, "name"), f"the name '{name}' is used twice")
        seen.add(name)


def _show(value: Data) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        return "named entries"
    if isinstance(value, list):
        return "a list"
    if isinstance(value, int):
        return str(value) if value.bit_length() < 200 else "a huge integer"
    return f"'{value}'" if len(value) <= 60 else f"'{value[:57]}...'"
