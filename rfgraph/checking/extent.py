"""How far elements really see, where that is not what was predicted."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from rfgraph.checking.element import BoolArray, Element
from rfgraph.checking.finding import Hull
from rfgraph.checking.taint import Question


@dataclass
class _Search:
    """A bisection for one end along one axis.

    Attributes:
        element: Whose.
        axis: Along which of its axes.
        low: The first index that the end may be.
        high: The last one.
        is_first: Whether the first end is looked for, not the last.
    """

    element: Element
    axis: int
    low: int
    high: int
    is_first: bool

    @property
    def middle(self) -> int:
        return (self.low + self.high + (not self.is_first)) // 2

    def question(self) -> Question:
        last = self.element.footprint.shape[self.axis] - 1
        first, last = (0, self.middle) if self.is_first else (self.middle, last)
        return _band(self.element, self.axis, first, last)

    def learn(self, *, reaches: bool) -> None:
        if self.is_first == reaches:
            self.high = self.middle - (not self.is_first)
        else:
            self.low = self.middle + self.is_first


def extents(
    ask: Callable[[Sequence[Question]], Sequence[bool]], elements: Sequence[Element]
) -> dict[Element, list[Hull]]:
    """Return how far each element sees along each of its axes.

    All ends of all elements are narrowed in step, with half-planes of NaN, so that a round of
    questions shares passes.
    """
    along = [(element, k) for element in elements for k in range(element.footprint.ndim)]
    asked = [_band(e, k, 0, e.footprint.shape[k] - 1) for e, k in along]
    seen = [pair for pair, reaches in zip(along, ask(asked), strict=True) if reaches]
    ends = {
        (e, k, first): _Search(e, k, 0, e.footprint.shape[k] - 1, first)
        for e, k in seen
        for first in (True, False)
    }
    while left := [search for search in ends.values() if search.low < search.high]:
        replies = ask([search.question() for search in left])
        for search, reaches in zip(left, replies, strict=True):
            search.learn(reaches=reaches)
    return {
        e: [
            (ends[e, k, True].low, ends[e, k, False].low) if (e, k, True) in ends else None
            for k in range(e.footprint.ndim)
        ]
        for e in elements
    }


def _band(element: Element, k: int, first: int, last: int) -> Question:
    """Return whether NaN at all positions with index `first` to `last` along axis `k` arrives."""
    band: BoolArray = np.zeros_like(element.footprint)
    band[tuple(slice(first, last + 1) if a == k else slice(None) for a in range(band.ndim))] = True
    return Question(element, band)
