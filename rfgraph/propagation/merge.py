"""Union of states: what reaches a tensor by any of several ways."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache, reduce
from math import prod

import numpy as np

from rfgraph.geometry.periodic import Finite, IndexMap, Periodic, fold, same_slope, union
from rfgraph.propagation.collapse import collapsed
from rfgraph.propagation.digits import (
    carrier_length,
    express,
    is_constant,
    refine_axis,
    refinement,
    restated,
    unresolved,
)
from rfgraph.propagation.note import Note, Status
from rfgraph.propagation.state import (
    Carrier,
    Labels,
    Layout,
    Part,
    Reach,
    Stand,
    State,
    Term,
    axis_stand,
    carries,
    natural,
    numbered,
)
from rfgraph.propagation.tabulate import merged

LONGEST_TABLE = 1 << 14
"""Positions beyond which maps of unequal slope stay two terms instead of one table."""

TermChange = Callable[[Term], Term]


def union_states(states: Sequence[State]) -> State:
    """The state of a tensor that each of the given states reaches; all have its shape."""
    first = states[0]
    if len(states) == 1 or states.count(first) == len(states):
        return first
    states = aligned(states)
    layout = states[0].layout
    notes, stands = states[0].notes, states[0].stands
    for state in states[1:]:
        # Mostly equal: a residual stream and what is added to it.
        notes = notes if state.notes <= notes else notes | state.notes
        stands = stands if state.stands <= stands else stands | state.stands
    if all(state.labels is None for state in states):
        part = union_many([state.parts[0] for state in states], layout)
        return State(layout, (part,), None, stands, notes)
    choices, labels = _combined([s for s in states if s.labels is not None])
    plain = [s.parts[0] for s in states if s.labels is None]
    nothing: Part = (None,) * len(states[0].parts[0])
    parts = tuple(union_many([*plain, *chosen] or [nothing], layout) for chosen in choices)
    return compact(layout, parts, labels, stands, notes)


def _combined(states: Sequence[State]) -> tuple[list[list[Part]], Labels]:
    """Every combination of parts that occurs at some element, and which one occurs where."""
    codes = np.zeros((1,) * len(states[0].layout), np.int64)
    combinations: list[list[Part]] = [[]]
    for state in states:
        assert state.labels is not None
        codes = codes + len(combinations) * state.labels
        seen, codes = distinct(codes)
        combinations = [
            _with_part(combinations[c % len(combinations)], state.parts[c // len(combinations)])
            for c in seen
        ]
    return combinations, codes


def _with_part(parts: list[Part], part: Part) -> list[Part]:
    return [*parts, part] if any(reach is not None for reach in part) else parts


def distinct(codes: Labels) -> tuple[list[int], Labels]:
    """The values that occur, ascending, and for each element the place of its value among them."""
    top = int(codes.max())
    if top > 4 * codes.size + 64:
        values, places = np.unique(codes, return_inverse=True)
        return values.tolist(), places.reshape(codes.shape)
    present = np.zeros(top + 1, dtype=np.int64)
    present[codes] = 1
    values = np.flatnonzero(present)
    present[values] = np.arange(values.size)
    return values.tolist(), present[codes]


def compact(
    layout: Layout,
    parts: tuple[Part, ...],
    labels: Labels,
    stands: frozenset[Stand],
    notes: frozenset[Note],
) -> State:
    """The state with equal parts made one, and without labels where there is one part."""
    kept: dict[Part, int] = {}
    renamed = np.array([kept.setdefault(part, len(kept)) for part in parts], dtype=np.int64)
    if len(kept) == 1:
        return State(layout, tuple(kept), None, stands, notes)
    if len(kept) < len(parts):
        labels = renamed[labels]
    for axis, length in enumerate(labels.shape):
        if length > 1 and _is_uniform(labels, axis):
            labels = _first(labels, axis)
    one = collapsed(layout, tuple(kept), labels, stands)
    if one is not None:
        return State(layout, (one,), None, stands, notes)
    return State(layout, tuple(kept), labels, stands, notes)


def _first(labels: Labels, axis: int) -> Labels:
    place = [slice(None)] * labels.ndim
    place[axis] = slice(0, 1)
    return labels[tuple(place)]


def _is_uniform(labels: Labels, axis: int) -> bool:
    """Whether labels do not vary along an axis; told by one other index where they do, mostly."""
    first = _first(labels, axis)
    last = _first(np.flip(labels, axis), axis)
    return bool((first == last).all()) and bool((labels == first).all())


def union_many(parts: Sequence[Part], layout: Layout) -> Part:
    """What reaches an element by any of the parts; the empty list must not occur."""
    # From the left, so that the unions of a growing concatenation are found in the cache.
    return reduce(lambda a, b: a if a is b else union_parts(a, b, layout), parts)


@lru_cache(maxsize=8192)
def union_parts(a: Part, b: Part, layout: Layout) -> Part:
    """What reaches an element by either part, subject by subject."""
    if a == b:
        return a
    return tuple(
        x if y is None or x is y else y if x is None else union_reaches(x, y, layout)
        for x, y in zip(a, b, strict=True)
    )


@lru_cache(maxsize=8192)
def union_reaches(a: Reach, b: Reach, layout: Layout) -> Reach:
    """The terms and origins of both; terms over the same digits become one."""
    if a == b:
        return a
    terms = list(a.terms)
    for term in b.terms:
        _add_term(terms, term, layout)
    origins = a.origins + tuple(o for o in b.origins if o not in a.origins)
    return Reach(tuple(sorted(terms, key=lambda t: t.carrier)), origins)


def _add_term(terms: list[Term], new: Term, layout: Layout) -> None:
    for k, old in enumerate(terms):
        joined = _join(old, new, layout)
        if joined is not None:
            terms[k] = joined
            return
    terms.append(new)


def _join(a: Term, b: Term, layout: Layout) -> Term | None:
    """Both terms as one over common digits, or None when they are seen along different digits."""
    if a.carrier == b.carrier:
        field = union_fields(a.field, b.field, carrier_length(layout, a.carrier))
        return None if field is None else Term(a.carrier, field)
    if is_constant(a.field) and is_constant(b.field) and _axes(a.carrier) == _axes(b.carrier):
        # Queries and keys stand on different axes and stay apart, or contracting one is not seen.
        places = (entry[:2] for entry in (*a.carrier, *b.carrier))
        field = union_fields(a.field, b.field, None)
        return None if field is None else Term(numbered(places, layout), field)
    carrier = _common_carrier(a.carrier, b.carrier, layout)
    if carrier is None:
        return None
    longest = carrier_length(layout, carrier) or 0
    if longest > LONGEST_TABLE and longest > max(_entries(a.field), _entries(b.field)):
        return None
    order = tuple((axis, digit) for axis, digit, _ in sorted(carrier, key=lambda e: -e[2]))
    x, y = express(a, order, layout), express(b, order, layout)
    if x is None or y is None:
        return None
    field = union_fields(x, y, carrier_length(layout, carrier))
    return None if field is None else Term(carrier, field)


def _axes(carrier: Carrier) -> set[int]:
    return {axis for axis, _, _ in carrier}


def _entries(field: IndexMap) -> int:
    """Entries of a table; 0 for a quasi-affine map."""
    return len(field.sets) if isinstance(field, Finite) else 0


def _common_carrier(a: Carrier, b: Carrier, layout: Layout) -> Carrier | None:
    axes = _axes((*a, *b))
    if len(axes) == 1:
        return natural(layout, axes.pop())
    for small, large in ((a, b), (b, a)):
        inside = {e[:2] for e in small} <= {e[:2] for e in large}
        if inside and _is_mixed_radix(large, layout):
            return large
    return None


def _is_mixed_radix(carrier: Carrier, layout: Layout) -> bool:
    inner = 1
    for axis, digit, stride in sorted(carrier, key=lambda e: e[2]):
        if stride != inner:
            return False
        inner *= layout[axis][digit]
    return True


def union_fields(a: IndexMap, b: IndexMap, length: int | None) -> IndexMap | None:
    """The union of two maps over the same virtual index 0 … length-1; None if not representable."""
    if a == b:
        return a
    if isinstance(a, Periodic) and isinstance(b, Periodic) and same_slope(a, b):
        return union(a, b)
    if length is None or (
        length > LONGEST_TABLE and (isinstance(a, Periodic) or isinstance(b, Periodic))
    ):
        return None
    return fold(Finite(tuple(a.at(i).union(b.at(i)) for i in range(length))))


def aligned(states: Sequence[State]) -> list[State]:
    """The states over common digits of every axis."""
    layout = states[0].layout
    if all(state.layout == layout for state in states):
        return list(states)
    target = tuple(_common_digits(states, axis) for axis in range(len(layout)))
    return [_to_layout(state, target) for state in states]


def _common_digits(states: Sequence[State], axis: int) -> tuple[int, ...]:
    """Digits of one axis that all states can be told in; a single one where they clash."""
    carried = {state.layout[axis] for state in states if carries(state, axis)}
    digits: tuple[int, ...] | None = None
    for found in carried:
        common = found if digits is None else refinement(digits, found)
        if common is None:
            return (prod(found),)
        digits = common
    return digits or states[0].layout[axis]


def _to_layout(state: State, target: Layout) -> State:
    for axis, digits in enumerate(target):
        if state.layout[axis] == digits:
            continue
        if len(digits) == 1 and carries(state, axis):
            state = flatten_axis(state, axis)
        else:
            state = _with_digits(state, axis, digits)
    return state


def map_terms(state: State, axis: int, digits: tuple[int, ...], change: TermChange) -> State:
    """The state with another factorisation of one axis and every term changed to fit."""
    stands = {stand for stand in state.stands if stand[0] != axis}
    if len(digits) == 1:
        kind = axis_stand(state, axis)
        stands |= {(axis, 0, kind)} if kind is not None else set()
    else:
        stands |= {
            (axis, k, kind)
            for a, digit, kind in state.stands
            if a == axis
            for k in restated(digit, state.layout[axis], digits)
        }
    layout = (*state.layout[:axis], digits, *state.layout[axis + 1 :])
    parts = tuple(
        tuple(reach and Reach(tuple(map(change, reach.terms)), reach.origins) for reach in part)
        for part in state.parts
    )
    return State(layout, parts, state.labels, frozenset(stands), state.notes)


def _with_digits(state: State, axis: int, digits: tuple[int, ...]) -> State:
    old = state.layout[axis]
    return map_terms(state, axis, digits, lambda term: refine_axis(term, axis, old, digits))


def flatten_axis(state: State, axis: int, node: str = "") -> State:
    """The state with one axis as a single digit; terms that cannot follow become bounds."""
    if len(state.layout[axis]) == 1:
        return state
    loose: list[Term] = []

    def change(term: Term) -> Term:
        flat = flatten_term(term, axis, state.layout)
        if flat is None:
            digits = tuple((axis, digit) for digit in range(len(state.layout[axis])))
            flat = merged(term, digits, state.layout, axis)
        if flat is None:
            loose.append(term)
            flat = unresolved(term, frozenset([axis]), state.layout)
            rest = tuple(e for e in flat.carrier if e[0] != axis)
            flat = Term(tuple(sorted({*rest, (axis, 0, 0)})), flat.field)
        return flat

    flat_state = map_terms(state, axis, (prod(state.layout[axis]),), change)
    if not loose:
        return flat_state
    note = Note(Status.BOUND, node or "view", "positions of a flattened axis are not resolved")
    return State(
        flat_state.layout,
        flat_state.parts,
        flat_state.labels,
        flat_state.stands,
        flat_state.notes | {note},
    )


def flatten_term(term: Term, axis: int, layout: Layout) -> Term | None:
    """The term over the plain index of one axis, or None when that is not quasi-affine."""
    here = [e for e in term.carrier if e[0] == axis]
    if not here:
        return term
    rest = tuple(e for e in term.carrier if e[0] != axis)
    if rest and is_constant(term.field):
        flat = (*layout[:axis], (prod(layout[axis]),), *layout[axis + 1 :])
        return Term(numbered([(axis, 0), *(e[:2] for e in rest)], flat), term.field)
    if rest:
        steps = {e[1]: e[2] for e in here}
        inner, scale = 1, None
        for digit in range(len(layout[axis]) - 1, -1, -1):
            size = layout[axis][digit]
            if size > 1:
                stride = steps.get(digit, 0)
                if scale is None:
                    if stride % inner:
                        return None
                    scale = stride // inner
                if stride != scale * inner:
                    return None
            inner *= size
        return Term(tuple(sorted((*rest, (axis, 0, scale or 0)))), term.field)
    order = tuple((axis, digit) for digit in range(len(layout[axis])))
    field = express(term, order, layout)
    return None if field is None else Term(((axis, 0, 1),), field)
