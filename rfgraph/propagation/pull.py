"""One map pulled back: how much of each input element the marked output elements read.

Marks are booleans (which elements are read) or weights (how many paths lead there). A mark has
length 1 along an axis on which it does not vary, so that channels cost nothing until something
tells them apart; every element along such an axis has that same mark.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from rfgraph.geometry.axis_map import AxisMap, Scan, pairs, scan_of
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
    Whole,
)
from rfgraph.propagation.regroup import reshape_groups, reshape_uniform

Marks = npt.NDArray[Any]
"""Booleans, whose sum is "or" and whose product is "and", or numbers of paths."""


def pull(tensor_map: TensorMap, marks: Marks, in_shape: Shape, out_shape: Shape) -> Marks:
    """For each input element the sum of the marks of the output elements that read it.

    Args:
        tensor_map: How the operator reads the input.
        marks: The marks of the output, of its rank, length 1 along uniform axes.
        in_shape: Shape of the input.
        out_shape: Shape of the output.

    Returns:
        The marks of the input, of its rank and of the same type.
    """
    if isinstance(tensor_map, Axes):
        return _pull_axes(tensor_map, marks, in_shape, out_shape)
    if isinstance(tensor_map, Segment):
        return _pull_segment(tensor_map, marks, in_shape, out_shape)
    if isinstance(tensor_map, Reshape):
        groups = [(outs, ins) for ins, outs in reshape_groups(in_shape, out_shape)]
        return reshape_uniform(marks, out_shape, in_shape, groups)
    if isinstance(tensor_map, Chain):
        shapes = [in_shape, *(shape for _, shape in tensor_map.steps)]
        for k in range(len(tensor_map.steps) - 1, -1, -1):
            marks = pull(tensor_map.steps[k][0], marks, shapes[k], shapes[k + 1])
        return marks
    if isinstance(tensor_map, Lookup):
        return _pull_lookup(tensor_map, marks, in_shape, out_shape)
    if isinstance(tensor_map, Masked):
        return marks * tensor_map.keep
    if isinstance(tensor_map, MaskedMix):
        return total(marks, (tensor_map.axis,), out_shape) * tensor_map.keep
    if isinstance(tensor_map, MaskedProduct):
        return _pull_product(tensor_map, marks, out_shape)
    assert isinstance(tensor_map, Everything)
    return total(marks, tuple(range(marks.ndim)), out_shape).reshape((1,) * len(in_shape))


def total(marks: Marks, axes: tuple[int, ...], shape: Shape) -> Marks:
    """The sum over whole axes of a tensor of the given shape; the axes stay, with length 1."""
    if not axes:
        return marks
    if marks.dtype == bool:
        return np.asarray(marks.any(axis=axes, keepdims=True))
    uniform = math.prod(shape[axis] for axis in axes if marks.shape[axis] == 1)
    return np.asarray(marks.sum(axis=axes, keepdims=True) * uniform)


def _pull_lookup(lookup: Lookup, marks: Marks, in_shape: Shape, out_shape: Shape) -> Marks:
    places = lookup.build()
    marks = np.broadcast_to(marks, out_shape)
    read = places >= 0
    flat = np.zeros(math.prod(in_shape), dtype=marks.dtype)
    np.add.at(flat, places[read], marks[read])
    return flat.reshape(in_shape)


def _pull_product(product: MaskedProduct, marks: Marks, out_shape: Shape) -> Marks:
    moved = np.moveaxis(marks, product.out_axis, -1)
    by_row = np.broadcast_to(moved, (*moved.shape[:-1], out_shape[product.out_axis]))
    found = by_row.astype(np.float64) @ product.keep
    return np.moveaxis(found > 0 if marks.dtype == np.bool_ else found, -1, product.axis)


def _pull_segment(segment: Segment, marks: Marks, in_shape: Shape, out_shape: Shape) -> Marks:
    axis, offset = segment.axis, segment.offset
    if offset < 0 or offset + in_shape[axis] > out_shape[axis]:
        return _pull_axes(segment.axes(), marks, in_shape, out_shape)
    if marks.shape[axis] == 1:
        return marks
    cut = marks.take(range(offset, offset + in_shape[axis]), axis)
    first = cut.take([0], axis) if in_shape[axis] else cut
    return first if (cut == first).all() and in_shape[axis] else cut


def _pull_axes(axes: Axes, marks: Marks, in_shape: Shape, out_shape: Shape) -> Marks:
    followed = {
        read.out_axis
        for read in axes.reads
        if read.out_axis is not None and isinstance(read.reads, AxisMap)
    }
    idle = tuple(axis for axis in range(marks.ndim) if axis not in followed)
    marks = total(marks, idle, out_shape)
    for axis, read in enumerate(axes.reads):
        if read.out_axis is not None and isinstance(read.reads, AxisMap):
            marks = _pull_axis(read.reads, marks, read.out_axis, in_shape[axis], out_shape)
    order = [
        r.out_axis
        for r in axes.reads
        if r.out_axis is not None and r.out_axis in followed and not isinstance(r.reads, Whole)
    ]
    kept = np.transpose(marks, [*order, *(a for a in range(marks.ndim) if a not in order)])
    lengths = iter(kept.shape[: len(order)])
    shape, selections = [], []
    for axis, read in enumerate(axes.reads):
        if isinstance(read.reads, AxisMap) and read.out_axis is not None:
            shape.append(next(lengths))
        else:
            shape.append(1)
            if isinstance(read.reads, AxisMap) and in_shape[axis] > 1:
                selections.append((axis, read.reads))
    out = kept.reshape(shape)
    for axis, reads in selections:
        chosen = np.zeros(in_shape[axis], dtype=marks.dtype)
        chosen[list(reads.at(0, in_shape[axis]))] = 1
        out = out * chosen.reshape([-1 if k == axis else 1 for k in range(len(in_shape))])
    return out


def _pull_axis(reads: AxisMap, marks: Marks, axis: int, in_length: int, out_shape: Shape) -> Marks:
    if reads.is_identity:
        return marks
    out_length = out_shape[axis]
    moved = np.moveaxis(marks, axis, -1)
    scan = scan_of(reads, out_length, in_length)
    chunks = pairs(reads, out_length, in_length) if scan is None else ()
    if marks.shape[axis] == 1:
        if scan is None:
            times = np.zeros(in_length, dtype=marks.dtype)
            for _, ins in chunks:
                times[ins] += True
        else:
            times = _pull_scan(scan, np.ones(out_length, dtype=marks.dtype), in_length)
        if in_length and (times == times[0]).all():
            times = times[:1]
        return np.moveaxis(moved * times, -1, axis)
    if scan is not None:
        return np.moveaxis(_pull_scan(scan, moved, in_length), -1, axis)
    out = np.zeros((*moved.shape[:-1], in_length), dtype=marks.dtype)
    wanted = np.asarray(moved.any(axis=tuple(range(moved.ndim - 1))))
    for outs, ins in chunks:
        here = wanted[outs]
        if here.any():
            # Inputs are distinct within a chunk.
            out[..., ins[here]] += moved[..., outs[here]]
    return np.moveaxis(out, -1, axis)


def _pull_scan(scan: Scan, marks: Marks, in_length: int) -> Marks:
    """The marks of the inputs of a scan along the last axis."""
    sums = np.logical_or if marks.dtype == np.bool_ else np.add
    # One place more than inputs, for outputs that read nothing.
    by_end = np.zeros((in_length + 1, *marks.shape[:-1]), dtype=marks.dtype)
    sums.at(by_end, scan.ends, np.moveaxis(marks, -1, 0))
    by_end = by_end[:in_length]
    if scan.from_start:
        found = np.flip(sums.accumulate(np.flip(by_end, 0), axis=0), 0)
    else:
        found = sums.accumulate(by_end, axis=0)
    return np.moveaxis(found, 0, -1)
