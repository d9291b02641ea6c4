"""The best of a stream, without keeping the rest."""

from __future__ import annotations

import heapq
from dataclasses import dataclass, field
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(slots=True)
class Best(Generic[T]):
    """The `k` things of highest score among all that were offered; of equals, the earlier.

    >>> best = Best(2)
    >>> for score, thing in ((1.0, "a"), (3.0, "b"), (2.0, "c"), (3.0, "d")):
    ...     best.offer(score, thing)
    >>> best.ranked()
    [(3.0, 'b'), (3.0, 'd')]
    """

    k: int
    _heap: list[tuple[float, int, T]] = field(default_factory=list)
    _offered: int = 0

    def offer(self, score: float, thing: T) -> None:
        """Keep `thing` if it is among the best so far."""
        self._offered += 1
        entry = (score, -self._offered, thing)
        if len(self._heap) < self.k:
            heapq.heappush(self._heap, entry)
        elif score > self._heap[0][0]:
            heapq.heapreplace(self._heap, entry)

    def ranked(self) -> list[tuple[float, T]]:
        """Return what is kept with its scores, the best first."""
        return [(score, thing) for score, _, thing in sorted(self._heap, reverse=True)]
