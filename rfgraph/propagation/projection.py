"""The forward question: which elements of a later tensor can chosen elements reach.

Boolean masks are pushed through the same maps that :mod:`rfgraph.propagation.pull` reads backwards.
A mask has length 1 along an axis on which it does not vary.
"""

from __future__ import annotations

import networkx as nx
import numpy as np
import numpy.typing as npt

from rfgraph.geometry.axis_map import pairs
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
from rfgraph.propagation.backward import Follow
from rfgraph.propagation.graph import Edge, shape_of
from rfgraph.propagation.regroup import reshape_groups, reshape_uniform

Mask = npt.NDArray[np.bool_]


def push_forward(
    graph: nx.DiGraph[str],
    source: str,
    mask: Mask,
    target: str,
    follow: Follow | None = None,
) -> Mask | None:
    """The mask of the target's elements that read some marked element of the source.

    Args:
        graph: The operator graph, in topological order.
        source: The node whose elements are marked.
        mask: True at the marked elements; axes of length 1 mean "all along this axis".
        target: The node to report.
        follow: Which reads to follow, given source name, reader name and read; all when None.

    Returns:
        A mask broadcastable to the target's shape, or None when nothing is reached.
    """
    return push_to(graph, source, mask, target, follow).get(target)


def push_to(
    graph: nx.DiGraph[str],
    source: str,
    mask: Mask,
    target: str,
    follow: Follow | None = None,
) -> dict[str, Mask]:
    """As :func:`push_forward`, for every node on the way that is reached, the source included."""
    masks: dict[str, Mask] = {source: mask}
    escapes = graph.graph.get("escapes", frozenset()) if follow is None else frozenset()
    escaped = False
    wanted = nx.ancestors(graph, target) | {target} | set(escapes)
    for name in graph.nodes:
        if name not in wanted:
            continue
        shape = shape_of(graph, name)
        for before, data in graph.pred[name].items():
            here = masks.get(before)
            if here is None:
                continue
            edge: Edge = data["edge"]
            for read in edge.reads:
                if follow is not None and not follow(before, name, read):
                    continue
                seen = push(read.map, here, shape_of(graph, before), shape)
                if seen.any():
                    masks[name] = masks[name] | seen if name in masks else seen
        if escaped:
            masks[name] = np.ones((1,) * len(shape), dtype=bool)
        if name == target:
            break
        # Python code read all of its values: whatever comes later may depend on them.
        escaped |= name in escapes and name in masks
    return masks


def push(tensor_map: TensorMap, mask: Mask, in_shape: Shape, out_shape: Shape) -> Mask:
    """The output elements that read some marked input element."""
    if isinstance(tensor_map, Axes):
        return _push_axes(tensor_map, mask, in_shape, out_shape)
    if isinstance(tensor_map, Segment):
        return _push_axes(tensor_map.axes(), mask, in_shape, out_shape)
    if isinstance(tensor_map, Reshape):
        return reshape_uniform(mask, in_shape, out_shape, reshape_groups(in_shape, out_shape))
    if isinstance(tensor_map, Chain):
        for step, shape in tensor_map.steps:
            mask = push(step, mask, in_shape, shape)
            in_shape = shape
        return mask
    if isinstance(tensor_map, Lookup):
        places = tensor_map.build()
        flat = np.broadcast_to(mask, in_shape).reshape(-1)
        return np.where(places >= 0, flat[np.maximum(places, 0)], False)
    if isinstance(tensor_map, Masked):
        return mask & tensor_map.keep
    if isinstance(tensor_map, MaskedMix):
        return np.asarray((mask & tensor_map.keep).any(axis=tensor_map.axis, keepdims=True))
    if isinstance(tensor_map, MaskedProduct):
        moved = np.moveaxis(mask, tensor_map.axis, -1)
        by_place = np.broadcast_to(moved, (*moved.shape[:-1], in_shape[tensor_map.axis]))
        reached = by_place.astype(np.float64) @ tensor_map.keep.swapaxes(-1, -2) > 0
        return np.moveaxis(reached, -1, tensor_map.out_axis)
    assert isinstance(tensor_map, Everything)
    return np.full((1,) * len(out_shape), bool(mask.any()))


def _push_axes(axes: Axes, mask: Mask, in_shape: Shape, out_shape: Shape) -> Mask:
    for axis, read in enumerate(axes.reads):
        mask = _push_axis(read, mask, axis, in_shape[axis], out_shape)
    placed = [
        (read.out_axis, axis)
        for axis, read in enumerate(axes.reads)
        if read.out_axis is not None and not isinstance(read.reads, Whole)
    ]
    order = [axis for _, axis in sorted(placed)]
    rest = [axis for axis in range(mask.ndim) if axis not in order]
    shape = [1] * len(out_shape)
    for out_axis, axis in placed:
        shape[out_axis] = mask.shape[axis]
    return np.transpose(mask, [*rest, *order]).reshape(shape)


def _push_axis(read: AxisRead, mask: Mask, axis: int, in_length: int, out_shape: Shape) -> Mask:
    """The mask with one input axis replaced by the output axis that reads it."""
    if isinstance(read.reads, Whole):
        return np.asarray(mask.any(axis=axis, keepdims=True))
    if read.is_identity:
        return mask
    if read.out_axis is None:
        places = list(read.reads.at(0, in_length))
        if mask.shape[axis] == 1:
            return mask if places else np.zeros_like(mask)
        return np.asarray(mask.take(places, axis).any(axis=axis, keepdims=True))
    out_length = out_shape[read.out_axis]
    moved = np.moveaxis(mask, axis, -1)
    chunks = pairs(read.reads, out_length, in_length)
    if moved.shape[-1] == 1:
        reached = np.zeros(out_length, dtype=bool)
        for outs, _ in chunks:
            reached[outs] = True
        if reached.all():
            reached = reached[:1]
        return np.moveaxis(moved & reached, -1, axis)
    out = np.zeros((*moved.shape[:-1], out_length), dtype=bool)
    for outs, ins in chunks:
        # Outputs are distinct within a chunk.
        out[..., outs] |= moved[..., ins]
    return np.moveaxis(out, -1, axis)
