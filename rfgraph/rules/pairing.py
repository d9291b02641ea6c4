"""Products and distances of pairs, and bags of rows."""

from __future__ import annotations

import numpy as np

from rfgraph.geometry.axis_map import SAME, AxisMap
from rfgraph.geometry.index_set import index_set
from rfgraph.geometry.movement import fixed, table
from rfgraph.geometry.periodic import Finite
from rfgraph.geometry.tensor_map import WHOLE, Axes, AxisRead, Chain, Everything, Segment
from rfgraph.rules.axes import broadcast, placed
from rfgraph.rules.call import Call, PerOutput, Read, Reads, Rule, shape


def cdist(call: Call) -> Reads:
    """(…, i, k) and (…, j, k) to (…, i, j)."""
    rank = len(call.out)
    reads = []
    for name, place in (("x1", rank - 2), ("x2", rank - 1)):
        node = call[name]
        batch = broadcast(shape(node)[:-2], call.out[:-2]).reads
        reads.append(Read(node, Axes((*batch, AxisRead(place, SAME), AxisRead(None, WHOLE)))))
    return reads


def pdist(call: Call) -> Reads:
    """Each pair of rows i < j, in row-major order."""
    source = call["self"]
    first, second = np.triu_indices(shape(source)[0], 1)
    return [
        Read(source, Axes((AxisRead(0, table(rows.tolist())), AxisRead(None, WHOLE))))
        for rows in (first, second)
    ]


def trilinear(call: Call) -> Reads:
    """Three operands with new axes, multiplied, and summed over some axes."""
    summed = set(call["sumdim"])
    reads = []
    for name, expand in (("i1", "expand1"), ("i2", "expand2"), ("i3", "expand3")):
        node = call[name]
        new = set(call[expand])
        total = len(shape(node)) + len(new)
        axes = [axis for axis in range(total) if axis not in new]
        own = []
        for axis, length in zip(axes, shape(node), strict=True):
            if axis in summed:
                own.append(AxisRead(None, WHOLE))
                continue
            out = axis - sum(s < axis for s in summed)
            single = length == 1 and call.out[out] != 1
            own.append(AxisRead(None, fixed(0)) if single else AxisRead(out, SAME))
        reads.append(Read(node, Axes(tuple(own))))
    return reads


def addr(call: Call) -> Reads:
    """A bias plus (i) times (j)."""
    return [
        Read(call["self"], broadcast(shape(call["self"]), call.out)),
        Read(call["vec1"], placed([0])),
        Read(call["vec2"], placed([1])),
    ]


def affine_grid(call: Call) -> Reads:
    """(N, d, d+1) to sampling positions (N, …, d)."""
    last = len(call.out) - 1
    return [
        Read(call["theta"], Axes((AxisRead(0, SAME), AxisRead(last, SAME), AxisRead(None, WHOLE))))
    ]


def block_diag(call: Call) -> Reads:
    """Matrices along a diagonal, zero beside them."""
    reads, row, column = [], 0, 0
    for node in call["tensors"]:
        own = shape(node)
        height, width = (1,) * (2 - len(own)) + own
        lift = Axes(tuple(AxisRead(k + 2 - len(own), SAME) for k in range(len(own))))
        wide = (height, call.out[1])
        steps = (
            (lift, (height, width)),
            (Segment(2, 1, column), wide),
            (Segment(2, 0, row), call.out),
        )
        reads.append(Read(node, Chain(steps)))
        row, column = row + height, column + width
    return reads


def embedding_bag(call: Call) -> PerOutput:
    """Rows of a table, reduced bag by bag; bags are consecutive stretches of the indices."""
    indices, bags = call["indices"], call.out[0]
    offsets = call.value(call["offsets"])
    caveat = None
    if offsets is None:
        reads: Axes = Axes((AxisRead(None, WHOLE),))
        caveat = "where the bags begin is computed"
    else:
        ends = [*offsets.tolist(), *([] if call["include_last_offset"] else shape(indices))]
        sets = tuple(index_set(range(ends[bag], ends[bag + 1])) for bag in range(bags))
        reads = Axes((AxisRead(0, AxisMap(Finite(sets))),))
    own = [
        Read(indices, reads, caveat),
        Read(
            call["weight"],
            Axes((AxisRead(None, WHOLE), AxisRead(1, SAME))),
            "rows are computed",
        ),
    ]
    if call["per_sample_weights"] is not None:
        own.append(Read(call["per_sample_weights"], reads, caveat))
    rest = [Read(node, Everything(), "bookkeeping of the bags") for node in call.tensors()]
    return PerOutput((own, *(rest,) * (len(call.outs()) - 1)))


RULES: dict[str, Rule] = {
    "aten._cdist_forward": cdist,
    "aten._euclidean_dist": cdist,
    "aten._pdist_forward": pdist,
    "aten._trilinear": trilinear,
    "aten.addr": addr,
    "aten.affine_grid_generator": affine_grid,
    "aten.block_diag": block_diag,
    "aten._embedding_bag_forward_only": embedding_bag,
    "aten._embedding_bag": embedding_bag,
}
