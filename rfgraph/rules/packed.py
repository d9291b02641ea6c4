"""Packed sequences: time step by time step, of each step the samples that are still running."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from operator import getitem

import numpy as np
from torch import fx

from rfgraph.geometry.axis_map import AxisMap
from rfgraph.geometry.index_set import EMPTY, index_set
from rfgraph.geometry.periodic import Finite, fold
from rfgraph.geometry.tensor_map import Axes, Chain, Everything, Reshape, Shape, TensorMap
from rfgraph.rules.axes import along, permuted
from rfgraph.rules.call import Call, PerOutput, Read, Reads, Rule, shape

COMPUTED = "lengths are computed"
"""Why nothing is known of a packed sequence."""

_PACK = "aten._pack_padded_sequence.default"


def pack(call: Call) -> PerOutput:
    """Padded sequences, sorted by falling length, time step by time step without the padding."""
    source, known = call["input"], call.value(call["lengths"])
    if known is None:
        reads: Reads = [Read(node, Everything(), COMPUTED) for node in call.tensors()]
        return PerOutput((reads, reads))
    in_shape = shape(source)
    swapped = permuted((1, 0, *range(2, len(in_shape))))
    steps = ((swapped, (in_shape[1], in_shape[0], *in_shape[2:])),) if call["batch_first"] else ()
    sizes = _sizes([int(count) for count in known.tolist()])
    packing, out = repacked(sizes, steps[0][1] if steps else in_shape)
    return PerOutput(([Read(source, Chain((*steps, (packing, out))))], ()))


def batch_sizes(call: Call, node: fx.Node) -> Sequence[int] | None:
    """How many samples are running at each time step, if it is known."""
    lengths = _lengths(node)
    known = call.value(node if lengths is None else lengths)
    if known is None:
        return None
    counts = [int(count) for count in known.tolist()]
    return counts if lengths is None else _sizes(counts)


def _lengths(batch_sizes: fx.Node) -> fx.Node | None:
    """The lengths that were packed: the sizes are a result beside elements, which are not known."""
    packing = batch_sizes.args[0] if batch_sizes.target is getitem else None
    if not isinstance(packing, fx.Node) or str(packing.target) != _PACK or batch_sizes.args[1] != 1:
        return None
    lengths = packing.args[1]
    assert isinstance(lengths, fx.Node)
    return lengths


def _sizes(lengths: Sequence[int]) -> Sequence[int]:
    return [sum(n > t for n in lengths) for t in range(max(lengths))]


def unpacked(sizes: Sequence[int], width: int) -> tuple[TensorMap, Shape]:
    """Packed rows to tokens, samples and features; a sample that has ended has no tokens.

    The map, and the shape that it leads to.
    """
    places = np.full((len(sizes), sizes[0]), -1, dtype=np.int64)
    for token, (start, size) in enumerate(zip(accumulate(sizes, initial=0), sizes, strict=False)):
        places[token, :size] = np.arange(start, start + size)
    flat, out = (places.size, width), (*places.shape, width)
    return Chain(((_rows(places.reshape(-1).tolist(), 2), flat), (Reshape(flat, out), out))), out


def repacked(sizes: Sequence[int], padded: Shape) -> tuple[TensorMap, Shape]:
    """Tokens, samples and features, of shape ``padded``, back to packed rows; likewise."""
    tokens, samples, *rest = padded
    rows = [token * samples + k for token, size in enumerate(sizes) for k in range(size)]
    flat, out = (tokens * samples, *rest), (len(rows), *rest)
    return Chain(((Reshape(padded, flat), flat), (_rows(rows, len(flat)), out))), out


def _rows(places: Sequence[int], rank: int) -> Axes:
    """Rows from listed places, none from -1."""
    sets = tuple(index_set([place]) if place >= 0 else EMPTY for place in places)
    return along(rank, {0: AxisMap(fold(Finite(sets)))})


RULES: dict[str, Rule] = {"aten._pack_padded_sequence": pack}
