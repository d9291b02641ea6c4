"""Where the parts of a tensor stand: cutting a part's fields to the positions that it occupies."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from math import lcm, prod
from typing import Any

import numpy as np
import numpy.typing as npt

from rfgraph.geometry.index_set import EMPTY
from rfgraph.geometry.periodic import Finite, IndexMap, Periodic, periodic
from rfgraph.propagation.digits import carrier_length
from rfgraph.propagation.state import Carrier, Labels, Layout, State, Term

Pattern = npt.NDArray[Any]


def confined(term: Term, state: State, part: int) -> Term:
    """The term cut to the positions that a part occupies along the digits that carry it."""
    if state.labels is None or not term.carrier:
        return term
    axes = {axis for axis, _, _ in term.carrier}
    if all(state.labels.shape[axis] == 1 for axis in axes):
        return term
    seen = occupied(term.carrier, state.layout, state.labels, part)
    if seen is None or seen.all():
        return term
    if isinstance(term.field, Periodic):
        period = repetition(seen, term.carrier, state.layout, [term.field])
        if period is not None:
            return Term(term.carrier, _cut_phases(term.field, tuple(seen[:period].tolist())))
    return Term(term.carrier, _cut(term.field, tuple(seen.tolist())))


@lru_cache(maxsize=4096)
def _cut(field: IndexMap, kept: tuple[bool, ...]) -> Finite:
    return Finite(tuple(field.at(v) if here else EMPTY for v, here in enumerate(kept)))


@lru_cache(maxsize=4096)
def _cut_phases(field: Periodic, kept: tuple[bool, ...]) -> Periodic:
    period = lcm(field.period, len(kept))
    sets = tuple(field.at(v) if kept[v % len(kept)] else EMPTY for v in range(period))
    return periodic(period, field.advance * (period // field.period), sets)


def repetition(
    pattern: Pattern, carrier: Carrier, layout: Layout, fields: Iterable[Periodic]
) -> int | None:
    """The period of a pattern over a carrier's virtual index, if it is the layout's or a field's.

    Whole inner digits are tried, since a pattern that varies along them repeats with the outer
    ones; it must be there twice at least. None if there is no such period.
    """
    tried = {stride for _, _, stride in carrier if stride > 1}
    tried.update(field.period for field in fields)
    for axis in {axis for axis, _, _ in carrier}:
        tried.update(prod(layout[axis][k:]) for k in range(1, len(layout[axis])))
    for period in sorted(tried):
        turns, rest = divmod(len(pattern), period)
        if rest or turns < 2 or len(pattern) < 3:
            continue
        if (pattern.reshape(turns, period) == pattern[:period]).all():
            return period
    return None


def occupied(
    carrier: Carrier, layout: Layout, labels: Labels, part: int
) -> npt.NDArray[np.bool_] | None:
    """True at every virtual index over a carrier at which some element of a part stands.

    None when the virtual index is not bounded from below by 0.
    """
    length = carrier_length(layout, carrier)
    if length is None:
        return None
    axes = sorted({axis for axis, _, _ in carrier})
    others = tuple(axis for axis in range(labels.ndim) if axis not in axes)
    present = (labels == part).any(axis=others)
    present = np.broadcast_to(present, [prod(layout[axis]) for axis in axes])
    present = present.reshape([n for axis in axes for n in layout[axis]])
    places = [(axis, digit) for axis in axes for digit in range(len(layout[axis]))]
    strides = {(axis, digit): stride for axis, digit, stride in carrier}
    index = np.zeros((1,) * len(places), dtype=np.int64)
    for k, place in enumerate(places):
        line = np.arange(present.shape[k], dtype=np.int64) * strides.get(place, 0)
        index = index + line.reshape([-1 if j == k else 1 for j in range(len(places))])
    seen = np.zeros(length, dtype=bool)
    seen[np.broadcast_to(index, present.shape)[present]] = True
    return seen
