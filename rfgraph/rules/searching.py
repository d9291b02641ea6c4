"""Searching, counting and drawing: what a whole axis, or everything, has a say in."""

from __future__ import annotations

from math import prod

import numpy as np
from torch import fx

from rfgraph.geometry.axis_map import SAME
from rfgraph.geometry.tensor_map import WHOLE, Axes, AxisRead, Everything, Lookup, identity
from rfgraph.rules.axes import broadcast, mixing
from rfgraph.rules.call import Call, PerOutput, Read, Reads, Rule, shape

_CHOSEN = "positions are computed"


def _all(node: fx.Node) -> Read:
    return Read(node, Axes((AxisRead(None, WHOLE),) * len(shape(node))))


def searchsorted(call: Call) -> Reads:
    """Where each value belongs in its row of a sorted sequence."""
    sequence = call["sorted_sequence"]
    rows = len(shape(sequence))
    reads = []
    value = call["self"]
    if isinstance(value, fx.Node):
        reads.append(Read(value, broadcast(shape(value), call.out)))
    for node in (sequence, call["sorter"]):
        if node is not None:
            batch = tuple(AxisRead(k, SAME) for k in range(rows - 1))
            reads.append(Read(node, Axes((*batch, AxisRead(None, WHOLE)))))
    return reads


def bucketize(call: Call) -> Reads:
    """Where each value belongs among the boundaries."""
    value = call["self"]
    own = [Read(value, broadcast(shape(value), call.out))] if isinstance(value, fx.Node) else []
    return [*own, _all(call["boundaries"])]


def isin(call: Call) -> Reads:
    """Whether each element occurs anywhere among others."""
    elements, tested = call["elements"], call["test_elements"]
    reads = []
    if isinstance(elements, fx.Node):
        reads.append(Read(elements, broadcast(shape(elements), call.out)))
    if isinstance(tested, fx.Node):
        reads.append(_all(tested))
    return reads


def counted(call: Call) -> Reads | PerOutput:
    """Every count, and every distinct value, may depend on every element."""
    reads = [_all(node) for node in call.tensors()]
    outs = call.outs()
    return reads if len(outs) == 1 else PerOutput((reads,) * len(outs))


def masked_select(call: Call) -> Reads:
    """The elements under a mask, in order."""
    source, mask = call["self"], call["mask"]
    values = call.value(mask)
    if values is None:
        return [Read(node, Everything(), _CHOSEN) for node in (source, mask)]
    wide = np.broadcast_shapes(shape(source), shape(mask))
    flat = np.broadcast_to(np.arange(prod(shape(source))).reshape(shape(source)), wide)
    chosen = flat[np.broadcast_to(values.cpu().numpy(), wide)].astype(np.int64)
    return [Read(source, Lookup(shape(source), lambda: chosen))]


def take(call: Call) -> Reads:
    """Listed row-major positions."""
    source, index = call["self"], call["index"]
    values = call.value(index)
    if values is None:
        own = Read(index, identity(len(call.out)))
        return [Read(source, Everything(), _CHOSEN), own]
    places = (values % prod(shape(source))).cpu().numpy().astype(np.int64)
    return [Read(source, Lookup(shape(source), lambda: places))]


def drawn(call: Call) -> Reads:
    """A draw from the distribution along the last axis, which is read whole."""
    source = call["self"]
    rank = len(shape(source))
    return [Read(source, mixing(rank, (rank - 1,)))]


RULES: dict[str, Rule] = {
    "aten.searchsorted": searchsorted,
    "aten.bucketize": bucketize,
    "aten.isin": isin,
    "aten.masked_select": masked_select,
    "aten.take": take,
    "aten.multinomial": drawn,
    "aten._sample_dirichlet": drawn,
    **dict.fromkeys(
        [
            "aten._unique",
            "aten._unique2",
            "aten.bincount",
            "aten.histc",
            "aten.histogram",
            "aten.nonzero",
            "aten.unique_consecutive",
            "aten.unique_dim",
        ],
        counted,
    ),
}
