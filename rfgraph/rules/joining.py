"""Joining tensors: concatenation and stacking. Branches stay apart until something mixes them."""

from __future__ import annotations

from rfgraph.geometry.axis_map import SAME
from rfgraph.geometry.tensor_map import Axes, AxisRead, Chain, Segment, identity
from rfgraph.rules.call import Call, Read, Reads, Rule, shape


def cat(call: Call) -> Reads:
    """Each operand supplies one segment of the axis."""
    rank = len(call.out)
    axis = call["dim"] % rank
    reads, offset = [], 0
    for source in call["tensors"]:
        in_shape = shape(source)
        # A legacy empty tensor of shape (0,) joins anything and supplies nothing.
        if len(in_shape) != rank or not in_shape[axis]:
            continue
        whole = in_shape[axis] == call.out[axis]
        reads.append(Read(source, identity(rank) if whole else Segment(rank, axis, offset)))
        offset += in_shape[axis]
    return reads


def stack(call: Call) -> Reads:
    """Each operand supplies one position of a new axis."""
    rank = len(call.out)
    axis = call["dim"] % rank
    lift = Axes(tuple(AxisRead(k + (k >= axis), SAME) for k in range(rank - 1)))
    reads = []
    for place, source in enumerate(call["tensors"]):
        small = shape(source)
        lifted = (*small[:axis], 1, *small[axis:])
        put = Segment(rank, axis, place)
        reads.append(Read(source, Chain(((lift, lifted), (put, call.out)))))
    return reads


RULES: dict[str, Rule] = {
    "aten.cat": cat,
    "aten.concat": cat,
    "aten.stack": stack,
    "aten._stack": stack,
}
