"""Making one part of several, where position alone tells what an element sees.

A roll, a concatenation along a field's own axis or a stack of selected rows gives parts that differ
only by where they stand. Tabulated along that axis they are one field again; without this every
shifted window would double the parts.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from math import lcm

import numpy as np

from rfgraph.geometry.index_set import EMPTY, IndexSet
from rfgraph.geometry.periodic import Finite, Periodic, fold, periodic, same_slope
from rfgraph.propagation.parts import Pattern, occupied, repetition
from rfgraph.propagation.state import (
    Carrier,
    Digit,
    Labels,
    Layout,
    Part,
    Reach,
    Stand,
    Term,
    natural,
)


def collapsed(
    layout: Layout, parts: Sequence[Part], labels: Labels, stands: Collection[Stand]
) -> Part | None:
    """One part that says of every element what its own part says, or None if there is none.

    Elements that no input reaches, such as a class token, may be said to know their own sample.

    Args:
        layout: Digits of the tensor's axes.
        parts: The parts, two or more.
        labels: Which part each element belongs to.
        stands: What the digits stand for.
    """
    batch = {(axis, digit) for axis, digit, analysed in stands if not analysed}
    varying = [axis for axis, n in enumerate(labels.shape) if n > 1]
    joined: list[Reach | None] = []
    for subject in range(len(parts[0])):
        reaches = [part[subject] for part in parts]
        first = reaches[0]
        if all(reach == first for reach in reaches):
            joined.append(first)
            continue
        one = _joined(layout, reaches, labels, varying, batch)
        if one is None:
            return None
        joined.append(one)
    return tuple(joined)


def _joined(
    layout: Layout,
    reaches: Sequence[Reach | None],
    labels: Labels,
    varying: list[int],
    batch: Collection[Digit],
) -> Reach | None:
    present = [reach for reach in reaches if reach is not None]
    if any(len(reach.terms) != 1 or reach.origins != present[0].origins for reach in present):
        return None
    carrier = present[0].terms[0].carrier
    if any(reach.terms[0].carrier != carrier for reach in present):
        return None
    if carrier and {axis for axis, _, _ in carrier} & set(varying):
        terms = [None if reach is None else reach.terms[0] for reach in reaches]
        term = _tabulated(layout, terms, carrier, labels)
    elif len(present) < len(reaches):
        own = carrier and all((axis, digit) in batch for axis, digit, _ in carrier)
        same = all(reach == present[0] for reach in present)
        return present[0] if own and same else None
    elif not carrier:
        term = _restacked(layout, [reach.terms[0] for reach in present], labels, varying)
    else:
        return None
    return None if term is None else Reach((term,), present[0].origins)


def _tabulated(
    layout: Layout, terms: Sequence[Term | None], carrier: Carrier, labels: Labels
) -> Term | None:
    """The parts' fields as one table, if no index is shared by parts that disagree there."""
    stood = [occupied(carrier, layout, labels, k) for k in range(len(terms))]
    seen = [one for one in stood if one is not None]
    if len(seen) < len(stood):
        return None
    phases = _phases(layout, terms, carrier, seen)
    if phases is not None:
        return Term(carrier, phases)
    table: list[IndexSet | None] = [None] * len(seen[0])
    for term, here in zip(terms, seen, strict=True):
        for v in np.flatnonzero(here).tolist():
            found = EMPTY if term is None else term.field.at(v)
            if table[v] is None:
                table[v] = found
            elif table[v] != found:
                return None
    return Term(carrier, fold(Finite(tuple(EMPTY if s is None else s for s in table))))


def _phases(
    layout: Layout, terms: Sequence[Term | None], carrier: Carrier, seen: Sequence[Pattern]
) -> Periodic | None:
    """The parts' fields as the phases of one, if the parts take turns and advance alike."""
    fields = [term.field for term in terms if term is not None]
    periods = [field for field in fields if isinstance(field, Periodic)]
    if len(periods) < len(fields) or any(not same_slope(f, periods[0]) for f in periods):
        return None
    if sum(map(np.count_nonzero, seen)) > np.count_nonzero(np.any(seen, axis=0)):
        return None
    which = np.full(len(seen[0]), -1, dtype=np.int64)
    for k, here in enumerate(seen):
        which[here] = k
    turn = repetition(which, carrier, layout, periods)
    if turn is None:
        return None
    period = lcm(turn, *(field.period for field in periods))
    if len(which) < 2 * period:
        return None
    sets: list[IndexSet] = []
    for v in range(period):
        term = terms[which[v % turn]] if which[v % turn] >= 0 else None
        sets.append(EMPTY if term is None else term.field.at(v))
    return periodic(period, periods[0].advance * (period // periods[0].period), tuple(sets))


def _restacked(
    layout: Layout, terms: Sequence[Term], labels: Labels, varying: list[int]
) -> Term | None:
    """Rows that were selected one by one and stacked again, as the axis that they came from."""
    if len(varying) != 1 or labels.shape[varying[0]] < 3:
        return None
    (axis,) = varying
    order = labels.reshape(-1).tolist()
    field = fold(Finite(tuple(terms[k].field.at(0) for k in order)))
    if not isinstance(field, Periodic) or not field.advance:
        return None
    return Term(natural(layout, axis), field)
