"""The classical numbers of a field along one input axis, read off a state."""

from __future__ import annotations

from fractions import Fraction
from functools import lru_cache
from typing import NamedTuple

from rfgraph.geometry.index_set import IndexSet
from rfgraph.geometry.periodic import Finite, IndexMap, Periodic


class AxisField(NamedTuple):
    """How one node sees one input axis, in input positions, unclipped.

    Attributes:
        length: Length of the input axis.
        local: The field over local paths as a function of the output index; None if there is none.
        along: The node's tensor axis whose index the function takes; None where it is constant or
            takes the index of a part of an axis (tokens of an image, windows).
        origins: Nodes that first made the axis global; empty if no path mixes it.
        resolved: Whether one function describes all local paths; if not, ``local`` bounds them.
        stepped: Whether one index moves through the field. Taps and windows that stand on axes of
            their own have no common step, and so no jump.
    """

    length: int
    local: IndexMap | None
    origins: tuple[str, ...]
    along: int | None = None
    resolved: bool = True
    stepped: bool = True

    @property
    def is_global(self) -> bool:
        """Whether some path mixes the whole axis."""
        return bool(self.origins)

    @property
    def reaches(self) -> bool:
        """Whether the axis reaches the node by any path."""
        return self.local is not None or self.is_global

    @property
    def interior(self) -> Periodic | None:
        """The quasi-affine field of interior elements; None without a local path or a pattern."""
        if self.local is None or isinstance(self.local, Periodic):
            return self.local
        return _interior(self.local) if self.stepped else None

    @property
    def _pattern(self) -> IndexMap | None:
        local = self.local
        return local if isinstance(local, Periodic) else self.interior or local

    @property
    def size(self) -> int | None:
        """Positions from first to last inclusive; the largest phase."""
        pattern = self._pattern
        return None if pattern is None else _extents(pattern)[1]

    @property
    def size_min(self) -> int | None:
        """As ``size``, the smallest phase that sees anything."""
        pattern = self._pattern
        return None if pattern is None else _extents(pattern)[0]

    @property
    def size_max(self) -> int | None:
        """The largest hull at any position, border and seam positions included."""
        if isinstance(self.local, Finite):
            return _extents(self.local)[1]
        return self.size

    @property
    def support(self) -> int | None:
        """Positions really read inside the hull; fewer than ``size`` means holes."""
        pattern = self._pattern
        return max((len(s) for s in pattern.sets if s), default=None) if pattern else None

    @property
    def jump(self) -> Fraction | int | None:
        """Input positions per step of the output index; None where no pattern repeats."""
        interior = self.interior
        if interior is None or not self.stepped:
            return None
        slope = interior.slope
        return slope.numerator if slope.denominator == 1 else slope

    @property
    def period(self) -> int | None:
        """Number of phases; the number of elements where no pattern repeats."""
        pattern = self._pattern
        if pattern is None:
            return None
        return pattern.period if isinstance(pattern, Periodic) else len(pattern.sets)

    @property
    def start(self) -> int | None:
        """First position of output element 0 (of the first element that sees anything)."""
        pattern = self._pattern
        return next((s.first for s in pattern.sets if s), None) if pattern else None

    @property
    def center(self) -> Fraction | int | None:
        """``start + (size - 1) / 2``."""
        start, size = self.start, self.size
        if start is None or size is None:
            return None
        middle = start + Fraction(size - 1, 2)
        return middle.numerator if middle.denominator == 1 else middle

    @property
    def middle(self) -> Fraction | None:
        """Mean over the phases of the hull's centre, less what the phase advances by.

        Equal for branches that are aligned, whatever their numbers of phases.
        """
        pattern = self.interior
        if pattern is None:
            return None
        centres = [
            Fraction(s.first + s.last, 2) - pattern.slope * phase
            for phase, s in enumerate(pattern.sets)
            if s
        ]
        return sum(centres, Fraction(0)) / len(centres) if centres else None

    @property
    def moves(self) -> bool:
        """Whether an index of an axis as long as the input's sees another position than its own."""
        if self.along is None or self.local is None:
            return False
        if isinstance(self.local, Periodic):
            # A start other than 0 is a slice: the axis is shorter.
            return self.local.slope == -1 and self.length > 1
        sets = self.local.sets
        own = (s.extent == 1 and s.first == i for i, s in enumerate(sets) if s)
        return len(sets) == self.length and not all(own)

    @property
    def covers_input(self) -> bool:
        """Whether an interior element's hull is at least as long as the axis."""
        size = self.size
        return size is not None and size >= self.length


@lru_cache(maxsize=8192)
def _extents(field: IndexMap) -> tuple[int | None, int | None]:
    """The smallest and the largest extent of an entry that reads anything; None if none does."""
    extents = [s.extent for s in field.sets if s.bits]
    return (min(extents), max(extents)) if extents else (None, None)


@lru_cache(maxsize=4096)
def _interior(field: Finite) -> Periodic | None:
    """The pattern around the middle of a table, or None if there is none.

    Of the periods up to 64, the one whose pattern holds over the longest run around the middle is
    taken, if the run is at least half of the table and shows two whole periods and one element. A
    run of equal entries that the rest of the table leaves is no pattern: it is one window.
    """
    sets = field.sets
    n = len(sets)
    middle = n // 2
    best: tuple[int, Periodic] | None = None
    for period in range(1, min(64, (n - 1) // 2) + 1):
        low = min(max(middle - period // 2, 0), n - period - 1)
        step = _pace(sets, low, period)
        if step is None:
            continue
        first, last = low, low + period - 1
        while last + 1 < n and sets[last + 1] == sets[last + 1 - period].shift(step):
            last += 1
        while first > 0 and sets[first - 1] == sets[first - 1 + period].shift(-step):
            first -= 1
        run = last - first + 1
        if run < 2 * period + 1 or 2 * run < n or (step == 0 and run < n):
            continue
        if best is None or run > best[0]:
            phases = tuple(
                sets[first + (o - first) % period].shift(step * ((o - first) // period))
                for o in range(period)
            )
            best = (run, Periodic(period, step, phases))
    return best[1] if best is not None else None


def _pace(sets: tuple[IndexSet, ...], low: int, period: int) -> int | None:
    """What the entries advance by from one period to the next; None if no pair shows it."""
    for i in range(low, min(low + period, len(sets) - period)):
        if sets[i] and sets[i + period]:
            return sets[i + period].first - sets[i].first
    return None
