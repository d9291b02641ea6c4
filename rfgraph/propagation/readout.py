"""Reading the field along one input axis off a node's state, over all channels of a position."""

from __future__ import annotations

import numpy as np

from rfgraph.geometry.index_set import EMPTY, IndexSet
from rfgraph.geometry.periodic import Finite, IndexMap, Periodic, stride
from rfgraph.propagation.combinations import combinations
from rfgraph.propagation.digits import carrier_length, gather_digit, size_of
from rfgraph.propagation.field import AxisField
from rfgraph.propagation.merge import flatten_term, union_reaches
from rfgraph.propagation.parts import confined
from rfgraph.propagation.state import (
    Layout,
    Reach,
    State,
    Term,
    batch_axes,
    natural,
    spatial_axes,
)


def axis_field(
    state: State, subject: int, length: int, indexed: frozenset[int] | None = None
) -> AxisField:
    """What a state says of one followed input axis, over all parts of the tensor.

    Args:
        state: The node's state.
        subject: Which followed axis.
        length: Its number of positions.
        indexed: The tensor axes that a position indexes, the batch among them; by default those
            that stand where followed axes stood.
    """
    if indexed is None:
        indexed = frozenset((*spatial_axes(state), *batch_axes(state)))
    plain = _plain(state, subject, length, indexed)
    if plain is not None:
        return plain
    joined: Reach | None = None
    axis = _telling_apart(state, indexed)
    placed: list[IndexSet] = []
    for k, part in enumerate(state.parts):
        reach = part[subject]
        if reach is None:
            continue
        terms = []
        for term in reach.terms:
            one = _indexed(confined(term, state, k), state, indexed, subject)
            if one.carrier or axis is None:
                terms.append(confined(one, state, k))
            else:
                placed = placed or [EMPTY] * state.shape[axis]
                _place(placed, one.field.at(0), state, k, axis)
        here = Reach(tuple(terms[:1]), reach.origins)
        joined = here if joined is None else union_reaches(joined, here, state.layout)
        for one in terms[1:]:
            joined = union_reaches(joined, Reach((one,)), state.layout)
    if placed:
        assert joined is not None
        assert axis is not None
        table = Term(natural(state.layout, axis), Finite(tuple(placed)))
        joined = union_reaches(joined, Reach((table,)), state.layout)
    if joined is None:
        return AxisField(length, None, ())
    if not joined.terms:
        return AxisField(length, None, joined.origins)
    if len(joined.terms) > 1:
        kinds = combinations(state, subject, joined, indexed)
        if kinds is not None:
            return AxisField(length, kinds, joined.origins, stepped=False)
        hull = EMPTY
        for term in joined.terms:
            hull = hull.union(_everywhere(term, state.layout))
        return AxisField(length, Periodic(1, 0, (hull,)), joined.origins, resolved=False)
    (term,) = joined.terms
    if not term.carrier:
        return AxisField(length, Periodic(1, 0, (term.field.at(0),)), joined.origins)
    axis = term.carrier[0][0]
    if term.carrier == natural(state.layout, axis):
        return AxisField(length, term.field, joined.origins, axis)
    if len(term.carrier) == 1 and term.carrier[0][2] != 1:
        by, count = term.carrier[0][2], size_of(state.layout, term.carrier[0])
        return AxisField(length, _paced(term.field, by, count), joined.origins)
    several = len({entry[0] for entry in term.carrier}) > 1
    has_phases = isinstance(term.field, Periodic) and term.field.period > 1
    return AxisField(length, term.field, joined.origins, stepped=not (several and has_phases))


def _plain(state: State, subject: int, length: int, indexed: frozenset[int]) -> AxisField | None:
    """The common case: one part, one term, along one whole axis that a position indexes."""
    if state.labels is not None:
        return None
    reach = state.parts[0][subject]
    if reach is None:
        return AxisField(length, None, ())
    if not reach.terms:
        return AxisField(length, None, reach.origins)
    term = reach.terms[0]
    if len(reach.terms) > 1 or len(term.carrier) != 1:
        return None
    axis, digit, by = term.carrier[0]
    if digit or by != 1 or len(state.layout[axis]) > 1 or axis not in indexed:
        return None
    return AxisField(length, term.field, reach.origins, axis)


def _paced(field: IndexMap, by: int, count: int) -> IndexMap:
    if isinstance(field, Periodic):
        return stride(field, by)
    return Finite(tuple(field.at(by * i) for i in range(count)))


def _indexed(term: Term, state: State, indexed: frozenset[int], subject: int) -> Term:
    """The term as a function of the axes that a position indexes, over everything else.

    What moves along channels (a pixel unshuffle) is part of what a position sees. On an axis of its
    own the term takes the plain index, so that the jump counts steps of the axis even where the
    field moves once per window; on an axis shared by several input axes (tokens of an image) it
    takes the index of its own digit.
    """
    layout = state.layout
    field = term.field
    rest = tuple(e for e in term.carrier if e[0] in indexed)
    over = [e for e in term.carrier if e[0] not in indexed]
    length = carrier_length(layout, rest) or 1
    for k, entry in enumerate(over):
        slack = sum(abs(e[2]) * (size_of(layout, e) - 1) for e in over[k + 1 :])
        field = gather_digit(field, entry[2], size_of(layout, entry), length + slack)
    term = Term(rest, field)
    axes = {axis for axis, _, _ in rest}
    if not axes:
        return Term((), Periodic(1, 0, (term.field.at(0),)))
    if len(axes) > 1:
        return term
    (axis,) = axes
    if len(layout[axis]) > 1 and _shared(state, subject, axis):
        return term
    flat = flatten_term(term, axis, layout)
    if flat is None:
        return term
    if flat.carrier and flat.carrier[0][2] not in (0, 1):
        flat = Term(((axis, 0, 1),), _paced(flat.field, flat.carrier[0][2], state.shape[axis]))
    return Term(natural(layout, axis), flat.field)


def _telling_apart(state: State, indexed: frozenset[int]) -> int | None:
    """An axis that a position indexes and on which parts differ; None if there is none.

    The batch comes last: a position is asked of all samples at once.
    """
    labels = state.labels
    if labels is None:
        return None
    batch = batch_axes(state)
    order = sorted(indexed, key=lambda axis: (axis in batch, axis))
    return next((axis for axis in order if labels.shape[axis] > 1), None)


def _place(table: list[IndexSet], seen: IndexSet, state: State, part: int, axis: int) -> None:
    """Add what a part sees at all its positions to a table along the axis."""
    assert state.labels is not None
    others = tuple(k for k in range(state.labels.ndim) if k != axis)
    for place in np.flatnonzero((state.labels == part).any(axis=others)).tolist():
        table[place] = table[place].union(seen)


def _shared(state: State, subject: int, axis: int) -> bool:
    return any(
        entry[0] == axis and size_of(state.layout, entry) > 1
        for part in state.parts
        for k, reach in enumerate(part)
        if reach is not None and k != subject
        for term in reach.terms
        for entry in term.carrier
    )


def _everywhere(term: Term, layout: Layout) -> IndexSet:
    """All that the term sees at any position."""
    if isinstance(term.field, Finite):
        seen = EMPTY
        for one in term.field.sets:
            seen = seen.union(one)
        return seen
    field: IndexMap = term.field
    for entry in term.carrier:
        field = gather_digit(field, entry[2], size_of(layout, entry), 1)
    return field.at(0)
