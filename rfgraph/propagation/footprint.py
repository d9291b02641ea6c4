"""Exact answers for chosen elements: which positions of every earlier tensor reach them.

Boolean masks are pulled back through the same maps that the fields are propagated through, with
real borders: padding is dropped at every step. A mask has length 1 along an axis on which it does
not vary, so that channels cost nothing until something tells them apart.
"""

from __future__ import annotations

from collections.abc import Callable, Container

import networkx as nx
import numpy as np
import numpy.typing as npt

from rfgraph.geometry.axis_map import AxisMap, pairs
from rfgraph.geometry.tensor_map import (
    Axes,
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
from rfgraph.propagation.graph import Edge, shape_of
from rfgraph.propagation.regroup import reshape_groups, reshape_uniform
from rfgraph.rules.call import Read

Mask = npt.NDArray[np.bool_]


def pull_back(
    graph: nx.DiGraph[str],
    target: str,
    mask: Mask,
    sources: Container[str],
    follow: Callable[[str, str, Read], bool] | None = None,
) -> dict[str, Mask]:
    """For every source, the mask of its elements that some marked element of the target reads.

    Args:
        graph: The operator graph, in topological order.
        target: The node whose elements are marked.
        mask: True at the marked elements; axes of length 1 mean "all along this axis".
        sources: The nodes to report.
        follow: Which reads to follow, given source name, reader name and read; all when None.

    Returns:
        A mask per source that is reached, broadcastable to the source's shape.
    """
    masks: dict[str, Mask] = {target: mask}
    found: dict[str, Mask] = {}
    needed = nx.ancestors(graph, target) | {target}
    if follow is None:
        for name in _before(graph, target) & graph.graph.get("escapes", frozenset()):
            # Python code read all of it before the target was made.
            masks[name] = np.ones((1,) * len(shape_of(graph, name)), dtype=bool)
            needed |= nx.ancestors(graph, name) | {name}
    for name in reversed([n for n in graph.nodes if n in needed]):
        here = masks.pop(name, None)
        if here is None or not here.any():
            continue
        if name in sources:
            found[name] = here
        for source, data in graph.pred[name].items():
            edge: Edge = data["edge"]
            before, after = shape_of(graph, source), shape_of(graph, name)
            for read in edge.reads:
                if follow is not None and not follow(source, name, read):
                    continue
                seen = pull(read.map, here, before, after)
                old = masks.get(source)
                masks[source] = seen if old is None else _or(old, seen)
    return found


def _before(graph: nx.DiGraph[str], target: str) -> set[str]:
    if not graph.graph.get("escapes"):
        return set()
    names = list(graph.nodes)
    return set(names[: names.index(target)])


def _or(a: Mask, b: Mask) -> Mask:
    if a.shape == b.shape:
        return a | b
    # A uniform axis that is true throughout absorbs a varying one only if all of it is true.
    joined: Mask = np.logical_or(*np.broadcast_arrays(a, b))
    return joined


def pull(tensor_map: TensorMap, mask: Mask, in_shape: Shape, out_shape: Shape) -> Mask:
    """The input elements that the marked output elements read."""
    if isinstance(tensor_map, Axes):
        return _pull_axes(tensor_map, mask, in_shape, out_shape)
    if isinstance(tensor_map, Segment):
        return _pull_segment(tensor_map, mask, in_shape, out_shape)
    if isinstance(tensor_map, Reshape):
        groups = [(outs, ins) for ins, outs in reshape_groups(in_shape, out_shape)]
        return reshape_uniform(mask, out_shape, in_shape, groups)
    if isinstance(tensor_map, Chain):
        shapes = [in_shape, *(shape for _, shape in tensor_map.steps)]
        for k in range(len(tensor_map.steps) - 1, -1, -1):
            mask = pull(tensor_map.steps[k][0], mask, shapes[k], shapes[k + 1])
        return mask
    if isinstance(tensor_map, Lookup):
        places = tensor_map.build()[np.broadcast_to(mask, out_shape)]
        flat = np.zeros(int(np.prod(in_shape)), dtype=bool)
        flat[places[places >= 0]] = True
        return flat.reshape(in_shape)
    if isinstance(tensor_map, Masked):
        return mask & tensor_map.keep
    assert isinstance(tensor_map, Everything)
    return np.full((1,) * len(in_shape), bool(mask.any()))


def _pull_segment(segment: Segment, mask: Mask, in_shape: Shape, out_shape: Shape) -> Mask:
    axis, offset = segment.axis, segment.offset
    if offset < 0 or offset + in_shape[axis] > out_shape[axis]:
        return _pull_axes(segment.axes(), mask, in_shape, out_shape)
    if mask.shape[axis] == 1:
        return mask
    place = [slice(None)] * mask.ndim
    place[axis] = slice(offset, offset + in_shape[axis])
    cut = mask[tuple(place)]
    return np.asarray(cut.any(axis=axis, keepdims=True)) if cut.all() else cut


def _pull_axes(axes: Axes, mask: Mask, in_shape: Shape, out_shape: Shape) -> Mask:
    followed = {
        read.out_axis
        for read in axes.reads
        if read.out_axis is not None and isinstance(read.reads, AxisMap)
    }
    idle = tuple(axis for axis in range(mask.ndim) if axis not in followed)
    if idle:
        mask = np.asarray(mask.any(axis=idle, keepdims=True))
    for axis, read in enumerate(axes.reads):
        if read.out_axis is not None and isinstance(read.reads, AxisMap):
            mask = _pull_axis(read.reads, mask, read.out_axis, in_shape[axis], out_shape)
    order = [
        r.out_axis
        for r in axes.reads
        if r.out_axis is not None and r.out_axis in followed and not isinstance(r.reads, Whole)
    ]
    kept = np.transpose(mask, [*order, *(a for a in range(mask.ndim) if a not in order)])
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
        chosen = np.zeros(in_shape[axis], dtype=bool)
        chosen[list(reads.at(0, in_shape[axis]))] = True
        out = out & chosen.reshape([-1 if k == axis else 1 for k in range(len(in_shape))])
    return out


def _pull_axis(reads: AxisMap, mask: Mask, axis: int, in_length: int, out_shape: Shape) -> Mask:
    if reads.is_identity:
        return mask
    out_length = out_shape[axis]
    chunks = pairs(reads, out_length, in_length)
    moved = np.moveaxis(mask, axis, -1)
    if mask.shape[axis] == 1:
        read = np.zeros(in_length, dtype=bool)
        for _, ins in chunks:
            read[ins] = True
        if read.all():
            return mask
        return np.moveaxis(moved & read, -1, axis)
    out = np.zeros((*moved.shape[:-1], in_length), dtype=bool)
    active = np.flatnonzero(moved.any(axis=tuple(range(moved.ndim - 1))))
    wanted = np.zeros(out_length, dtype=bool)
    wanted[active] = True
    for outs, ins in chunks:
        here = wanted[outs]
        if here.any():
            out[..., ins[here]] |= moved[..., outs[here]]
    return np.moveaxis(out, -1, axis)
