"""The exact region of the input that reaches one position, and its unclipped counterpart."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from rfgraph.propagation.state import State


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
            v = 0
            for axis, digit, step in term.carrier:
                inner = 1
                for size in state.layout[axis][digit + 1 :]:
                    inner *= size
                v += step * (position.get(axis, 0) // inner % state.layout[axis][digit])
            seen = term.field.at(v)
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
