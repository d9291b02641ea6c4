"""One step of the propagation: a tensor's state seen through an operator's map.

The same maps drive the exact bounded answers in ``footprint``; here they act on fields as functions
of the output index, for all positions at once.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from rfgraph.geometry.tensor_map import (
    Axes,
    Chain,
    Everything,
    Lookup,
    Masked,
    MaskedMix,
    MaskedProduct,
    Reshape,
    Segment,
    Shape,
    TensorMap,
)
from rfgraph.propagation.digits import unresolved
from rfgraph.propagation.lookup import by_axes
from rfgraph.propagation.masked_mix import mix_under_mask
from rfgraph.propagation.masked_product import product_under_mask
from rfgraph.propagation.merge import compact, distinct, union_many
from rfgraph.propagation.note import Note, Status
from rfgraph.propagation.products import read_axes
from rfgraph.propagation.regroup import reshape
from rfgraph.propagation.state import Part, Reach, Stand, State, Term, plain_layout, untouched


def apply(state: State, tensor_map: TensorMap, out_shape: Shape, node: str) -> State:
    """The state that an operator's output has through one of its inputs.

    Args:
        state: State of the input.
        tensor_map: How the operator reads it.
        out_shape: Shape of the output.
        node: Name of the operator's node, for global origins and notes.
    """
    if isinstance(tensor_map, Axes):
        return read_axes(state, tensor_map, out_shape, node)
    if 0 in out_shape or 0 in state.shape:
        return untouched(out_shape, len(state.parts[0]))
    if isinstance(tensor_map, MaskedProduct):
        return product_under_mask(state, tensor_map, out_shape, node)
    if isinstance(tensor_map, Segment):
        return read_axes(state, tensor_map.axes(), out_shape, node)
    if isinstance(tensor_map, Reshape):
        return reshape(state, out_shape, node)
    if isinstance(tensor_map, Chain):
        for step, shape in tensor_map.steps:
            state = apply(state, step, shape, node)
        return state
    if isinstance(tensor_map, Lookup):
        found = by_axes(state, tensor_map, out_shape)
        if found is None:
            return _apply_lookup(state, out_shape, node)
        axes, keep = found
        read = read_axes(state, axes, out_shape, node)
        return read if keep.all() else _apply_mask(read, keep)
    if isinstance(tensor_map, Masked):
        return _apply_mask(state, tensor_map.keep)
    if isinstance(tensor_map, MaskedMix):
        return mix_under_mask(state, tensor_map, node)
    assert isinstance(tensor_map, Everything)
    return _apply_everything(state, out_shape, node)


def _apply_mask(state: State, keep: npt.NDArray[np.bool_]) -> State:
    """The state where elements under the mask read nothing."""
    nothing: Part = (None,) * len(state.parts[0])
    labels = state.labels if state.labels is not None else np.zeros((1,) * keep.ndim, np.int64)
    masked = np.where(keep, labels + 1, 0)
    seen, places = distinct(masked)
    parts = tuple((nothing, *state.parts)[k] for k in seen)
    return compact(state.layout, parts, places, state.stands, state.notes)


def _apply_lookup(state: State, out_shape: Shape, node: str) -> State:
    notes = state.notes | {Note(Status.BOUND, node, "read through an index table")}
    layout = plain_layout(out_shape)
    carried = tuple((axis, 0, 0) for axis, n in enumerate(out_shape) if n > 1)
    reach_all = _collapse(state)
    loose = tuple(
        reach
        and Reach(
            tuple(
                Term(
                    carried, unresolved(t, frozenset(range(len(state.layout))), state.layout).field
                )
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
    return union_many(state.parts, state.layout)
