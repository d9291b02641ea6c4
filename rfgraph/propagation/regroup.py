"""A state seen through a view: digits of its axes dealt out to other axes."""

from __future__ import annotations

from math import prod

import numpy as np

from rfgraph.geometry.periodic import Periodic, stride
from rfgraph.geometry.tensor_map import Shape
from rfgraph.propagation.digits import drop_idle_digits, express, is_constant, unresolved
from rfgraph.propagation.note import Note, Status
from rfgraph.propagation.state import Layout, Reach, State, Term, axis_stand, numbered
from rfgraph.propagation.tabulate import merged


def reshape(state: State, out_shape: Shape, node: str) -> State:
    """The state of the same elements in row-major order under another shape."""
    in_shape = state.shape
    if in_shape == out_shape:
        return state
    groups = reshape_groups(in_shape, out_shape)
    for ins, outs in groups:
        if len(ins) == len(outs) == 1:
            continue
        if _split(state.layout, ins, [out_shape[j] for j in outs]) is None:
            state = _flatten_group(state, ins, node)
    layout: list[tuple[int, ...]] = [()] * len(out_shape)
    places: dict[tuple[int, int], list[tuple[int, int, int]]] = {}
    for ins, outs in groups:
        if len(ins) == len(outs) == 1:
            layout[outs[0]] = state.layout[ins[0]]
            for digit in range(len(state.layout[ins[0]])):
                places[ins[0], digit] = [(outs[0], digit, 1)]
            continue
        split = _split(state.layout, ins, [out_shape[j] for j in outs])
        assert split is not None
        for j, pieces in zip(outs, split, strict=True):
            layout[j] = tuple(size for _, _, size, _ in pieces) or (1,)
            for k, (axis, digit, _, relative) in enumerate(pieces):
                places.setdefault((axis, digit), []).append((j, k, relative))
    in_shape = state.shape
    out_layout = tuple(layout)
    parts = tuple(
        tuple(
            reach
            and Reach(
                tuple(drop_idle_digits(_relabel(term, places), out_layout) for term in reach.terms),
                reach.origins,
            )
            for reach in part
        )
        for part in state.parts
    )
    labels = state.labels
    if labels is not None:
        labels = reshape_uniform(labels, in_shape, out_shape, groups)
    stands = frozenset(
        (j, k, kind)
        for axis, digit, kind in state.stands
        for j, k, _ in places.get((axis, digit), ())
    )
    return State(out_layout, parts, labels, stands, state.notes)


def _relabel(term: Term, places: dict[tuple[int, int], list[tuple[int, int, int]]]) -> Term:
    entries = [
        (axis, digit, entry_stride * relative)
        for old_axis, old_digit, entry_stride in term.carrier
        for axis, digit, relative in places.get((old_axis, old_digit), ())
    ]
    if len(entries) == 1 and entries[0][2] > 1 and isinstance(term.field, Periodic):
        axis, digit, by = entries[0]
        return Term(((axis, digit, 1),), stride(term.field, by))
    return Term(tuple(sorted(entries)), term.field)


def reshape_groups(in_shape: Shape, out_shape: Shape) -> list[tuple[list[int], list[int]]]:
    """The finest groups of consecutive input and output axes with equal element counts."""
    groups: list[tuple[list[int], list[int]]] = []
    i = j = 0
    while i < len(in_shape) and j < len(out_shape):
        ins, outs = [i], [j]
        a, b = in_shape[i], out_shape[j]
        i, j = i + 1, j + 1
        while a != b:
            if a < b:
                a *= in_shape[i]
                ins.append(i)
                i += 1
            else:
                b *= out_shape[j]
                outs.append(j)
                j += 1
        groups.append((ins, outs))
    rest = (list(range(i, len(in_shape))), list(range(j, len(out_shape))))
    if groups:
        groups[-1][0].extend(rest[0])
        groups[-1][1].extend(rest[1])
    elif rest[0] or rest[1]:
        groups.append(rest)
    return groups


