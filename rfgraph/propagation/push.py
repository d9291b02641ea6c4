"""One map pushed forward: what each output element reads of the marked input elements.

Marks are booleans (whether an element is reached) or numbers from 0 on (how far what reaches it
lies, one more than a position; 0 where nothing does), and several that meet are joined by their
maximum. Marks have length 1 along an axis on which they do not vary.
"""

from __future__ import annotations

import numpy as np

from rfgraph.geometry.axis_map import Scan, pairs, scan_of
from rfgraph.geometry.tensor_map import (
    Axes,
    AxisRead,
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
    Whole,
)
from rfgraph.propagation.pull import Marks
from rfgraph.propagation.regroup import reshape_groups, reshape_uniform


def push(tensor_map: TensorMap, marks: Marks, in_shape: Shape, out_shape: Shape) -> Marks:
    """For each output element the largest mark of the input elements that it reads.

    Args:
        tensor_map: How the operator reads the input.
        marks: The marks of the input, of its rank, length 1 along uniform axes.
        in_shape: Shape of the input.
        out_shape: Shape of the output.

    Returns:
        The marks of the output, of its rank and of the same type; 0 or False where nothing marked
        is read.
    """
    if isinstance(tensor_map, Axes):
        return _push_axes(tensor_map, marks, in_shape, out_shape)
    if isinstance(tensor_map, Segment):
        return _push_axes(tensor_map.axes(), marks, in_shape, out_shape)
    if isinstance(tensor_map, Reshape):
        return reshape_uniform(marks, in_shape, out_shape, reshape_groups(in_shape, out_shape))
    if isinstance(tensor_map, Chain):
        for step, shape in tensor_map.steps:
            marks = push(step, marks, in_shape, shape)
            in_shape = shape
        return marks
    if isinstance(tensor_map, Lookup):
        places = tensor_map.build()
        flat = np.broadcast_to(marks, in_shape).reshape(-1)
        return flat[np.maximum(places, 0)] * (places >= 0)
    if isinstance(tensor_map, Masked):
        return marks * tensor_map.keep
    if isinstance(tensor_map, MaskedMix):
        return largest(marks * tensor_map.keep, tensor_map.axis)
    if isinstance(tensor_map, MaskedProduct):
        return _push_product(tensor_map, marks, in_shape)
    assert isinstance(tensor_map, Everything)
    return np.full((1,) * len(out_shape), marks.max(initial=0), dtype=marks.dtype)


def largest(marks: Marks, axis: int | tuple[int, ...]) -> Marks:
    """The largest mark along whole axes, which stay with length 1; 0 along axes of length 0."""
    return np.asarray(marks.max(axis=axis, keepdims=True, initial=0))


def _push_product(product: MaskedProduct, marks: Marks, in_shape: Shape) -> Marks:
    moved = np.moveaxis(marks, product.axis, -1)
    by_place = np.broadcast_to(moved, (*moved.shape[:-1], in_shape[product.axis]))
    # Row by row: all rows at once would hold every pair of positions.
    rows = [
        (by_place * product.keep[..., row : row + 1, :]).max(-1, initial=0)
        for row in range(product.keep.shape[-2])
    ]
    return np.moveaxis(np.stack(rows, -1), -1, product.out_axis)


def _push_axes(axes: Axes, marks: Marks, in_shape: Shape, out_shape: Shape) -> Marks:
    for axis, read in enumerate(axes.reads):
        marks = _push_axis(read, marks, axis, in_shape[axis], out_shape)
    placed = [
        (read.out_axis, axis)
        for axis, read in enumerate(axes.reads)
        if read.out_axis is not None and not isinstance(read.reads, Whole)
    ]
    order = [axis for _, axis in sorted(placed)]
    rest = [axis for axis in range(marks.ndim) if axis not in order]
    shape = [1] * len(out_shape)
    for out_axis, axis in placed:
        shape[out_axis] = marks.shape[axis]
    return np.transpose(marks, [*rest, *order]).reshape(shape)


def _push_axis(read: AxisRead, marks: Marks, axis: int, in_length: int, out_shape: Shape) -> Marks:
    """The marks with one input axis replaced by the output axis that reads it."""
    if isinstance(read.reads, Whole):
        return largest(marks, axis)
    if read.is_identity:
        return marks
    if read.out_axis is None:
        places = list(read.reads.at(0, in_length))
        if marks.shape[axis] == 1:
            return marks if places else np.zeros_like(marks)
        return largest(marks.take(places, axis), axis)
    out_length = out_shape[read.out_axis]
    moved = np.moveaxis(marks, axis, -1)
    scan = scan_of(read.reads, out_length, in_length)
    chunks = pairs(read.reads, out_length, in_length) if scan is None else ()
    if moved.shape[-1] == 1:
        reached = np.zeros(out_length, dtype=bool)
        if scan is not None:
            reached = (scan.ends >= 0) & (scan.ends < in_length)
        for outs, _ in chunks:
            reached[outs] = True
        if reached.all():
            reached = reached[:1]
        return np.moveaxis(moved * reached, -1, axis)
    if scan is not None:
        return np.moveaxis(_push_scan(scan, moved), -1, axis)
    out = np.zeros((*moved.shape[:-1], out_length), dtype=marks.dtype)
    for outs, ins in chunks:
        # Outputs are distinct within a chunk.
        out[..., outs] = np.maximum(out[..., outs], moved[..., ins])
    return np.moveaxis(out, -1, axis)


def _push_scan(scan: Scan, marks: Marks) -> Marks:
    """The largest mark that each output of a scan along the last axis reads."""
    nothing = np.zeros((*marks.shape[:-1], 1), dtype=marks.dtype)
    if scan.from_start:
        upto = np.maximum.accumulate(marks, axis=-1)
        return np.asarray(np.concatenate([nothing, upto], -1)[..., scan.ends + 1])
    beyond = np.flip(np.maximum.accumulate(np.flip(marks, -1), axis=-1), -1)
    return np.asarray(np.concatenate([beyond, nothing], -1)[..., scan.ends])
