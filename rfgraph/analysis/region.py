"""The exact region of the input that reaches one position, and its unclipped counterpart."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from math import prod

import numpy as np
import numpy.typing as npt

from rfgraph.geometry.index_set import IndexSet
from rfgraph.geometry.periodic import IndexMap
from rfgraph.propagation.digits import gather_digit
from rfgraph.propagation.parts import confined
from rfgraph.propagation.state import Layout, State, Term

Table = npt.NDArray[np.int64]
"""A number for every position along a node's spatial axes; length 1 along an axis on which it does
not vary."""

NOTHING = 1 << 40
"""The first position of nothing: beyond every axis."""


@dataclass(frozen=True, slots=True)
class Region:
    """The exact hull of the input positions that reach one position of a node, borders included.

    Attributes:
        hull: (first, last) per analysed axis, inclusive; None when nothing reaches the position.
        unclipped: (first, last) per axis with padding counted as virtual input; None per axis
            without a local path.
        rank: Number of axes of the input tensor.
        axes: The analysed axes among them.
    """

    hull: tuple[tuple[int, int], ...] | None
    unclipped: tuple[tuple[int, int] | None, ...]
    rank: int
    axes: tuple[int, ...]

    @property
    def is_empty(self) -> bool:
        """Whether no input position reaches the element."""
        return self.hull is None

    @property
    def slices(self) -> tuple[slice, ...]:
        """Slices that cut the region out of the input tensor, axis by axis; all empty if it is."""
        cut = [slice(None)] * self.rank
        for k, axis in enumerate(self.axes):
            cut[axis] = slice(0, 0) if self.hull is None else slice(*_half_open(self.hull[k]))
        return tuple(cut)


def _half_open(pair: tuple[int, int]) -> tuple[int, int]:
    return pair[0], pair[1] + 1


def state_hull(state: State, subject: int, position: Mapping[int, int]) -> tuple[int, int] | None:
    """(first, last) of what one position sees locally of one followed axis, over all parts."""
    first: int | None = None
    last: int | None = None
    for k, part in enumerate(state.parts):
        reach = part[subject]
        if reach is None or not _present(state, k, position):
            continue
        for term in reach.terms:
            seen = _seen_at(confined(term, state, k), state, position)
            if seen:
                first = seen.first if first is None else min(first, seen.first)
                last = seen.last if last is None else max(last, seen.last)
    return None if first is None or last is None else (first, last)


def _present(state: State, part: int, position: Mapping[int, int]) -> bool:
    if state.labels is None:
        return True
    key = tuple(
        slice(None) if axis not in position or n == 1 else position[axis]
        for axis, n in enumerate(state.labels.shape)
    )
    return bool((state.labels[key] == part).any())


def _seen_at(term: Term, state: State, position: Mapping[int, int]) -> IndexSet:
    """What the term sees at one position, over all indices of the axes that are not given."""
    layout = state.layout
    v = 0
    for axis, digit, step in term.carrier:
        if axis in position:
            inner = prod(layout[axis][digit + 1 :])
            v += step * (position[axis] // inner % layout[axis][digit])
    return _over_others(term, layout, position, v).at(v)


def _over_others(term: Term, layout: Layout, given: Container[int], longest: int) -> IndexMap:
    """The term's field as a function of the given axes, over all indices of the others.

    Args:
        term: The term.
        layout: The layout of its tensor.
        given: The axes that are not joined.
        longest: The largest virtual index over the given axes that is asked for.
    """
    field = term.field
    over = [(step, layout[axis][digit]) for axis, digit, step in term.carrier if axis not in given]
    slack = sum(abs(step) * (size - 1) for step, size in over)
    for step, size in over:
        slack -= abs(step) * (size - 1)
        field = gather_digit(field, step, size, longest + slack + 1)
    return field


def hull_tables(state: State, subject: int, axes: Sequence[int]) -> tuple[Table, Table]:
    """What :func:`state_hull` says for every position along some axes at once.

    Args:
        state: The state of the node.
        subject: Which followed axis.
        axes: The node's axes that a position indexes.

    Returns:
        First and last, inclusive, shaped as the axes, with length 1 where nothing varies; the
        first is the larger one where there is no local field.
    """
    shape = state.shape
    first = np.full((1,) * len(axes), NOTHING, dtype=np.int64)
    last = -first
    for k, part in enumerate(state.parts):
        reach = part[subject]
        if reach is None:
            continue
        present = _presence(state, k, axes)
        for term in reach.terms:
            v = _virtual(term, state.layout, axes, shape)
            values, inverse = np.unique(v, return_inverse=True)
            field = _over_others(confined(term, state, k), state.layout, axes, int(values.max()))
            seen = [field.at(int(value)) for value in values]
            ends = np.array([(s.first, s.last) if s else (NOTHING, -NOTHING) for s in seen])
            there = ends[inverse.reshape(-1)].reshape((*v.shape, 2))
            first = np.minimum(first, np.where(present, there[..., 0], NOTHING))
            last = np.maximum(last, np.where(present, there[..., 1], -NOTHING))
    return first, last


def _presence(state: State, part: int, axes: Sequence[int]) -> npt.NDArray[np.bool_]:
    """True where some element of the part stands at a position along the axes."""
    if state.labels is None:
        return np.ones((1,) * len(axes), dtype=bool)
    others = tuple(axis for axis in range(state.labels.ndim) if axis not in axes)
    here = (state.labels == part).any(axis=others)
    return np.asarray(here.reshape([state.labels.shape[axis] for axis in axes]))


def _virtual(
    term: Term, layout: Layout, axes: Sequence[int], shape: Sequence[int]
) -> npt.NDArray[np.int64]:
    """The virtual index at every position, over the digits of the given axes alone."""
    v = np.zeros((1,) * len(axes), dtype=np.int64)
    for axis, digit, step in term.carrier:
        if axis in axes:
            inner = prod(layout[axis][digit + 1 :])
            line = step * (np.arange(shape[axis]) // inner % layout[axis][digit])
            v = v + line.reshape([-1 if other == axis else 1 for other in axes])
    return v