def _split(
    layout: Layout, ins: list[int], sizes: list[int]
) -> list[list[tuple[int, int, int, int]]] | None:
    """Digits dealt out to output axes as (axis, digit, size, relative stride); None if none fit."""
    queue = [
        (axis, digit, size, 1)
        for axis in ins
        for digit, size in enumerate(layout[axis])
        if size > 1
    ]
    dealt = []
    for wanted in sizes:
        pieces, need = [], wanted
        while need > 1:
            axis, digit, size, _ = queue.pop(0)
            if need % size == 0:
                pieces.append((axis, digit, size, 1))
                need //= size
            elif size % need == 0:
                inner = size // need
                pieces.append((axis, digit, need, inner))
                queue.insert(0, (axis, digit, inner, 1))
                need = 1
            else:
                return None
        dealt.append(pieces)
    return _with_relative_strides(dealt)


def _with_relative_strides(
    dealt: list[list[tuple[int, int, int, int]]],
) -> list[list[tuple[int, int, int, int]]]:
    """Pieces of one digit get the product of the sizes of its later pieces as their stride."""
    inner: dict[tuple[int, int], int] = {}
    out: list[list[tuple[int, int, int, int]]] = []
    for pieces in reversed(dealt):
        row = []
        for axis, digit, size, _ in reversed(pieces):
            relative = inner.get((axis, digit), 1)
            row.append((axis, digit, size, relative))
            inner[axis, digit] = relative * size
        out.append(row[::-1])
    return out[::-1]


def _flatten_group(state: State, ins: list[int], node: str) -> State:
    """The state with a group of axes as one digit on the first, the others of length 1."""
    layout = state.layout
    order = tuple((axis, digit) for axis in ins for digit in range(len(layout[axis])))
    inside = frozenset(ins)
    total = prod(prod(layout[axis]) for axis in ins)
    flat_layout = list(layout)
    for axis in ins:
        flat_layout[axis] = (1,)
    flat_layout[ins[0]] = (total,)
    notes = set(state.notes)

    def change(term: Term) -> Term:
        if not any(e[0] in inside for e in term.carrier):
            return term
        field = express(term, order, layout)
        if field is not None:
            return Term(((ins[0], 0, 1),), field)
        if is_constant(term.field):
            places = [(ins[0], 0), *(e[:2] for e in term.carrier if e[0] not in inside)]
            return Term(numbered(places, tuple(flat_layout)), term.field)
        table = merged(term, order, layout, ins[0])
        if table is not None:
            return table
        notes.add(Note(Status.BOUND, node, "a view regroups axes across their digits"))
        loose = unresolved(term, inside, layout)
        rest = tuple(e for e in loose.carrier if e[0] not in inside)
        return Term(tuple(sorted((*rest, (ins[0], 0, 0)))), loose.field)

    parts = tuple(
        tuple(reach and Reach(tuple(map(change, reach.terms)), reach.origins) for reach in part)
        for part in state.parts
    )
    labels = state.labels
    if labels is not None and any(labels.shape[axis] > 1 for axis in ins):
        shape = state.shape
        full = list(labels.shape)
        for axis in ins:
            full[axis] = shape[axis]
        grouped = [1 if k in inside else n for k, n in enumerate(full)]
        grouped[ins[0]] = total
        labels = np.broadcast_to(labels, full).reshape(grouped)
    stands = {stand for stand in state.stands if stand[0] not in inside}
    lead = next((k for axis in ins if (k := axis_stand(state, axis)) is not False), False)
    if lead is not None:
        stands.add((ins[0], 0, lead))
    return State(tuple(flat_layout), parts, labels, frozenset(stands), frozenset(notes))


def reshape_uniform(
    values: np.ndarray,
    in_shape: Shape,
    out_shape: Shape,
    groups: list[tuple[list[int], list[int]]],
) -> np.ndarray:
    """A view of an array whose axes of length 1 may stand for uniform axes, kept so if possible."""
    full: list[int] = []
    target: list[int] = []
    for ins, outs in groups:
        varies = any(values.shape[axis] > 1 for axis in ins)
        full.extend(in_shape[axis] if varies else 1 for axis in ins)
        target.extend(out_shape[axis] if varies else 1 for axis in outs)
    return np.broadcast_to(values, full).reshape(target)
