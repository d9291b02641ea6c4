"""What is known about one tensor: how each analysed input axis reaches its elements.

Which tensor axis carries which input axis is stored as structure, never inferred from numbers: a
field that has grown to the whole input still knows its axis, so that a later mean is global.

A tensor axis may be a product of *digits* (a flattened ``H * W``, a window partition): its layout
lists their sizes, outermost first. A term says that an input axis is seen through the virtual index
``v = sum(stride * digit)`` over its carrier digits, as ``field(v)``.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from math import prod
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from rfgraph.geometry.periodic import IndexMap
from rfgraph.propagation.note import Note

Digit = tuple[int, int]
"""A digit's place: (tensor axis, position among the axis's digits, outermost first)."""

Stand = tuple[int, int, bool]
"""A digit (axis, digit) that stands where an input axis stood; whether that was an analysed axis
rather than the batch."""

Carrier = tuple[tuple[int, int, int], ...]
"""Entries (tensor axis, digit, stride), sorted. Stride 0: depends on the digit in a way that is
bounded by the field, not resolved."""

Layout = tuple[tuple[int, ...], ...]
"""Digit sizes of every tensor axis, outermost first; their product is the axis length."""

Labels = npt.NDArray[np.int64]


class Term(NamedTuple):
    """One local way in which an input axis enters a tensor."""

    carrier: Carrier
    field: IndexMap


@dataclass(frozen=True, slots=True, eq=False)
class Reach:
    """How one input axis enters a tensor: local terms, and the nodes that made it global."""

    terms: tuple[Term, ...]
    origins: tuple[str, ...] = ()
    _hash: int = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        # Unions and whole states are looked up by what they consist of.
        object.__setattr__(self, "_hash", hash((self.terms, self.origins)))

    def __hash__(self) -> int:
        return self._hash

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        if not isinstance(other, Reach):
            return NotImplemented
        # Unequal ones are told apart by their hash nearly always.
        return (
            self._hash == other._hash
            and self.terms == other.terms
            and self.origins == other.origins
        )


Part = tuple[Reach | None, ...]
"""One entry per subject (an input's axis); None where the input axis does not reach the tensor."""


@dataclass(frozen=True, eq=False)
class State:
    """All that reaches one tensor.

    Attributes:
        layout: The digits of each tensor axis.
        parts: Kinds of elements, by what reaches them. An ordinary tensor has one.
        labels: The part that each element belongs to, broadcastable to the tensor's shape
            (length 1 on axes along which it does not vary); None when there is one part.
            Concatenated branches stay apart here until something reads across them.
        stands: Digits that stand where followed input axes stood, mixed or not.
        notes: What keeps the state from being exact.
    """

    layout: Layout
    parts: tuple[Part, ...]
    labels: Labels | None = None
    stands: frozenset[Stand] = frozenset()
    notes: frozenset[Note] = frozenset()

    @property
    def shape(self) -> tuple[int, ...]:
        """The tensor's shape."""
        return _lengths(self.layout)

    @property
    def reaches(self) -> bool:
        """Whether any input reaches the tensor at all."""
        for part in self.parts:  # asked of every tensor, and a generator is slower
            for reach in part:
                if reach is not None:
                    return True
        return False


@lru_cache(maxsize=4096)
def _lengths(layout: Layout) -> tuple[int, ...]:
    """The length of every axis: most tensors of a model have the layout of others."""
    return tuple(prod(digits) for digits in layout)


def plain_layout(shape: Iterable[int]) -> Layout:
    """One digit per axis."""
    return tuple((n,) for n in shape)


def untouched(shape: tuple[int, ...], subjects: int) -> State:
    """The state of a tensor that no input reaches."""
    return State(plain_layout(shape), ((None,) * subjects,))


def carries(state: State, axis: int) -> bool:
    """Whether any field runs along a tensor axis."""
    return any(
        entry[0] == axis
        for part in state.parts
        for reach in part
        if reach is not None
        for term in reach.terms
        for entry in term.carrier
    )


def axis_stand(state: State, axis: int) -> bool | None:
    """What a tensor axis stands for: True for analysed input axes, False for the batch.

    The outermost digit decides, batch aside: a row of windows is space, but space that was folded
    into channels does not make the channel axis an axis to index. None for channels.
    """
    return _axis_stands(state.stands, state.layout)[axis]


def spatial_axes(state: State) -> tuple[int, ...]:
    """The tensor axes that stand where analysed input axes stood, ascending."""
    return _axes_that_stand(state.stands, state.layout)[0]


def batch_axes(state: State) -> tuple[int, ...]:
    """The tensor axes that stand where the batch stood, ascending."""
    return _axes_that_stand(state.stands, state.layout)[1]


@lru_cache(maxsize=4096)
def _axes_that_stand(
    stands: frozenset[Stand], layout: Layout
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The axes that stand for analysed ones, and those that stand for the batch."""
    kinds = _axis_stands(stands, layout)
    return (
        tuple(axis for axis, kind in enumerate(kinds) if kind),
        tuple(axis for axis, kind in enumerate(kinds) if kind is False),
    )


@lru_cache(maxsize=4096)
def _axis_stands(stands: frozenset[Stand], layout: Layout) -> tuple[bool | None, ...]:
    """What every axis of a tensor stands for: most tensors of a model stand alike."""
    return tuple(
        _outermost({digit: analysed for a, digit, analysed in stands if a == axis}, digits)
        for axis, digits in enumerate(layout)
    )


def _outermost(kinds: dict[int, bool], digits: tuple[int, ...]) -> bool | None:
    """What the outermost of an axis's digits stands for that is not the batch."""
    if not kinds:
        return None
    outermost = [k for k, n in enumerate(digits) if n > 1 or len(digits) == 1]
    for digit in outermost:
        if kinds.get(digit) is not False:
            return kinds.get(digit)
    return False


def natural(layout: Layout, axis: int) -> Carrier:
    """The carrier whose virtual index is the plain index along the axis."""
    return numbered(((axis, digit) for digit in range(len(layout[axis]))), layout)


def numbered(digits: Iterable[Digit], layout: Layout) -> Carrier:
    """The carrier whose virtual index counts the values of the digits, the last one fastest."""
    entries, inner = [], 1
    for axis, digit in sorted(set(digits), reverse=True):
        entries.append((axis, digit, inner))
        inner *= layout[axis][digit]
    return tuple(reversed(entries))
