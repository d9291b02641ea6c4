"""Searching, counting and drawing: what a whole axis, or everything, has a say in."""

from __future__ import annotations

from math import prod

import numpy as np
from torch import fx

from rfgraph.geometry.axis_map import SAME, AxisMap
from rfgraph.geometry.index_set import index_set
from rfgraph.geometry.periodic import Finite
from rfgraph.geometry.tensor_map import WHOLE, Axes, AxisRead, Everything, Lookup, identity
from rfgraph.rules.axes import broadcast, mixing
from rfgraph.rules.call import Call, PerOutput, Read, Reads, Rule, shape

_CHOSEN = "positions are computed"
_BINS = "which weights fall into a bin is not followed"


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
    elements, tested = call.get("elements"), call.get("test_elements")
    reads = []
    if isinstance(elements, fx.Node):
        reads.append(Read(elements, broadcast(shape(elements), call.out)))
    if isinstance(tested, fx.Node):
        reads.append(_all(tested))
    return reads


def counted(call: Call) -> Reads | PerOutput:
    """Every count, and every distinct value, may depend on every element.

    What is counted decides which weights a bin sums up, so that those are a bound.
    """
    weights = call.get("weight")
    reads = [
        Read(node, _all(node).map, _BINS if node is weights else None) for node in call.tensors()
    ]
    outs = call.outs()
    return reads if len(outs) == 1 else PerOutput((reads,) * len(outs))


def bincount(call: Call) -> Reads:
    """How often, or with which weights, each number from 0 on occurs."""
    source, weights = call["self"], call["weights"]
    values = call.value(source)
    if values is None or weights is None:
        return [Read(n, _all(n).map, _BINS if n is weights else None) for n in call.tensors()]
    places = values.cpu().numpy()
    sets = (index_set(np.flatnonzero(places == o).tolist()) for o in range(call.out[0]))
    return [Read(weights, Axes((AxisRead(0, AxisMap(Finite(tuple(sets)))),)))]


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
    "aten.bincount": bincount,
    "aten.masked_select": masked_select,
    "aten.take": take,
    "aten.multinomial": drawn,
    "aten._sample_dirichlet": drawn,
    **dict.fromkeys(
        [
            "aten._unique",
            "aten._unique2",
            "aten._histogramdd_bin_edges",
            "aten._histogramdd_from_bin_cts",
            "aten._histogramdd_from_bin_tensors",
            "aten.histc",
            "aten.histogram",
            "aten.nonzero",
            "aten.nonzero_static",
            "aten.repeat_interleave.Tensor",
            "aten.unique_consecutive",
            "aten.unique_dim",
            "aten.unique_dim_consecutive",
        ],
        counted,
    ),
}
