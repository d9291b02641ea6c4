"""How one operator reads one of its tensor inputs: axis maps, views, tables, chains."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from rfgraph.geometry.axis_map import SAME, AxisMap
from rfgraph.geometry.movement import segment

Shape = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Whole:
    """Every output reads the whole axis: reductions, contractions, softmax, norm statistics."""


WHOLE = Whole()


@dataclass(frozen=True, slots=True)
class AxisRead:
    """How one input axis is read.

    Attributes:
        out_axis: The output axis whose index selects what is read. None when the selection is the
            same for every output (a select, a broadcast axis of length 1, a contracted axis). With
            ``WHOLE`` it names the output axis that stands where the input axis stood, if any.
        reads: The map from that output index to positions on this input axis.
    """

    out_axis: int | None
    reads: AxisMap | Whole
    is_identity: bool = field(init=False, compare=False, repr=False)
    """Whether the axis is passed through index by index."""

    def __post_init__(self) -> None:
        through = self.out_axis is not None and self.reads is SAME
        object.__setattr__(self, "is_identity", through)


@dataclass(frozen=True, slots=True)
class Axes:
    """A product of axis maps: one :class:`AxisRead` per input axis, in input-axis order.

    Output axes that no input axis names are broadcast: they do not change what is read.

    Attributes:
        reads: One entry per input axis.
        is_identity: Whether every axis is passed through in its place.
        is_partial: Whether some outputs read nothing because another source supplies them.
    """

    reads: tuple[AxisRead, ...]
    is_identity: bool = field(init=False, compare=False, repr=False)
    is_partial: bool = field(init=False, compare=False, repr=False)
    _hash: int = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        through = all(r.is_identity and r.out_axis == axis for axis, r in enumerate(self.reads))
        partial = any(isinstance(r.reads, AxisMap) and r.reads.is_partial for r in self.reads)
        object.__setattr__(self, "is_identity", through)
        object.__setattr__(self, "is_partial", partial)
        # Every step of a propagation is looked up by the map that it takes.
        object.__setattr__(self, "_hash", hash(self.reads))

    def __hash__(self) -> int:
        return self._hash


@dataclass(frozen=True, slots=True)
class Segment:
    """The input supplies consecutive positions of one output axis, from ``offset`` on.

    One operand of a concatenation; elsewhere along the axis it is not read.
    """

    rank: int
    axis: int
    offset: int

    def axes(self) -> Axes:
        """The same as an axis product."""
        reads = list(identity(self.rank).reads)
        reads[self.axis] = AxisRead(self.axis, segment(self.offset))
        return Axes(tuple(reads))


@dataclass(frozen=True, slots=True)
class Reshape:
    """The same elements in row-major order under another shape."""

    in_shape: Shape
    out_shape: Shape


@dataclass(frozen=True, eq=False, slots=True)
class Lookup:
    """Every output element reads at most one input element, given by a table.

    Attributes:
        in_shape: Shape of the input.
        build: Makes the table, shaped as the output: the row-major position in the input of each
            output element, -1 where nothing is read. Called only when exact positions are asked.
    """

    in_shape: Shape
    build: Callable[[], npt.NDArray[np.int64]]


@dataclass(frozen=True, eq=False, slots=True)
class Masked:
    """Every output element reads its own element, but only where a constant mask is true.

    Attributes:
        keep: The mask, of the tensor's rank; length 1 along axes on which it does not vary.
    """

    keep: npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False, slots=True)
class MaskedMix:
    """Every output element mixes one axis over the positions that a constant mask leaves.

    Softmax over scores that are -inf under the mask; output ``(…, j)`` reads input ``(…, k)`` for
    every k that is kept at ``(…, k)``, so that j does not matter.

    Attributes:
        axis: The axis that is mixed; it stands in the output where it stood.
        keep: True where the input is read, of the tensor's rank; length 1 along axes on which it
            does not vary.
    """

    axis: int
    keep: npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False, slots=True)
class MaskedProduct:
    """One factor of a batched product whose other factor is zero for all inputs at some places.

    Attributes:
        joined: The reading with the masks of the whole batch as one: sound, and a function of
            single axes.
        keep: Shape (batch or 1, outputs, contracted): True where the factor is read.
        out_axis: The output axis that the mask's rows stand for.
        axis: The factor's contracted axis.
    """

    joined: Axes
    keep: npt.NDArray[np.bool_]
    out_axis: int
    axis: int


@dataclass(frozen=True, slots=True)
class Everything:
    """Every output may read every input element: data-dependent or not understood."""


@dataclass(frozen=True, slots=True)
class Chain:
    """Maps in sequence from the input to the output, each with the shape that it results in."""

    steps: tuple[tuple[TensorMap, Shape], ...]


TensorMap = (
    Axes | Segment | Reshape | Lookup | Masked | MaskedMix | MaskedProduct | Everything | Chain
)


def identity(rank: int) -> Axes:
    """The map that passes every element through."""
    return _IDENTITIES[rank] if rank < len(_IDENTITIES) else _identity(rank)


def _identity(rank: int) -> Axes:
    return Axes(tuple(AxisRead(axis, SAME) for axis in range(rank)))


_IDENTITIES = tuple(_identity(rank) for rank in range(9))
