"""One step of the propagation: a tensor's state seen through an operator's map.

The same maps drive the exact bounded answers in ``footprint``; here they act on fields as functions
of the output index, for all positions at once.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import prod

import numpy as np

from rfgraph.geometry.axis_map import AxisMap, Border, pairs
from rfgraph.geometry.index_set import EMPTY, IndexSet, union_all
from rfgraph.geometry.periodic import Finite, IndexMap, Periodic, compose, fold, stride
from rfgraph.geometry.tensor_map import (
    Axes,
    AxisRead,
    Chain,
    Everything,
    Lookup,
    Masked,
    Reshape,
    Segment,
    Shape,
    TensorMap,
    Whole,
)
from rfgraph.propagation.digits import (
    LONGEST_PERIOD,
    carrier_length,
    drop_idle_digits,
    express,
    gather_digit,
    size_of,
    unresolved,
)
from rfgraph.propagation.merge import (
    compact,
    distinct,
    flatten_axis,
    union_many,
    union_parts,
    union_reaches,
)
from rfgraph.propagation.note import Note, Status
from rfgraph.propagation.state import (
    Labels,
    Layout,
    Part,
    Reach,
    Stand,
    State,
    Term,
    axis_stand,
    carries,
    plain_layout,
)


@dataclass(slots=True)
class _Step:
    """One axis product under way: its shapes, its node, and the notes it gives rise to."""

    axes: Axes
    in_shape: Shape
    out_shape: Shape
    node: str
    layout: Layout  # of the input
    out_layout: Layout
    notes: set[Note]

    def bound(self, reason: str) -> None:
        self.notes.add(Note(Status.BOUND, self.node, reason))


def apply(state: State, tensor_map: TensorMap, out_shape: Shape, node: str) -> State:
    """The state that an operator's output has through one of its inputs.

    Args:
        state: State of the input.
        tensor_map: How the operator reads it.
        out_shape: Shape of the output.
        node: Name of the operator's node, for global origins and notes.
    """
    if isinstance(tensor_map, Axes):
        return _apply_axes(state, tensor_map, out_shape, node)
    if isinstance(tensor_map, Segment):
        return _apply_axes(state, tensor_map.axes(), out_shape, node)
    if isinstance(tensor_map, Reshape):
        return _apply_reshape(state, out_shape, node)
    if isinstance(tensor_map, Chain):
        for step, shape in tensor_map.steps:
            state = apply(state, step, shape, node)
        return state
    if isinstance(tensor_map, Lookup):
        return _apply_lookup(state, out_shape, node)
    if isinstance(tensor_map, Masked):
        return _apply_mask(state, tensor_map.keep)
    assert isinstance(tensor_map, Everything)
    return _apply_everything(state, out_shape, node)


# --- products of axis maps ------------------------------------------------------------------------


def _apply_axes(state: State, axes: Axes, out_shape: Shape, node: str) -> State:
    in_shape = state.shape
    changed = [
        axis
        for axis, read in enumerate(axes.reads)
        if not (read.is_identity and read.out_axis == axis)
    ]
    if not changed and in_shape == out_shape:
        return state
    for axis in changed:
        read = axes.reads[axis]
        if isinstance(read.reads, AxisMap) and read.out_axis is not None and not read.is_identity:
            state = flatten_axis(state, axis, node)
    out_layout = list(plain_layout(out_shape))
    for axis, read in enumerate(axes.reads):
        if read.is_identity and read.out_axis is not None:
            out_layout[read.out_axis] = state.layout[axis]
    if state.labels is not None and _all_mixed(state, axes):
        # Every output reads every part: their union costs one reading instead of many.
        state = replace(state, parts=(union_many(state.parts, state.layout),), labels=None)
    step = _Step(axes, in_shape, out_shape, node, state.layout, tuple(out_layout), set())
    state = _restrict(state, step)
    parts = tuple(_read_part(part, step) for part in state.parts)
    labels = _read_labels(state, step)
    stands = _read_stands(state, axes)
    if labels is None:
        return State(step.out_layout, parts, None, stands, state.notes | step.notes)
    codes, places = distinct(labels) if labels.dtype != object else _distinct_objects(labels)
    nothing: Part = (None,) * len(parts[0])
    joined = tuple(
        union_many([p for k, p in enumerate(parts) if code >> k & 1] or [nothing], step.out_layout)
        for code in codes
    )
    return compact(step.out_layout, joined, places, stands, state.notes | step.notes)


def _distinct_objects(masks: np.ndarray) -> tuple[list[int], Labels]:
    values, places = np.unique(masks, return_inverse=True)
    return values.tolist(), places.reshape(masks.shape)


def _read_part(part: Part, step: _Step) -> Part:
    seen = tuple(reach and _read_reach(reach, step) for reach in part)
    return part if all(a is b for a, b in zip(part, seen, strict=True)) else seen


def _read_reach(reach: Reach, step: _Step) -> Reach | None:
    terms: list[Term] = []
    for term in reach.terms:
        seen = _read_term(term, step)
        if seen is None:
            # Mixing along the axis leaves no separate local way, not even the element's own.
            return Reach((), reach.origins or (step.node,))
        if not isinstance(seen.field, Finite) or any(seen.field.sets):
            terms.append(seen)
    if len(terms) == len(reach.terms) and all(
        a is b for a, b in zip(terms, reach.terms, strict=True)
    ):
        return reach
    if len(terms) > 1:
        joined = Reach(())
        for term in terms:
            joined = union_reaches(joined, Reach((term,)), step.out_layout)
        return Reach(joined.terms, reach.origins)
    return Reach(tuple(terms), reach.origins) if terms or reach.origins else None


def _read_term(term: Term, step: _Step) -> Term | None:
    """The term through the axis product; None when its whole carrier is contracted."""
    reads = step.axes.reads
    carrier = term.carrier
    if len(carrier) == 1 and carrier[0][2] == 1:
        axis, digit, _ = carrier[0]
        read = reads[axis]
        if read.is_identity:
            return term if read.out_axis == axis else Term(((read.out_axis or 0, digit, 1),), term.field)
        if isinstance(read.reads, AxisMap) and read.out_axis is not None:
            field = _compose(read.reads, term.field, step.in_shape[axis], step.out_shape[read.out_axis])
            return Term(((read.out_axis, 0, 1),), field)
    contracted = [e for e in carrier if isinstance(reads[e[0]].reads, Whole)]
    if contracted:
        rest = [e for e in carrier if e not in contracted]
        if any(size_of(step.layout, e) > 1 for e in contracted) and all(
            size_of(step.layout, e) == 1 for e in rest
        ):
            return None
        term = _contract(term, contracted, step.layout)
    term = _select(term, step)
    return _move(term, step)


def _contract(term: Term, contracted: list[tuple[int, int, int]], layout: Layout) -> Term:
    rest = tuple(e for e in term.carrier if e not in contracted)
    length = carrier_length(layout, rest) or 1
    field = term.field
    for k, entry in enumerate(contracted):
        later = contracted[k + 1 :]
        slack = sum(abs(e[2]) * (size_of(layout, e) - 1) for e in later)
        field = gather_digit(field, entry[2], size_of(layout, entry), length + slack)
    return Term(rest, field)


def _select(term: Term, step: _Step) -> Term:
    """The term where axes are read at positions that do not depend on the output."""
    rest, moves = [], [0]
    for entry in term.carrier:
        axis, digit, step_stride = entry
        read = step.axes.reads[axis]
        if read.out_axis is not None or isinstance(read.reads, Whole):
            rest.append(entry)
            continue
        inner = prod(step.layout[axis][digit + 1 :])
        size = step.layout[axis][digit]
        positions = read.reads.at(0, step.in_shape[axis])
        moves = [
            move + step_stride * (position // inner % size)
            for move in moves
            for position in positions
        ]
    if len(rest) == len(term.carrier):
        return term
    length = carrier_length(step.layout, tuple(rest)) or 1
    offsets = union_all(IndexSet(move, 1) for move in moves)
    field: IndexMap
    if isinstance(term.field, Periodic):
        field = compose(Periodic(1, 1, (offsets,)), term.field)
    else:
        field = Finite(
            tuple(union_all(term.field.at(v + t) for t in offsets) for v in range(length))
        )
    return Term(tuple(rest), field)


def _move(term: Term, step: _Step) -> Term:
    """The term where axes are read along output axes; each such axis is a single digit."""
    field = term.field
    carrier: list[tuple[int, int, int]] = []
    for entry in term.carrier:
        axis, digit, entry_stride = entry
        read = step.axes.reads[axis]
        assert read.out_axis is not None
        if read.is_identity:
            carrier.append((read.out_axis, digit, entry_stride))
            continue
        assert isinstance(read.reads, AxisMap)
        if entry_stride == 0:
            carrier.append((read.out_axis, 0, 0))
            continue
        interior = read.reads.interior
        in_length = step.in_shape[axis]
        if len(term.carrier) == 1:
            plain = _rescale(field, entry_stride, in_length)
            field = _compose(read.reads, plain, in_length, step.out_shape[read.out_axis])
            carrier.append((read.out_axis, 0, 1))
        elif (
            isinstance(interior, Periodic) and interior.period == 1 and isinstance(field, Periodic)
        ):
            taps = union_all(IndexSet(entry_stride * t, 1) for t in interior.sets[0])
            field = compose(Periodic(1, 1, (taps,)), field)
            carrier.append((read.out_axis, 0, entry_stride * interior.advance))
        else:
            step.bound("positions along a partitioned axis are not resolved")
            others = tuple(e for e in term.carrier if e is not entry)
            length = carrier_length(step.layout, others) or 1
            field = gather_digit(field, entry_stride, in_length, length)
            carrier.append((read.out_axis, 0, 0))
    return Term(tuple(sorted(carrier)), field)


def _rescale(field: IndexMap, by: int, length: int) -> IndexMap:
    if by == 1:
        return field
    if isinstance(field, Periodic):
        return stride(field, by)
    return Finite(tuple(field.at(by * i) for i in range(length)))


def _compose(reads: AxisMap, field: IndexMap, in_length: int, out_length: int) -> IndexMap:
    """The field of each output index of one axis."""
    interior = reads.interior
    if isinstance(interior, Periodic) and isinstance(field, Periodic):
        if interior.period * field.period <= LONGEST_PERIOD or out_length > LONGEST_PERIOD:
            return compose(interior, field)
        return Finite(
            tuple(union_all(map(field.at, interior.at(o))) for o in range(out_length))
        )
    return fold(
        Finite(
            tuple(union_all(map(field.at, reads.at(o, in_length))) for o in range(out_length))
        )
    )


# --- labels ---------------------------------------------------------------------------------------


def _keeps_positions(read: AxisRead) -> bool:
    """Whether each output reads one position at most, at a fixed pace: parts stay functions."""
    if read.out_axis is None or isinstance(read.reads, Whole):
        return True
    interior = read.reads.interior
    return (
        isinstance(interior, Periodic)
        and interior.period == 1
        and interior.single
        and read.reads.border in (Border.VIRTUAL, Border.ABSENT)
    )


def _read_stands(state: State, axes: Axes) -> frozenset[Stand]:
    stands: set[Stand] = set()
    for axis, read in enumerate(axes.reads):
        if read.out_axis is None:
            continue
        if read.is_identity:
            stands.update((read.out_axis, k, kind) for a, k, kind in state.stands if a == axis)
        elif (kind := axis_stand(state, axis)) is not None:
            stands.add((read.out_axis, 0, kind))
    return frozenset(stands)


def _all_mixed(state: State, axes: Axes) -> bool:
    assert state.labels is not None
    return all(
        length == 1 or (isinstance(read.reads, Whole) and not carries(state, axis))
        for axis, (length, read) in enumerate(zip(state.labels.shape, axes.reads, strict=True))
    ) and not any(isinstance(r.reads, AxisMap) and r.reads.is_partial for r in axes.reads)


def _restrict(state: State, step: _Step) -> State:
    """The state with each part's fields cut to the positions that the part occupies.

    Needed before an operator reads across parts along an axis that carries a field.
    """
    if state.labels is None:
        return state
    parts = list(state.parts)
    for axis, read in enumerate(step.axes.reads):
        if state.labels.shape[axis] == 1 or _keeps_positions(read):
            continue
        others = tuple(k for k in range(state.labels.ndim) if k != axis)
        for k in range(len(parts)):
            present = (state.labels == k).any(axis=others)
            parts[k] = tuple(
                reach
                and Reach(
                    tuple(_cut(term, axis, present, step) for term in reach.terms), reach.origins
                )
                for reach in parts[k]
            )
    return replace(state, parts=tuple(parts))


def _cut(term: Term, axis: int, present: np.ndarray, step: _Step) -> Term:
    if not any(e[0] == axis for e in term.carrier):
        return term
    if len(term.carrier) > 1 or term.carrier[0][2] != 1:
        step.bound("concatenated parts of a partitioned axis are not resolved")
        return term
    sets = tuple(term.field.at(i) if here else EMPTY for i, here in enumerate(present.tolist()))
    return Term(term.carrier, Finite(sets))


def _read_labels(state: State, step: _Step) -> Labels | None:
    """For every output element the set of parts it reads, as a bit mask; None when all read one."""
    reads = step.axes.reads
    partial = [
        axis
        for axis, read in enumerate(reads)
        if isinstance(read.reads, AxisMap) and read.reads.is_partial
    ]
    if state.labels is None and not partial:
        return None
    rank = len(reads)
    labels = state.labels if state.labels is not None else np.zeros((1,) * rank, np.int64)
    wide = len(state.parts) > 62  # noqa: PLR2004  (bits of an int64 mask)
    one = np.array([1 << k for k in range(len(state.parts))], dtype=object if wide else np.int64)
    masks = one[labels]
    for axis, read in enumerate(reads):
        length = masks.shape[axis]
        if read.is_identity:
            continue
        if isinstance(read.reads, Whole):
            masks = np.bitwise_or.reduce(masks, axis=axis, keepdims=True)
        elif read.out_axis is None:
            if length > 1:
                positions = list(read.reads.at(0, length))
                masks = np.bitwise_or.reduce(masks.take(positions, axis=axis), axis, keepdims=True)
        elif length > 1 or axis in partial:
            in_length, out_length = step.in_shape[axis], step.out_shape[read.out_axis]
            moved = np.moveaxis(masks, axis, -1)
            if length == 1:
                moved = np.broadcast_to(moved, (*moved.shape[:-1], in_length))
            target = np.zeros((*moved.shape[:-1], out_length), dtype=masks.dtype)
            for outs, ins in pairs(read.reads, out_length, in_length):
                # Outputs are distinct within a chunk.
                target[..., outs] |= moved[..., ins]
            masks = np.moveaxis(target, -1, axis)
    out = np.zeros((1,) * len(step.out_shape), dtype=masks.dtype)
    source, destination, kept = [], [], []
    for axis, read in enumerate(reads):
        if read.out_axis is not None and masks.shape[axis] > 1:
            source.append(axis)
            destination.append(read.out_axis)
        else:
            kept.append(axis)
    flat = np.squeeze(masks, axis=tuple(kept)) if kept else masks
    order = sorted(range(len(source)), key=lambda k: destination[k])
    shape = [1] * len(step.out_shape)
    for k in order:
        shape[destination[k]] = masks.shape[source[k]]
    out = np.transpose(flat, order).reshape(shape)
    return out


# --- views ----------------------------------------------------------------------------------------


def _apply_reshape(state: State, out_shape: Shape, node: str) -> State:
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
                tuple(
                    drop_idle_digits(_relabel(term, places), out_layout) for term in reach.terms
                ),
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
    order = [(axis, digit) for axis in ins for digit in range(len(layout[axis]))]
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
    full, target = [], []
    for ins, outs in groups:
        varies = any(values.shape[axis] > 1 for axis in ins)
        full.extend(in_shape[axis] if varies else 1 for axis in ins)
        target.extend(out_shape[axis] if varies else 1 for axis in outs)
    return np.broadcast_to(values, full).reshape(target)


# --- masks ----------------------------------------------------------------------------------------


def _apply_mask(state: State, keep: np.ndarray) -> State:
    """The state where elements under the mask read nothing."""
    nothing: Part = (None,) * len(state.parts[0])
    labels = state.labels if state.labels is not None else np.zeros((1,) * keep.ndim, np.int64)
    masked = np.where(keep, labels + 1, 0)
    seen, places = distinct(masked)
    parts = tuple((nothing, *state.parts)[k] for k in seen)
    return compact(state.layout, parts, places, state.stands, state.notes)


# --- what has no structure ------------------------------------------------------------------------


def _apply_lookup(state: State, out_shape: Shape, node: str) -> State:
    notes = state.notes | {Note(Status.BOUND, node, "read through an index table")}
    layout = plain_layout(out_shape)
    carried = tuple((axis, 0, 0) for axis, n in enumerate(out_shape) if n > 1)
    reach_all = _collapse(state)
    loose = tuple(
        reach
        and Reach(
            tuple(
                Term(carried, unresolved(t, frozenset(range(len(state.layout))), state.layout).field)
                for t in reach.terms
            ),
            reach.origins,
        )
        for reach in reach_all
    )
    return State(layout, (loose,), None, _assumed_stands(state, out_shape), notes)


def _apply_everything(state: State, out_shape: Shape, node: str) -> State:
    part = tuple(reach and Reach((), reach.origins or (node,)) for reach in _collapse(state))
    stands = _assumed_stands(state, out_shape)
    return State(plain_layout(out_shape), (part,), None, stands, state.notes)


def _assumed_stands(state: State, out_shape: Shape) -> frozenset[Stand]:
    """Where nothing is known of the axes, those of an image: batch, channels, space."""
    if not state.stands:
        return frozenset()
    return frozenset((axis, 0, axis > 0) for axis in range(len(out_shape)) if axis != 1)



def _collapse(state: State) -> Part:
    part = state.parts[0]
    for other in state.parts[1:]:
        part = union_parts(part, other, state.layout)
    return part
