"""Concatenation in one step: operands become parts of the result, told apart by position."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from rfgraph.geometry.tensor_map import Segment, Shape, TensorMap
from rfgraph.propagation.apply import apply
from rfgraph.propagation.merge import compact
from rfgraph.propagation.note import Note
from rfgraph.propagation.state import Part, Stand, State, carries


def see_through(
    reads: Sequence[tuple[State, TensorMap]], out_shape: Shape, node: str
) -> list[State]:
    """The states that an operator's output has through each of its reads, segments joined."""
    if len(reads) < 2:
        return [apply(state, m, out_shape, node) for state, m in reads]
    segments = [(state, m) for state, m in reads if isinstance(m, Segment)]
    if len(segments) < 2 or not _can_join(segments, out_shape):
        return [apply(state, m, out_shape, node) for state, m in reads]
    others = [apply(s, m, out_shape, node) for s, m in reads if not isinstance(m, Segment)]
    return [_join(segments, out_shape), *others]


def _can_join(segments: Sequence[tuple[State, Segment]], out_shape: Shape) -> bool:
    """Whether all lie inside, no field runs along the axis, and other axes have equal digits."""
    axis = segments[0][1].axis
    first = _elsewhere(segments[0][0], axis)
    return all(
        m.axis == axis
        and 0 <= m.offset <= out_shape[axis] - state.shape[axis]
        and not carries(state, axis)
        and _elsewhere(state, axis) == first
        for state, m in segments
    )


def _elsewhere(state: State, axis: int) -> tuple[tuple[int, ...], ...]:
    return (*state.layout[:axis], *state.layout[axis + 1 :])


def _join(segments: Sequence[tuple[State, Segment]], out_shape: Shape) -> State:
    axis = segments[0][1].axis
    rank = len(out_shape)
    common = np.broadcast_shapes(
        *(_without(s.labels.shape, axis) for s, _ in segments if s.labels is not None), (1,) * rank
    )
    labels = np.zeros((*common[:axis], out_shape[axis], *common[axis + 1 :]), np.int64)
    nothing: Part = (None,) * len(segments[0][0].parts[0])
    parts: list[Part] = [nothing]
    place: list[slice | int] = [slice(None)] * rank
    for state, segment in segments:
        length = state.shape[axis]
        place[axis] = slice(segment.offset, segment.offset + length)
        labels[tuple(place)] = len(parts) + (state.labels if state.labels is not None else 0)
        parts.extend(state.parts)
    first = segments[0][0]
    layout = (*first.layout[:axis], (out_shape[axis],), *first.layout[axis + 1 :])
    stands = frozenset[Stand]().union(*(state.stands for state, _ in segments))
    notes = frozenset[Note]().union(*(state.notes for state, _ in segments))
    if labels.min() > 0:
        return compact(layout, tuple(parts[1:]), labels - 1, stands, notes)
    return compact(layout, tuple(parts), labels, stands, notes)


def _without(shape: tuple[int, ...], axis: int) -> tuple[int, ...]:
    return (*shape[:axis], 1, *shape[axis + 1 :])
