"""A state seen through a product of axis maps: windows, slices, reductions, broadcasts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import prod

import numpy as np

from rfgraph.geometry.axis_map import SAME, AxisMap, Border, pairs
from rfgraph.geometry.index_set import EMPTY, IndexSet, from_bits, union_all
from rfgraph.geometry.periodic import IDENTITY, Finite, IndexMap, Periodic, compose, fold, stride
from rfgraph.geometry.tensor_map import Axes, AxisRead, Shape, Whole
from rfgraph.propagation.digits import (
    LONGEST_PERIOD,
    carrier_length,
    gather_digit,
    is_constant,
    refitted,
    size_of,
)
from rfgraph.propagation.merge import compact, distinct, flatten_axis, union_many, union_reaches
from rfgraph.propagation.note import Note, Status
from rfgraph.propagation.parts import confined
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
    numbered,
    plain_layout,
    untouched,
)
from rfgraph.propagation.tabulate import moved


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


def read_axes(state: State, axes: Axes, out_shape: Shape, node: str) -> State:
    """The state of an output that reads its input by a product of axis maps."""
    in_shape = state.shape
    if 0 in out_shape or 0 in in_shape:
        return untouched(out_shape, len(state.parts[0]))
    if axes.is_identity and in_shape == out_shape:
        return state
    plain = _apply_plain(state, axes, out_shape)
    if plain is not None:
        return plain
    axes = _passing(axes, in_shape, out_shape)
    for axis, read in enumerate(axes.reads):
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
    chosen = [[k for k in range(len(parts)) if code >> k & 1] for code in codes]
    joined = tuple(_joined(state.parts, parts, some, step.out_layout) for some in chosen)
    return compact(step.out_layout, joined, places, stands, state.notes | step.notes)


def _passing(axes: Axes, in_shape: Shape, out_shape: Shape) -> Axes:
    """The product with maps that move nothing recognised: a window of one tap keeps all digits."""
    reads = tuple(
        AxisRead(read.out_axis, SAME)
        if isinstance(read.reads, AxisMap)
        and read.out_axis is not None
        and read.reads.interior == IDENTITY
        and not read.reads.is_partial
        and in_shape[axis] == out_shape[read.out_axis]
        else read
        for axis, read in enumerate(axes.reads)
    )
    return axes if reads == axes.reads else Axes(reads)


def _joined(
    before: Sequence[Part], after: Sequence[Part], chosen: list[int], layout: Layout
) -> Part:
    """What reaches elements that read some parts: their union.

    An axis that the operator mixes in one of the parts it mixes for all of them: a class token
    among the keys leaves the query no local path of its own.
    """
    if not chosen:
        return (None,) * len(after[0])
    found = union_many([after[k] for k in chosen], layout)
    return tuple(
        Reach((), reach.origins)
        if reach is not None
        and reach.terms
        and any(_is_mixed(before[k][subject], after[k][subject]) for k in chosen)
        else reach
        for subject, reach in enumerate(found)
    )


def _is_mixed(before: Reach | None, after: Reach | None) -> bool:
    """Whether the last operator made an axis global that was local."""
    return (
        before is not None and after is not None and bool(before.terms) and not after.terms
    ) and bool(after.origins)


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
            return (
                term
                if read.out_axis == axis
                else Term(((read.out_axis or 0, digit, 1),), term.field)
            )
        if isinstance(read.reads, AxisMap) and read.out_axis is not None:
            field = _compose(
                read.reads, term.field, step.in_shape[axis], step.out_shape[read.out_axis]
            )
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
    return refitted(Term(rest, field), layout)


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
    return refitted(Term(tuple(rest), field), step.layout)


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
        interior = read.reads.interior
        if is_constant(field) and all(interior.sets):
            carrier.append((read.out_axis, 0, 0))
            continue
        if entry_stride == 0:
            carrier.append((read.out_axis, 0, 0))
            continue
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
        elif (table := _move_table(term, step)) is not None:
            return table
        else:
            step.bound("positions along a partitioned axis are not resolved")
            others = tuple(e for e in term.carrier if e is not entry)
            length = carrier_length(step.layout, others) or 1
            field = gather_digit(field, entry_stride, in_length, length)
            carrier.append((read.out_axis, 0, 0))
    if is_constant(field):
        return Term(numbered((e[:2] for e in carrier), step.out_layout), field)
    return Term(tuple(sorted(carrier)), field)


def _move_table(term: Term, step: _Step) -> Term | None:
    """As :func:`_move`, entry by entry."""
    maps, renamed = {}, {}
    for axis in {entry[0] for entry in term.carrier}:
        read = step.axes.reads[axis]
        assert read.out_axis is not None
        if read.is_identity:
            renamed[axis] = read.out_axis
            continue
        assert isinstance(read.reads, AxisMap)
        lengths = (step.in_shape[axis], step.out_shape[read.out_axis])
        maps[axis] = (read.reads, read.out_axis, *lengths)
    return moved(term, maps, renamed, step.layout, step.out_layout)


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
        return Finite(tuple(union_all(map(field.at, interior.at(o))) for o in range(out_length)))
    return fold(compose_table(reads, field, in_length, out_length))


def compose_table(reads: AxisMap, field: IndexMap, in_length: int, out_length: int) -> Finite:
    """The field of each output index ``0 … out_length-1``, entry by entry.

    Where an output reads all that the one before it read, only what is new is joined: a prefix
    costs no more than an identity.
    """
    if (
        isinstance(field, Periodic)
        and field.period == field.advance == 1
        and field.sets[0].bits == 1
    ):
        moved = field.sets[0].base
        return Finite(tuple(reads.at(o, in_length).shift(moved) for o in range(out_length)))
    interior = reads.interior
    if (
        isinstance(interior, Periodic)
        and interior.period == 1
        and interior.single
        and isinstance(field, Finite)
        and reads.border in (Border.VIRTUAL, Border.ABSENT)
        and reads.only is None
    ):
        base, by = interior.sets[0].base, interior.advance
        rows = range(base, base + by * out_length, by) if by else [base] * out_length
        inside = min(in_length, len(field.sets)) if interior.sets[0] else 0
        return Finite(tuple(field.sets[i] if 0 <= i < inside else EMPTY for i in rows))
    sets: list[IndexSet] = []
    last, seen = EMPTY, EMPTY
    for o in range(out_length):
        here = reads.at(o, in_length)
        fresh = here
        if last and here.base == last.base and here.bits & last.bits == last.bits:
            fresh = from_bits(here.bits ^ last.bits).shift(here.base)
        else:
            seen = EMPTY
        for i in fresh:
            seen = seen.union(field.at(i))
        last = here
        sets.append(seen)
    return Finite(tuple(sets))


# --- parts of a concatenation ---------------------------------------------------------------------


def _keeps_positions(read: AxisRead) -> bool:
    """Whether each output reads one position at most, at a fixed pace: parts stay functions."""
    if isinstance(read.reads, Whole):
        return False
    if read.out_axis is None:
        return True
    interior = read.reads.interior
    return (
        isinstance(interior, Periodic)
        and interior.period == 1
        and interior.single
        and read.reads.border in (Border.VIRTUAL, Border.ABSENT)
    )


def _apply_plain(state: State, axes: Axes, out_shape: Shape) -> State | None:
    """The common case in one go: one part, each field along one whole axis, quasi-affine maps.

    None where any of that does not hold; the general way gives the same result.
    """
    if state.labels is not None or axes.is_partial:
        return None
    reads, layout = axes.reads, state.layout
    part: list[Reach | None] = []
    for reach in state.parts[0]:
        if reach is None or not reach.terms:
            part.append(reach)
            continue
        term = reach.terms[0]
        if len(reach.terms) > 1 or len(term.carrier) != 1 or term.carrier[0][2] != 1:
            return None
        axis, digit, _ = term.carrier[0]
        read = reads[axis]
        if read.out_axis is None or isinstance(read.reads, Whole):
            return None
        if read.is_identity:
            if read.out_axis != axis:
                moved = Term(((read.out_axis, digit, 1),), term.field)
                part.append(Reach((moved,), reach.origins))
            else:
                part.append(reach)
            continue
        interior, field = read.reads.interior, term.field
        if (
            len(layout[axis]) > 1
            or not isinstance(interior, Periodic)
            or not isinstance(field, Periodic)
            or interior.period * field.period > LONGEST_PERIOD
        ):
            return None
        seen = compose(interior, field)
        part.append(Reach((Term(((read.out_axis, 0, 1),), seen),), reach.origins))
    out_layout: list[tuple[int, ...]] = [(n,) for n in out_shape]
    for axis, read in enumerate(reads):
        if read.is_identity and read.out_axis is not None:
            out_layout[read.out_axis] = layout[axis]
    stands = state.stands
    for axis, _, _ in stands:
        read = reads[axis]
        if read.out_axis != axis or not (read.is_identity or len(layout[axis]) == 1):
            stands = _read_stands(state, axes)
            break
    return State(tuple(out_layout), (tuple(part),), None, stands, state.notes)


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
    return (
        all(
            length == 1 or (isinstance(read.reads, Whole) and not carries(state, axis))
            for axis, (length, read) in enumerate(zip(state.labels.shape, axes.reads, strict=True))
        )
        and not axes.is_partial
    )


def _restrict(state: State, step: _Step) -> State:
    """The state with each part's fields cut to the positions that the part occupies.

    Needed before an operator reads across parts along an axis that carries a field.
    """
    if state.labels is None:
        return state
    crossed = frozenset(
        axis
        for axis, read in enumerate(step.axes.reads)
        if state.labels.shape[axis] > 1 and not _keeps_positions(read)
    )
    if not crossed:
        return state
    parts = tuple(
        tuple(
            reach
            and Reach(
                tuple(
                    confined(term, state, k) if any(e[0] in crossed for e in term.carrier) else term
                    for term in reach.terms
                ),
                reach.origins,
            )
            for reach in part
        )
        for k, part in enumerate(state.parts)
    )
    return replace(state, parts=parts)


def _read_labels(state: State, step: _Step) -> Labels | None:
    """For every output element the set of parts it reads, as a bit mask; None when all read one."""
    reads = step.axes.reads
    if state.labels is None and not step.axes.is_partial:
        return None
    partial = [
        axis
        for axis, read in enumerate(reads)
        if isinstance(read.reads, AxisMap) and read.reads.is_partial
    ]
    rank = len(reads)
    labels = state.labels if state.labels is not None else np.zeros((1,) * rank, np.int64)
    wide = len(state.parts) > 62
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
    return np.transpose(flat, order).reshape(shape)
