"""Writing to listed positions: exact where the list is a constant.

Of several writes to one position PyTorch does not say which stays: all of them count as read.
Where the positions are computed, any position of the axis may be written: what is written, and
where, count as read over the whole of it, and the node is a bound.
"""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import fx

from rfgraph.geometry.axis_map import SAME, AxisMap
from rfgraph.geometry.index_set import index_set
from rfgraph.geometry.movement import fixed, slice_map, table, written
from rfgraph.geometry.periodic import Finite
from rfgraph.geometry.tensor_map import (
    WHOLE,
    Axes,
    AxisRead,
    Chain,
    Everything,
    Lookup,
    Masked,
    Shape,
    identity,
)
from rfgraph.rules.axes import along, broadcast
from rfgraph.rules.call import Call, Read, Reads, Rule, shape
from rfgraph.rules.views import WINDOWS_INTO_STORAGE

Places = npt.NDArray[np.int64]

COMPUTED = "the positions that are written are computed"
_MASKS = (torch.bool, torch.uint8)

MOST = 64
"""Writes to one element that are followed one by one."""


def layers(source: fx.Node, shape_: Shape, places: Places, out_shape: Shape) -> Reads:
    """Reads of a tensor of ``shape_`` whose element k is written to row-major ``places[k]``.

    Args:
        source: The node; it is broadcast to ``shape_`` first.
        shape_: Shape of what is written.
        places: One position in the output for each of its elements, in row-major order.
        out_shape: Shape of the output.
    """
    spread = broadcast(shape(source), shape_)
    order = np.argsort(places, kind="stable")
    ordered = places[order]
    first = np.searchsorted(ordered, ordered, side="left")
    rank = np.arange(len(places)) - first
    if rank.size and rank.max() >= MOST:
        return [Read(source, Everything(), f"more than {MOST} writes to one element")]
    rounds = [rank == k for k in range(int(rank.max()) + 1 if rank.size else 0)]
    reads = []
    for chosen in rounds:
        found = np.full(prod(out_shape), -1, np.int64)
        found[ordered[chosen]] = order[chosen]
        lookup = Lookup(shape_, lambda found=found: found.reshape(out_shape))  # type: ignore[misc]
        reads.append(Read(source, Chain(((spread, shape_), (lookup, out_shape)))))
    return reads


def _untouched(target: fx.Node, places: Places) -> Reads:
    keep = np.ones(prod(shape(target)), dtype=bool)
    keep[places] = False
    return [Read(target, Masked(keep.reshape(shape(target))))]


# --- a vector of positions along one axis ------------------------------------------------------


def _rows(call: Call, axis: int) -> tuple[int, ...] | None:
    values = call.value(call["index"])
    if values is None:
        return None
    return tuple(int(i) % call.out[axis] for i in values.reshape(-1).tolist())


def index_axis(call: Call) -> Reads:
    """Rows of the source put on, or combined with, listed rows of one axis of the target."""
    target, index = call["self"], call["index"]
    source: Any = call.get("source", call.get("value"))
    rank = len(call.out)
    if not rank:
        return [Read(node, Everything()) for node in call.tensors()]
    axis = call["dim"] % rank
    rows = _rows(call, axis)
    operator = str(call.node.target).split(".")[1]
    combines = operator == "index_add" or (operator == "index_reduce" and call["include_self"])
    is_fill = operator == "index_fill"
    reads: list[Read] = []
    if rows is None:
        reads += [
            Read(target, identity(rank), None if combines else COMPUTED),
            Read(index, Axes((AxisRead(axis, WHOLE),)), COMPUTED),
        ]
        if isinstance(source, fx.Node):
            maps = broadcast((), call.out) if is_fill else _whole(rank, axis)
            reads.append(Read(source, maps, COMPUTED))
        return reads
    kept = table([None if o in rows else o for o in range(call.out[axis])])
    reads.append(Read(target, identity(rank) if combines else along(rank, {axis: kept})))
    if isinstance(source, fx.Node):
        if is_fill:
            hits = np.zeros(call.out[axis], dtype=bool)
            hits[list(rows)] = True
            mask = hits.reshape([-1 if k == axis else 1 for k in range(rank)])
            reads.append(
                Read(source, Chain(((broadcast((), call.out), call.out), (Masked(mask), call.out))))
            )
        else:
            sets: dict[int, list[int]] = {}
            for place, row in enumerate(rows):
                sets.setdefault(row, []).append(place)
            gathered = Finite(tuple(index_set(sets.get(o, ())) for o in range(call.out[axis])))
            reads.append(Read(source, along(rank, {axis: AxisMap(gathered)})))
    return reads


