"""Gathering by index: exact where the index is a constant, the whole axis where it is computed."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import torch
from torch import fx

from rfgraph.geometry.axis_map import SAME, AxisMap
from rfgraph.geometry.movement import table
from rfgraph.geometry.tensor_map import (
    WHOLE,
    Axes,
    AxisRead,
    Chain,
    Everything,
    Lookup,
    Masked,
    Reshape,
    Shape,
    identity,
)
from rfgraph.rules.axes import along, broadcast, mixing, vector
from rfgraph.rules.call import Call, PerOutput, Read, Reads, Rule, shape

LONGEST = 4096
"""Listed rows of a table up to which each is followed; beyond, any row counts as read."""


def index_select(call: Call) -> Reads:
    """Positions of one axis listed by a vector."""
    source, index = call["self"], call["index"]
    rank = len(shape(source))
    axis = call["dim"] % rank
    values = call.value(index)
    if values is not None:
        rows = tuple(int(i) % shape(source)[axis] for i in values.reshape(-1).tolist())
        return [Read(source, along(rank, {axis: table(rows)}))]
    reads = list(along(rank, {}).reads)
    reads[axis] = AxisRead(axis, WHOLE)
    return [
        Read(source, Axes(tuple(reads)), "positions are computed"),
        Read(index, vector(axis)),
    ]


def index(call: Call) -> Reads:
    """Advanced indexing ``x[i, :, j]``."""
    source = call["self"]
    in_shape, out_shape = shape(source), call.out
    chosen: list[fx.Node | None] = [*call["indices"]]
    if any(_is_wide_mask(node) for node in chosen):
        return _by_masks(call, source, chosen)
    chosen += [None] * (len(in_shape) - len(chosen))
    used = [axis for axis, node in enumerate(chosen) if node is not None]
    values = {axis: _places(call, chosen[axis]) for axis in used}
    known = all(value is not None for value in values.values())
    if known and len(used) == 1 and values[used[0]].ndim == 1:  # type: ignore[union-attr]
        axis = used[0]
        rows = tuple(int(i) % in_shape[axis] for i in values[axis].tolist())  # type: ignore[union-attr]
        return [Read(source, along(len(in_shape), {axis: table(rows)}))]
    lines = _lines(values, in_shape) if known else None
    if lines is not None:
        return [Read(source, along(len(in_shape), lines))]
    if known:

        def build() -> npt.NDArray[np.int64]:
            flat = np.arange(int(np.prod(in_shape)), dtype=np.int64).reshape(in_shape)
            key = tuple(
                slice(None) if axis not in values else values[axis].cpu().numpy()  # type: ignore[union-attr]
                for axis in range(len(in_shape))
            )
            found: npt.NDArray[np.int64] = flat[key]
            return found.reshape(out_shape)

        return [Read(source, Lookup(in_shape, build))]
    return _computed(source, [n for n in chosen if n is not None])


def _places(call: Call, node: fx.Node | None) -> torch.Tensor | None:
    """The value of an index: a mask of one axis as the positions where it is true.

    Bytes are a mask, as they were before there were booleans.
    """
    value = None if node is None else call.value(node)
    if value is None or value.dtype not in (torch.bool, torch.uint8):
        return value
    return value.nonzero().flatten() if value.ndim == 1 else value.bool()


def _is_wide_mask(node: fx.Node | None) -> bool:
    """Whether an index is a mask over several axes at once."""
    return (
        node is not None
        and node.meta["spec"].dtype in (torch.bool, torch.uint8)
        and len(shape(node)) > 1
    )


def _lines(values: Mapping[int, torch.Tensor | None], in_shape: Shape) -> dict[int, AxisMap] | None:
    """Constant indices as a table per axis, if each chooses along its own axis of a grid.

    ``x[:, :, rows[:, None], columns]`` chooses whole rows and whole columns.
    """
    axes = sorted(values)
    if axes != list(range(axes[0], axes[0] + len(axes))):
        return None
    if max(0 if value is None else value.ndim for value in values.values()) != len(axes):
        return None  # ``x[:, [0], [1, 2]]`` chooses pairs, which stand on one axis
    lines: dict[int, AxisMap] = {}
    for place, axis in enumerate(axes):
        value = values[axis]
        if value is None or value.dtype == torch.bool:
            return None
        size = (*(1,) * (len(axes) - value.ndim), *value.shape)
        if any(n != 1 for k, n in enumerate(size) if k != place):
            return None
        n = in_shape[axis]
        lines[axis] = table(tuple(int(i) % n for i in value.reshape(-1).tolist()))
    return lines


def _by_masks(call: Call, source: fx.Node, chosen: list[fx.Node | None]) -> Reads:
    values = [_places(call, node) for node in chosen]
    nodes = [node for node in chosen if node is not None]
    if any(node is not None and value is None for node, value in zip(chosen, values, strict=True)):
        return _computed(source, nodes)
    in_shape, out_shape = shape(source), call.out

    def build() -> npt.NDArray[np.int64]:
        flat = torch.arange(int(np.prod(in_shape))).reshape(in_shape)
        key = tuple(slice(None) if value is None else value for value in values)
        found: npt.NDArray[np.int64] = flat[key].reshape(out_shape).numpy()
        return found

    return [Read(source, Lookup(in_shape, build))]


def _computed(source: fx.Node, indices: list[fx.Node]) -> Reads:
    reason = "positions are computed"
    return [Read(node, Everything(), reason) for node in (source, *indices)]


def embedding(call: Call) -> Reads:
    """Each output row depends on its own token and, where tokens are computed, on all rows."""
    weight, indices = call["weight"], call["indices"]
    rank = len(shape(indices))
    # A table of the model's own carries no field: which of its rows are read is no matter.
    values = None if weight.op == "get_attr" else call.value(indices)
    if values is not None and values.numel() <= LONGEST:
        rows = [int(i) for i in values.reshape(-1).tolist()]
        flat = (len(rows), shape(weight)[1])
        listed = along(2, {0: table(rows)})
        return [Read(weight, Chain(((listed, flat), (Reshape(flat, call.out), call.out))))]
    return [
        Read(indices, Axes(tuple(AxisRead(axis, SAME) for axis in range(rank)))),
        Read(weight, Axes((AxisRead(None, WHOLE), AxisRead(rank, SAME))), "rows are computed"),
    ]


def gather(call: Call) -> Reads:
    """Positions of one axis listed element by element."""
    source, places = call["self"], call["index"]
    in_shape, out_shape = shape(source), call.out
    if not in_shape:
        return [Read(source, broadcast((), out_shape))]
    axis = call["dim"] % len(in_shape)
    values = call.value(places)
    if values is not None:

        def build() -> npt.NDArray[np.int64]:
            flat = np.arange(int(np.prod(in_shape)), dtype=np.int64).reshape(in_shape)
            cut = flat[
                tuple(slice(None) if k == axis else slice(0, n) for k, n in enumerate(out_shape))
            ]
            found: npt.NDArray[np.int64] = np.take_along_axis(cut, values.cpu().numpy(), axis)
            return found

        return [Read(source, Lookup(in_shape, build))]
    rank = len(in_shape)
    reads = list(along(rank, {}).reads)
    reads[axis] = AxisRead(axis, WHOLE)
    return [
        Read(source, Axes(tuple(reads)), "positions are computed"),
        Read(places, along(rank, {})),
    ]


def sort(call: Call) -> PerOutput:
    """Values and their places: every element of the axis has a say."""
    source = call["self"]
    rank = len(shape(source))
    dim = call.get("dim", -1)
    reads = list(along(rank, {}).reads)
    if rank:
        reads[dim % rank] = AxisRead(dim % rank, WHOLE)
    return PerOutput(([Read(source, Axes(tuple(reads)))],) * 2)


def masked_index(call: Call) -> Reads:
    """Listed positions where a mask is true, and a number elsewhere."""
    mask = call["mask"]
    keep = call.value(mask)
    own: Reads = () if keep is not None else [Read(mask, broadcast(shape(mask), call.out))]
    found = index(call)
    if keep is not None:
        only = Masked(np.broadcast_to(keep.cpu().numpy(), call.out))
        found = [
            Read(r.source, Chain(((r.map, call.out), (only, call.out))), r.caveat) for r in found
        ]
    return [*found, *own]


def renormed(call: Call) -> Reads:
    """A table whose listed rows are scaled by their own norm."""
    table_, indices = call["self"], call["indices"]
    return [
        Read(table_, identity(2)),
        Read(table_, mixing(2, (1,))),
        Read(indices, Everything(), "rows are computed"),
    ]


RULES: dict[str, Rule] = {
    "aten.index_select": index_select,
    "aten.index": index,
    "aten._unsafe_index": index,
    "aten._unsafe_masked_index": masked_index,
    "aten.embedding_renorm": renormed,
    "aten.embedding": embedding,
    "aten.gather": gather,
    "aten.sort": sort,
    "aten.topk": sort,
}
