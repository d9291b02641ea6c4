"""What an analysis found, as plain frozen data: the one source of every output format."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TypeAlias

SCHEMA_VERSION = 1

Number: TypeAlias = int | Fraction
"""An exact number; a whole one is always an `int`, never a `Fraction` over 1."""

Numbers: TypeAlias = tuple[Number | None, ...]
"""One number per analysed axis, in tensor-axis order; None on an axis without a local path."""

INPUT = "input"
"""The `operator` of a node that is an input of the model."""

STATUSES = ("exact", "bound", "unknown")


@dataclass(frozen=True, slots=True)
class InputFacts:
    """One input of the model: `axes` are the analysed axes of its tensor."""

    name: str
    shape: tuple[int, ...]
    dtype: str
    axes: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class FieldFacts:
    """The field of one node in one input; every tuple has one entry per analysed axis."""

    size: Numbers
    size_min: Numbers
    size_max: Numbers
    jump: Numbers
    start: Numbers
    center: Numbers
    period: Numbers
    support: Numbers
    global_axes: tuple[bool, ...]
    covers_input: tuple[bool, ...]
    global_origins: tuple[str, ...] = ()
    reaches: bool = True
    mixes_batch: bool = False

    @property
    def is_global(self) -> bool:
        """True if a global path exists on some axis."""
        return any(self.global_axes)


@dataclass(frozen=True, slots=True)
class BranchFacts:
    """One incoming branch of a merge, seen from the merge's first reached input."""

    source: str
    size: Numbers
    jump: Numbers
    start: Numbers
    center: Numbers
    aligned: bool


@dataclass(frozen=True, slots=True)
class WindowFacts:
    """How a convolution or a pooling was called; one entry per spatial axis of its tensor."""

    kernel: tuple[int, ...]
    stride: tuple[int, ...]
    padding: tuple[int, ...]
    dilation: tuple[int, ...]
    transposed: bool = False


@dataclass(frozen=True, slots=True)
class NodeFacts:
    """One operator of the model, with its field in each input of the model.

    `sources` are the nodes that it reads; `window` is there for convolutions and poolings.
    """

    name: str
    operator: str
    module: str
    module_type: str
    is_module: bool
    shape: tuple[int, ...]
    dtype: str
    status: str
    fields: Mapping[str, FieldFacts]
    path_count: int
    reasons: tuple[str, ...] = ()
    branches: tuple[BranchFacts, ...] = ()
    sources: tuple[str, ...] = ()
    window: WindowFacts | None = None


@dataclass(frozen=True, slots=True)
class ModuleFacts:
    """One module: its class name, and the node that each of its calls returned."""

    type: str
    nodes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Report:
    """Everything that is written to and read from a file.

    `nodes` are in execution order; `outputs` maps an output's name to its node's name, and
    `modules` maps a module's path to what its calls returned.
    """

    inputs: tuple[InputFacts, ...]
    outputs: Mapping[str, str]
    modules: Mapping[str, ModuleFacts]
    nodes: tuple[NodeFacts, ...]
    provenance: Mapping[str, str] = field(default_factory=dict)
