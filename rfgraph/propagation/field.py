"""The classical numbers of a field along one input axis, read off a state."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

import numpy as np

from rfgraph.geometry.index_set import EMPTY, IndexSet, union_all
from rfgraph.geometry.periodic import Finite, IndexMap, Periodic
from rfgraph.propagation.digits import carrier_length, size_of
from rfgraph.propagation.merge import flatten_term, union_reaches
from rfgraph.propagation.state import Layout, Reach, State, Term


@dataclass(frozen=True)
class AxisField:
    """How one node sees one input axis, in input positions, unclipped.

    Attributes:
        length: Length of the input axis.
        local: The field over local paths as a function of the output index; None if there is none.
        origins: Nodes that first made the axis global; empty if no path mixes it.
        resolved: Whether one function describes all local paths; if not, ``local`` bounds them.
    """

    length: int
    local: IndexMap | None
    origins: tuple[str, ...]
    resolved: bool = True

    @property
    def is_global(self) -> bool:
        """Whether some path mixes the whole axis."""
        return bool(self.origins)

    @property
    def reaches(self) -> bool:
        """Whether the axis reaches the node by any path."""
        return self.local is not None or self.is_global

    @cached_property
    def interior(self) -> Periodic | None:
        """The quasi-affine field of interior elements; None without a local path or a pattern."""
        if self.local is None or isinstance(self.local, Periodic):
            return self.local
        return _interior(self.local)

    def _phases(self) -> list[IndexSet]:
        pattern = self.interior or self.local
        return [s for s in pattern.sets if s] if pattern is not None else []

    @cached_property
    def size(self) -> int | None:
        """Positions from first to last inclusive; the largest phase."""
        return max((s.extent for s in self._phases()), default=None)

    @cached_property
    def size_min(self) -> int | None:
        """As ``size``, the smallest phase that sees anything."""
        return min((s.extent for s in self._phases()), default=None)

    @cached_property
    def size_max(self) -> int | None:
        """The largest hull at any position, border and seam positions included."""
        if isinstance(self.local, Finite):
            return max((s.extent for s in self.local.sets), default=None)
        return self.size

    @cached_property
    def support(self) -> int | None:
        """Positions really read inside the hull; fewer than ``size`` means holes."""
        return max((len(s) for s in self._phases()), default=None)

    @cached_property
    def jump(self) -> Fraction | int | None:
        """Input positions per step of the output index."""
        slope = self._slope
        if slope is None:
            return None
        return slope.numerator if slope.denominator == 1 else slope

    @cached_property
    def _slope(self) -> Fraction | None:
        if self.interior is not None:
            return self.interior.slope
        if self.local is None:
            return None
        # Without a pattern: the mean pace between the first and the last element.
        seen = [(i, s.first) for i, s in enumerate(self.local.sets) if s]
        span = seen[-1][0] - seen[0][0] if seen else 0
        return Fraction(seen[-1][1] - seen[0][1], span) if span else Fraction(0)

    @cached_property
    def period(self) -> int | None:
        """Number of phases; the number of elements where no pattern repeats."""
        if self.interior is not None:
            return self.interior.period
        return len(self.local.sets) if self.local is not None else None

    @cached_property
    def start(self) -> int | None:
        """First position of output element 0 (of the first element that sees anything)."""
        return next((s.first for s in self._phases()), None)

    @cached_property
    def center(self) -> Fraction | int | None:
        """``start + (size - 1) / 2``."""
        if self.start is None or self.size is None:
            return None
        middle = self.start + Fraction(self.size - 1, 2)
        return middle.numerator if middle.denominator == 1 else middle

    @cached_property
    def middle(self) -> Fraction | None:
        """Mean over the phases of the hull's centre, less what the phase advances by.

        Equal for branches that are aligned, whatever their numbers of phases.
        """
        pattern, slope = self.interior or self.local, self._slope
        if pattern is None or slope is None:
            return None
        centres = [
            Fraction(s.first + s.last, 2) - slope * phase
            for phase, s in enumerate(pattern.sets)
            if s
        ]
        return sum(centres, Fraction(0)) / len(centres) if centres else None

    @cached_property
    def covers_input(self) -> bool:
        """Whether an interior element's hull is at least as long as the axis."""
        return self.size is not None and self.size >= self.length


