"""A state mixed along one axis under a constant mask: causal, banded and padded attention.

What ran along the mixed axis runs along the axis that chooses the mask's row: after a causal
softmax query i sees the keys 0 … i. The axis is not mixed as a whole, so such a field stays local:
a prefix or a band.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from rfgraph.geometry.index_set import union_all
from rfgraph.geometry.matrix import rows, uniform
from rfgraph.geometry.periodic import Finite, Periodic, fold
from rfgraph.geometry.tensor_map import MaskedMix
from rfgraph.propagation.alternatives import MOST, kinds, one_of
from rfgraph.propagation.digits import carrier_length, gather_digit, size_of
from rfgraph.propagation.merge import compact, flatten_axis, union_many
from rfgraph.propagation.note import Note, Status
from rfgraph.propagation.parts import confined
from rfgraph.propagation.products import compose_table
from rfgraph.propagation.regroup import reshape
from rfgraph.propagation.state import Part, Reach, State, Term, carries
from rfgraph.propagation.tabulate import moved

_ROWS_DIFFER = "the rows of a mask differ along several axes and are joined"
_SHARED_AXIS = "positions under a mask of -inf are counted"


def mix_under_mask(state: State, mix: MaskedMix, node: str) -> State:
    """The state of a tensor whose elements mix one axis where a constant mask keeps it.

    Args:
        state: State of the input; the output has its shape.
        mix: The axis and the mask.
        node: Name of the operator's node, for notes.
    """
    others = [a for a, n in enumerate(mix.keep.shape) if n > 1 and a != mix.axis]
    if len(others) > 1 and _is_followed_along(state, mix.axis):
        masks, which = kinds(mix.keep, others[:-1])
        if len(masks) <= MOST:
            each = [mix_under_mask(state, replace(mix, keep=keep), node) for keep in masks]
            return one_of(each, which)
    row = others[-1] if others else None
    if row is not None and len(state.layout[row]) > 1:
        apart = _digits_apart(state.layout[row], row, mix)
        if apart is not None:
            wide = (*state.shape[:row], *state.layout[row], *state.shape[row + 1 :])
            mixed = mix_under_mask(reshape(state, wide, node), apart, node)
            return reshape(mixed, state.shape, node)
    for axis in (mix.axis, *((row,) if row is not None else ())):
        state = flatten_axis(state, axis, node)
    crossed = state.labels is not None and state.labels.shape[mix.axis] > 1
    notes: set[Note] = set()
    joined_rows = tuple(a for a in others if a != row)
    keep = np.asarray(mix.keep.any(axis=joined_rows, keepdims=True))
    parts: list[Part] = []
    for k, part in enumerate(state.parts):
        reaches: list[Reach | None] = []
        for reach in part:
            if reach is None or not any(_runs_along(t, mix.axis) for t in reach.terms):
                reaches.append(reach)
                continue
            if joined_rows:
                notes.add(Note(Status.BOUND, node, _ROWS_DIFFER))
            terms = []
            for term in reach.terms:
                cut = confined(term, state, k) if crossed else term
                seen = _mixed(cut, mix.axis, row, keep, state)
                if seen is None:
                    notes.add(Note(Status.BOUND, node, _SHARED_AXIS))
                    seen = _gathered(cut, mix.axis, state)
                terms.append(seen)
            reaches.append(Reach(tuple(terms), reach.origins))
        parts.append(tuple(reaches))
    mixed = replace(state, parts=tuple(parts), notes=state.notes | notes)
    return _labelled(mixed, mix) if crossed else mixed


def _digits_apart(digits: tuple[int, ...], row: int, mix: MaskedMix) -> MaskedMix | None:
    """The mask over an axis's digits as axes of their own, if one of them alone tells its rows.

    Heads are folded into the batch, and what pads a sample is the same for all of them: as one
    axis they would no longer be told from samples. None where several digits matter.
    """
    shape = mix.keep.shape
    keep = uniform(mix.keep.reshape(*shape[:row], *digits, *shape[row + 1 :]))
    if sum(n > 1 for n in keep.shape[row : row + len(digits)]) > 1:
        return None
    return MaskedMix(mix.axis + (len(digits) - 1) * (mix.axis > row), keep)


def _is_followed_along(state: State, axis: int) -> bool:
    return carries(state, axis) or (state.labels is not None and state.labels.shape[axis] > 1)


def _runs_along(term: Term, axis: int) -> bool:
    return any(entry[0] == axis for entry in term.carrier)


def _mixed(
    term: Term, axis: int, row: int | None, keep: npt.NDArray[np.bool_], state: State
) -> Term | None:
    """The term over the mask's rows; None when it runs along them already, or is not resolved."""
    if not _runs_along(term, axis):
        return term
    length = state.shape[axis]
    order = (axis,) if row is None else (row, axis)
    rest = tuple(a for a in range(keep.ndim) if a not in order)
    matrix = np.transpose(keep, (*rest, *order)).reshape(-1, keep.shape[axis])
    matrix = np.broadcast_to(matrix, (matrix.shape[0], length))
    if len(term.carrier) > 1:
        if row is not None and _runs_along(term, row):
            return None
        return _beside_others(term, axis, row, matrix, state)
    if term.carrier[0][2] == 0:
        return None
    field = term.field
    by = term.carrier[0][2]
    if by != 1:
        field = Finite(tuple(field.at(by * i) for i in range(length)))
    if row is None:
        seen = union_all(field.at(int(i)) for i in np.flatnonzero(matrix[0]))
        return Term((), Periodic(1, 0, (seen,)))
    return Term(((row, 0, 1),), fold(compose_table(rows(matrix), field, length, len(matrix))))


def _beside_others(
    term: Term, axis: int, row: int | None, matrix: npt.NDArray[np.bool_], state: State
) -> Term | None:
    """The term over the mask's rows where other axes, such as windows in the batch, carry it too.

    None where a table over all of them would be too long.
    """
    layout, place = list(state.layout), axis if row is None else row
    if row is None:
        layout[axis] = (1,)
    reads = {axis: (rows(matrix), place, matrix.shape[1], len(matrix))}
    others = {entry[0]: entry[0] for entry in term.carrier if entry[0] != axis}
    return moved(term, reads, others, state.layout, tuple(layout))


def _gathered(term: Term, axis: int, state: State) -> Term:
    """The term over the whole axis: sound, and larger than what the mask leaves."""
    rest = tuple(e for e in term.carrier if e[0] != axis)
    length = carrier_length(state.layout, rest) or 1
    field = term.field
    for entry in term.carrier:
        if entry[0] == axis:
            field = gather_digit(field, entry[2], size_of(state.layout, entry), length)
    return Term(rest, field)


def _labelled(state: State, mix: MaskedMix) -> State:
    """The union of the parts that each element mixes."""
    assert state.labels is not None
    masks = np.left_shift(1, state.labels, dtype=object)
    kept = np.where(mix.keep, masks, 0)
    codes = np.bitwise_or.reduce(kept, axis=mix.axis, keepdims=True)
    values, places = np.unique(codes, return_inverse=True)
    nothing: Part = (None,) * len(state.parts[0])
    parts = tuple(
        union_many(
            [p for k, p in enumerate(state.parts) if code >> k & 1] or [nothing], state.layout
        )
        for code in values.tolist()
    )
    labels = places.reshape(codes.shape).astype(np.int64)
    return compact(state.layout, parts, labels, state.stands, state.notes)