def _whole(rank: int, axis: int) -> Axes:
    return Axes(tuple(AxisRead(k, WHOLE if k == axis else SAME) for k in range(rank)))


# --- a position for every element --------------------------------------------------------------


def scatter(call: Call) -> Reads:
    """Every element of the source put on, or combined with, a listed place along one axis."""
    target, index = call["self"], call["index"]
    source: Any = call.get("src", call.get("value"))
    rank = len(call.out)
    if not rank:
        return [Read(node, Everything()) for node in call.tensors()]
    axis = call["dim"] % rank
    operator = str(call.node.target).split(".")[1]
    combines = (
        operator == "scatter_add"
        or (operator == "scatter_reduce" and bool(call["include_self"]))
        or (operator == "scatter" and call.get("reduce") is not None)
    )
    values = call.value(index)
    if values is None:
        return _scatter_computed(call, axis, combines=combines)
    listed = values.cpu().numpy().astype(np.int64)
    coordinates = list(np.indices(listed.shape))
    coordinates[axis] = listed % call.out[axis]
    places = np.ravel_multi_index(tuple(coordinates), call.out).reshape(-1).astype(np.int64)
    reads = [Read(target, identity(rank))] if combines else [*_untouched(target, places)]
    if isinstance(source, fx.Node):
        if shape(source) == listed.shape or not shape(source):
            reads += layers(source, listed.shape, places, call.out)
        else:
            reads.append(Read(source, Everything(), "part of the source is written"))
    return reads


def _scatter_computed(call: Call, axis: int, *, combines: bool) -> Reads:
    target, index = call["self"], call["index"]
    source: Any = call.get("src", call.get("value"))
    rank, listed = len(call.out), shape(index)

    def over(node: fx.Node) -> Axes:
        reads = []
        for k, (length, count, out) in enumerate(zip(shape(node), listed, call.out, strict=True)):
            if k == axis:
                reads.append(AxisRead(k, WHOLE))
            elif length == out == count:
                reads.append(AxisRead(k, SAME))
            else:
                reads.append(AxisRead(k, slice_map(0) if count == out else written(0, 1, count)))
        return Axes(tuple(reads))

    reads = [
        Read(target, identity(rank), None if combines else COMPUTED),
        Read(index, over(index), COMPUTED),
    ]
    if isinstance(source, fx.Node):
        maps = over(source) if shape(source) else broadcast((), call.out)
        reads.append(Read(source, maps, COMPUTED))
    return reads


# --- advanced indexing on the left of an assignment ---------------------------------------------


def index_put(call: Call) -> Reads:
    """``x[i, :, j] = y``, or ``+=`` when it accumulates."""
    target, source = call["self"], call["values"]
    chosen: list[fx.Node | None] = list(call["indices"])
    known = [None if node is None else call.value(node) for node in chosen]
    missing = any(v is None for v, node in zip(known, chosen, strict=True) if node is not None)
    if missing:
        return _index_put_computed(call, chosen)
    flat = torch.arange(prod(call.out)).reshape(call.out)
    hit = flat[tuple(slice(None) if value is None else value for value in known)]
    places = hit.reshape(-1).numpy()
    accumulates = bool(call["accumulate"])
    own = [Read(target, identity(len(call.out)))] if accumulates else _untouched(target, places)
    return [*own, *layers(source, tuple(hit.shape), places, call.out)]


