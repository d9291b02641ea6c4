"""What a report reads of an analysis, and how it turns it into facts.

The protocols name the attributes, so that reports depend on no engine and tests can use doubles.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Protocol

from rfgraph.report.facts import (
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


class InputLike(Protocol):
    """An analysed input: its tensor's shape, dtype and analysed axes."""

    @property
    def shape(self) -> tuple[int, ...]: ...
    @property
    def dtype(self) -> str: ...
    @property
    def axes(self) -> tuple[int, ...]: ...


class ExtentLike(Protocol):
    """The four numbers that a field and a branch share."""

    @property
    def size(self) -> Numbers: ...
    @property
    def jump(self) -> Numbers: ...
    @property
    def start(self) -> Numbers: ...
    @property
    def center(self) -> Numbers: ...


class FieldLike(ExtentLike, Protocol):
    """A node's field in one input."""

    @property
    def size_min(self) -> Numbers: ...
    @property
    def size_max(self) -> Numbers: ...
    @property
    def period(self) -> Numbers: ...
    @property
    def support(self) -> Numbers: ...
    @property
    def global_axes(self) -> tuple[bool, ...]: ...
    @property
    def global_origins(self) -> tuple[str, ...]: ...
    @property
    def covers_input(self) -> tuple[bool, ...]: ...
    @property
    def reaches(self) -> bool: ...
    @property
    def mixes_batch(self) -> bool: ...


class BranchLike(ExtentLike, Protocol):
    """One incoming branch of a merge."""

    @property
    def source(self) -> str: ...
    @property
    def aligned(self) -> bool: ...


class StatusLike(Protocol):
    """How sure the analysis is: `value` is exact, bound or unknown."""

    @property
    def value(self) -> str: ...


class PathsLike(Protocol):
    """How many operator paths lead from the inputs to a node."""

    @property
    def count(self) -> int: ...


class WindowLike(Protocol):
    """The settings of a convolution or a pooling."""

    @property
    def kernel(self) -> tuple[int, ...]: ...
    @property
    def stride(self) -> tuple[int, ...]: ...
    @property
    def padding(self) -> tuple[int, ...]: ...
    @property
    def dilation(self) -> tuple[int, ...]: ...
    @property
    def transposed(self) -> bool: ...


class NodeLike(Protocol):
    """One operator of the model."""

    @property
    def name(self) -> str: ...
    @property
    def operator(self) -> str: ...
    @property
    def module(self) -> str: ...
    @property
    def module_type(self) -> str: ...
    @property
    def is_module(self) -> bool: ...
    @property
    def shape(self) -> tuple[int, ...]: ...
    @property
    def dtype(self) -> str: ...
    @property
    def status(self) -> StatusLike: ...
    @property
    def reasons(self) -> tuple[str, ...]: ...
    @property
    def fields(self) -> Mapping[str, FieldLike]: ...
    @property
    def paths(self) -> PathsLike: ...
    @property
    def branches(self) -> tuple[BranchLike, ...]: ...
    @property
    def sources(self) -> tuple[str, ...]: ...
    @property
    def window(self) -> WindowLike | None: ...


class AnalysisLike(Protocol):
    """What `rfgraph.analyze` returned."""

    @property
    def nodes(self) -> tuple[NodeLike, ...]: ...
    @property
    def inputs(self) -> Mapping[str, InputLike]: ...
    @property
    def outputs(self) -> Mapping[str, NodeLike]: ...
    @property
    def modules(self) -> Mapping[str, tuple[NodeLike, ...]]: ...
    @property
    def module_types(self) -> Mapping[str, str]: ...
    @property
    def provenance(self) -> Mapping[str, str]: ...


def from_analysis(analysis: AnalysisLike, *, provenance: Mapping[str, str] | None = None) -> Report:
    """Return the plain facts of `analysis`.

    Args:
        analysis: What `rfgraph.analyze` returned.
        provenance: Entries that the caller knows besides the analysis' own, such as the target.
    """
    return Report(
        inputs=tuple(
            InputFacts(name, tuple(entry.shape), entry.dtype, tuple(entry.axes))
            for name, entry in analysis.inputs.items()
        ),
        outputs={name: node.name for name, node in analysis.outputs.items()},
        modules={
            path: ModuleFacts(
                type=analysis.module_types.get(path, ""), nodes=tuple(node.name for node in calls)
            )
            for path, calls in analysis.modules.items()
        },
        nodes=tuple(_node(node) for node in analysis.nodes),
        provenance={**analysis.provenance, **(provenance or {})},
    )


def _node(node: NodeLike) -> NodeFacts:
    return NodeFacts(
        name=node.name,
        operator=node.operator,
        module=node.module,
        module_type=node.module_type,
        is_module=node.is_module,
        shape=tuple(node.shape),
        dtype=node.dtype,
        status=node.status.value,
        fields={name: _field(field) for name, field in node.fields.items()},
        path_count=node.paths.count,
        reasons=tuple(node.reasons),
        branches=tuple(_branch(branch) for branch in node.branches),
        sources=tuple(node.sources),
        window=None if node.window is None else _window(node.window),
    )


def _window(window: WindowLike) -> WindowFacts:
    return WindowFacts(
        tuple(window.kernel),
        tuple(window.stride),
        tuple(window.padding),
        tuple(window.dilation),
        window.transposed,
    )


def _field(field: FieldLike) -> FieldFacts:
    return FieldFacts(
        size=_plain(field.size),
        size_min=_plain(field.size_min),
        size_max=_plain(field.size_max),
        jump=_plain(field.jump),
        start=_plain(field.start),
        center=_plain(field.center),
        period=_plain(field.period),
        support=_plain(field.support),
        global_axes=tuple(field.global_axes),
        global_origins=tuple(field.global_origins),
        covers_input=tuple(field.covers_input),
        reaches=field.reaches,
        mixes_batch=field.mixes_batch,
    )


def _branch(branch: BranchLike) -> BranchFacts:
    return BranchFacts(
        source=branch.source,
        size=_plain(branch.size),
        jump=_plain(branch.jump),
        start=_plain(branch.start),
        center=_plain(branch.center),
        aligned=branch.aligned,
    )


def _plain(numbers: Numbers) -> Numbers:
    return tuple(None if number is None else _whole(number) for number in numbers)


def _whole(number: Number) -> Number:
    if isinstance(number, Fraction) and number.denominator != 1:
        return number
    return int(number)
