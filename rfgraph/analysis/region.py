"""The exact region of the input that reaches one position, and its unclipped counterpart."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod

from rfgraph.geometry.index_set import IndexSet
from rfgraph.propagation.digits import gather_digit
from rfgraph.propagation.parts import confined
from rfgraph.propagation.state import State, Term


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
    over: list[tuple[int, int]] = []
    for axis, digit, step in term.carrier:
        size = layout[axis][digit]
        if axis in position:
            v += step * (position[axis] // prod(layout[axis][digit + 1 :]) % size)
        else:
            over.append((step, size))
    field = term.field
    slack = sum(abs(step) * (size - 1) for step, size in over)
    for step, size in over:
        slack -= abs(step) * (size - 1)
        field = gather_digit(field, step, size, v + slack + 1)
    return field.at(v)