def _index_put_computed(call: Call, chosen: list[fx.Node | None]) -> Reads:
    target, source = call["self"], call["values"]
    rank = len(call.out)
    caveat = None if call["accumulate"] else COMPUTED
    masks = [n for n in chosen if n is not None and n.meta["spec"].dtype in _MASKS]
    if len(masks) == len(chosen) == 1 and prod(shape(source)) == 1:
        # x[mask] = value: elementwise, whether the mask says so or not.
        mask = masks[0]
        over = Axes(tuple(AxisRead(k, SAME) for k in range(len(shape(mask)))))
        one = Axes(tuple(AxisRead(None, fixed(0)) for _ in shape(source)))
        return [Read(target, identity(rank)), Read(mask, over), Read(source, one)]
    reads = [Read(target, identity(rank), caveat)]
    indexed = [axis for axis, node in enumerate(chosen) if node is not None]
    if masks or indexed != list(range(indexed[0], indexed[-1] + 1)):
        others = [node for node in (*chosen, source) if node is not None]
        return [*reads, *(Read(node, Everything(), COMPUTED) for node in others)]
    nodes = [node for node in chosen if node is not None]
    reads += [
        Read(node, Axes(tuple(AxisRead(None, WHOLE) for _ in shape(node))), COMPUTED)
        for node in nodes
    ]
    wide = max(len(shape(node)) for node in nodes)
    full: list[AxisRead] = [AxisRead(k, SAME) for k in range(indexed[0])]
    full += [AxisRead(None, WHOLE)] * wide
    full += [AxisRead(k, SAME) for k in range(indexed[-1] + 1, rank)]
    short = shape(source)
    over_values = [
        AxisRead(None, WHOLE) if length == 1 else read
        for length, read in zip(short, full[len(full) - len(short) :], strict=True)
    ]
    return [*reads, Read(source, Axes(tuple(over_values)), COMPUTED)]


def put(call: Call) -> Reads:
    """Listed row-major positions written."""
    target, source = call["self"], call["source"]
    values = call.value(call["index"])
    accumulates = bool(call["accumulate"])
    if values is None:
        rest = [Read(node, Everything(), COMPUTED) for node in (call["index"], source)]
        return [Read(target, identity(len(call.out)), None if accumulates else COMPUTED), *rest]
    places = (values.reshape(-1) % prod(call.out)).cpu().numpy()
    own = [Read(target, identity(len(call.out)))] if accumulates else _untouched(target, places)
    return [*own, *layers(source, shape(source), places, call.out)]


def masked_scatter(call: Call) -> Reads:
    """The source's elements, in order, where the mask is true."""
    target, source = call["self"], call["source"]
    mask = call.value(call["mask"])
    if mask is None:
        # How many elements came before decides which one lands here.
        return [
            Read(target, broadcast(shape(target), call.out)),
            Read(call["mask"], Everything(), COMPUTED),
            Read(source, Everything(), COMPUTED),
        ]
    keep = np.broadcast_to(mask.cpu().numpy().astype(bool), call.out)
    found = np.where(keep, np.cumsum(keep).reshape(keep.shape) - 1, -1).astype(np.int64)
    spread = broadcast(shape(target), call.out)
    return [
        Read(target, Chain(((spread, call.out), (Masked(~keep), call.out)))),
        Read(source, Lookup(shape(source), lambda: found)),
    ]


def strided_write(call: Call) -> Reads:
    """Writes through any strides into the target's memory."""
    target, source = call["self"], call["src"]
    spec = target.meta["spec"]
    contiguous = [prod(spec.shape[axis + 1 :]) for axis in range(len(spec.shape))]
    if list(spec.stride) != contiguous or target.target in WINDOWS_INTO_STORAGE:
        # Strides and offset count from the start of the memory, which holds more than the target.
        reason = "strides into the memory of a view"
        return [
            Read(target, identity(len(call.out)), reason),
            Read(source, Everything(), reason),
        ]
    places = np.full(tuple(call["size"]), int(call["storage_offset"] or 0), np.int64)
    for axis, stride in enumerate(call["stride"]):
        steps = np.arange(places.shape[axis]) * stride
        places += steps.reshape([-1 if k == axis else 1 for k in range(places.ndim)])
    flat = places.reshape(-1)
    return [*_untouched(target, flat), *layers(source, places.shape, flat, call.out)]


RULES: dict[str, Rule] = {
    "aten.index_add": index_axis,
    "aten.index_copy": index_axis,
    "aten.index_fill": index_axis,
    "aten.index_reduce": index_axis,
    "aten.scatter": scatter,
    "aten.scatter_add": scatter,
    "aten.scatter_reduce": scatter,
    "aten.index_put": index_put,
    "aten._unsafe_index_put": index_put,
    "aten.put": put,
    "aten.masked_scatter": masked_scatter,
    "aten.as_strided_scatter": strided_write,
}