def _interior(field: Finite) -> Periodic | None:
    """The pattern around the middle of a table, or None if there is none.

    Of the periods up to 64, the one whose pattern holds over the longest run around the middle is
    taken, if the run is at least half of the table and shows two whole periods and one element.
    """
    sets = field.sets
    n = len(sets)
    middle = n // 2
    best: tuple[int, Periodic] | None = None
    for period in range(1, min(64, (n - 1) // 2) + 1):
        low = min(max(middle - period // 2, 0), n - period - 1)
        if not sets[low] or not sets[low + period]:
            continue
        step = sets[low + period].first - sets[low].first
        first, last = low, low + period - 1
        while last + 1 < n and sets[last + 1] == sets[last + 1 - period].shift(step):
            last += 1
        while first > 0 and sets[first - 1] == sets[first - 1 + period].shift(-step):
            first -= 1
        run = last - first + 1
        if run >= 2 * period + 1 and 2 * run >= n and (best is None or run > best[0]):
            phases = tuple(
                sets[first + (o - first) % period].shift(step * ((o - first) // period))
                for o in range(period)
            )
            best = (run, Periodic(period, step, phases))
    return best[1] if best is not None else None


def axis_field(state: State, subject: int, length: int) -> AxisField:
    """What a state says of one followed input axis, over all parts of the tensor.

    Args:
        state: The node's state.
        subject: Which followed axis.
        length: Its number of positions.
    """
    joined: Reach | None = None
    for k, part in enumerate(state.parts):
        reach = part[subject]
        if reach is None:
            continue
        reach = Reach(tuple(_confined(t, state, k) for t in reach.terms), reach.origins)
        joined = reach if joined is None else union_reaches(joined, reach, state.layout)
    if joined is None:
        return AxisField(length, None, ())
    if not joined.terms:
        return AxisField(length, None, joined.origins)
    if len(joined.terms) == 1:
        term = _along_its_axis(joined.terms[0], state, subject)
        return AxisField(length, term.field, joined.origins)
    hull = union_all(_everywhere(term, state.layout) for term in joined.terms)
    return AxisField(length, Periodic(1, 0, (hull,)), joined.origins, resolved=False)


def _along_its_axis(term: Term, state: State, subject: int) -> Term:
    """The term over the plain index of its tensor axis, if no other followed axis shares that.

    Then the jump counts steps of the axis, also where the field moves once per window. On an axis
    that is shared (tokens of an image) it counts steps of the term's own digit.
    """
    axes = {axis for axis, _, _ in term.carrier}
    if len(axes) != 1:
        return term
    (axis,) = axes
    if len(state.layout[axis]) == 1 or _shared(state, subject, axis):
        return term
    return flatten_term(term, axis, state.layout) or term


def _shared(state: State, subject: int, axis: int) -> bool:
    return any(
        entry[0] == axis
        for part in state.parts
        for k, reach in enumerate(part)
        if reach is not None and k != subject
        for term in reach.terms
        for entry in term.carrier
    )


def _confined(term: Term, state: State, part: int) -> Term:
    """The term cut to the positions that a part occupies along the digits that carry it."""
    labels, layout = state.labels, state.layout
    length = carrier_length(layout, term.carrier)
    if labels is None or length is None or not term.carrier:
        return term
    axes = sorted({axis for axis, _, _ in term.carrier})
    if all(labels.shape[axis] == 1 for axis in axes):
        return term
    others = tuple(axis for axis in range(labels.ndim) if axis not in axes)
    present = (labels == part).any(axis=others)
    present = np.broadcast_to(present, [state.shape[axis] for axis in axes])
    present = present.reshape([n for axis in axes for n in layout[axis]])
    places = [(axis, digit) for axis in axes for digit in range(len(layout[axis]))]
    strides = {(axis, digit): stride for axis, digit, stride in term.carrier}
    index = np.zeros((1,) * len(places), dtype=np.int64)
    for k, place in enumerate(places):
        line = np.arange(present.shape[k], dtype=np.int64) * strides.get(place, 0)
        index = index + line.reshape([-1 if j == k else 1 for j in range(len(places))])
    seen = np.zeros(length, dtype=bool)
    seen[np.broadcast_to(index, present.shape)[present]] = True
    if seen.all():
        return term
    return Term(
        term.carrier,
        Finite(tuple(term.field.at(v) if here else EMPTY for v, here in enumerate(seen.tolist()))),
    )


def _everywhere(term: Term, layout: Layout) -> IndexSet:
    positions = np.zeros(1, dtype=np.int64)
    for entry in term.carrier:
        line = np.arange(size_of(layout, entry), dtype=np.int64) * entry[2]
        positions = np.unique((positions[:, None] + line).reshape(-1))
    return union_all(term.field.at(int(v)) for v in positions)


def fields_of(state: State, subjects: Sequence[tuple[int, int]]) -> tuple[AxisField, ...]:
    """The fields along several followed axes, given as (subject, length)."""
    return tuple(axis_field(state, subject, length) for subject, length in subjects)
