"""Moving data along an axis: slices, selects, flips, rolls, splits, and writes into slices."""

from __future__ import annotations

from functools import lru_cache
from math import prod

from torch import fx

from rfgraph.geometry.axis_map import SAME, AxisMap
from rfgraph.geometry.movement import fixed, flip, kept, segment, slice_map, written
from rfgraph.geometry.tensor_map import Axes, AxisRead, Chain, Reshape, Segment, identity
from rfgraph.rules.axes import along, normal_axes, permuted
from rfgraph.rules.call import Call, PerOutput, Read, Reads, Rule, same, shape


@lru_cache(maxsize=1024)
def clamp_range(start: int | None, end: int | None, step: int, length: int) -> tuple[int, int]:
    """First index and count of a slice with Python's rules for negative and open ends."""
    first, stop, _ = slice(start, end, step).indices(length)
    return first, max(0, -(-(stop - first) // step))


def slice_(call: Call) -> Reads:
    """Every step-th position from the start."""
    source = call["self"]
    in_shape = shape(source)
    axis = call["dim"] % len(in_shape)
    first, _ = clamp_range(call["start"], call["end"], call["step"], in_shape[axis])
    if in_shape == call.out:
        return same(source, identity(len(in_shape)))
    return same(source, along(len(in_shape), {axis: slice_map(first, call["step"])}))


def narrow(call: Call) -> Reads:
    """``length`` positions from the start, which may count from the end."""
    source = call["self"]
    in_shape = shape(source)
    axis = call["dim"] % len(in_shape)
    start = call["start"] % in_shape[axis] if call["start"] < 0 else call["start"]
    return same(source, along(len(in_shape), {axis: slice_map(start)}))


def select(call: Call) -> Reads:
    """One position of an axis, which disappears."""
    source = call["self"]
    in_shape = shape(source)
    axis, index = call["dim"] % len(in_shape), call["index"]
    return same(source, _without(len(in_shape), axis, index % in_shape[axis]))


def _without(rank: int, axis: int, index: int) -> Axes:
    reads = []
    for k in range(rank):
        if k == axis:
            reads.append(AxisRead(None, fixed(index)))
        else:
            reads.append(AxisRead(k - (k > axis), SAME))
    return Axes(tuple(reads))


def unbind(call: Call) -> PerOutput:
    """Each output is one position of the axis."""
    source = call["self"]
    in_shape = shape(source)
    axis = call["dim"] % len(in_shape)
    return PerOutput(
        tuple(same(source, _without(len(in_shape), axis, k)) for k in range(in_shape[axis]))
    )


def split(call: Call) -> PerOutput:
    """Consecutive pieces of an axis."""
    source = call["self"]
    in_shape = shape(source)
    axis = call["dim"] % len(in_shape)
    outputs: list[Reads] = []
    offset = 0
    for out_shape in call.outs():
        assert out_shape is not None
        outputs.append(same(source, along(len(in_shape), {axis: slice_map(offset)})))
        offset += out_shape[axis]
    return PerOutput(tuple(outputs))


def flipped(call: Call) -> Reads:
    """Axes read backwards."""
    source = call["self"]
    in_shape = shape(source)
    axes = normal_axes(call["dims"], len(in_shape)) if call["dims"] else ()
    return same(source, along(len(in_shape), {axis: flip(in_shape[axis]) for axis in axes}))


def roll(call: Call) -> Reads:
    """Every axis in two segments: what wrapped around, and the rest."""
    source = call["self"]
    in_shape = shape(source)
    shifts, dims = list(call["shifts"]), list(call["dims"])
    if not dims:
        return _roll_flat(source, shifts[0])
    turns: dict[int, int] = {}
    for shift, dim in zip(shifts, dims, strict=True):
        axis = dim % len(in_shape)
        turns[axis] = turns.get(axis, 0) + shift
    choices: list[dict[int, AxisMap]] = [{}]
    for axis, shift in turns.items():
        turn = shift % in_shape[axis]
        if turn:
            choices = [
                {**chosen, axis: segment(offset)}
                for chosen in choices
                for offset in (turn, turn - in_shape[axis])
            ]
    return [Read(source, along(len(in_shape), chosen)) for chosen in choices]


def _roll_flat(source: fx.Node, shift: int) -> Reads:
    """Without axes the elements are rolled in row-major order."""
    in_shape = shape(source)
    count = prod(in_shape)
    flat, back = Reshape(in_shape, (count,)), Reshape((count,), in_shape)
    turn = shift % count if count else 0
    return [
        Read(source, Chain(((flat, (count,)), (Segment(1, 0, offset), (count,)), (back, in_shape))))
        for offset in ((turn, turn - count) if turn else (0,))
    ]


def rot90(call: Call) -> Reads:
    """A quarter turn in the plane of two axes, k times."""
    source = call["self"]
    in_shape = shape(source)
    a, b = (axis % len(in_shape) for axis in call["dims"])
    turns = call["k"] % 4
    flips: dict[int, AxisMap] = {}
    if turns in (1, 2):
        flips[b] = flip(in_shape[b])
    if turns in (2, 3):
        flips[a] = flip(in_shape[a])
    flipped_axes = along(len(in_shape), flips)
    if turns % 2 == 0:
        return same(source, flipped_axes)
    order = list(range(len(in_shape)))
    order[a], order[b] = b, a
    return [Read(source, Chain(((flipped_axes, in_shape), (permuted(tuple(order)), call.out))))]


def glu(call: Call) -> Reads:
    """One half of an axis, gated by the other."""
    source = call["self"]
    rank = len(shape(source))
    axis = call["dim"] % rank
    half = call.out[axis]
    return [Read(source, along(rank, {axis: slice_map(start)})) for start in (0, half)]


def slice_scatter(call: Call) -> Reads:
    """Inside the slice the source, outside it the target."""
    target, source = call["self"], call["src"]
    in_shape = shape(target)
    axis = call["dim"] % len(in_shape)
    step = call["step"]
    first, count = clamp_range(call["start"], call["end"], step, in_shape[axis])
    inside = written(first, step, count)
    outside = kept(first, step, count, in_shape[axis])
    reads = [Read(source, along(len(in_shape), {axis: inside}))]
    if count < in_shape[axis]:
        reads.append(Read(target, along(len(in_shape), {axis: outside})))
    return reads


def select_scatter(call: Call) -> Reads:
    """At one position of an axis the source, elsewhere the target."""
    target, source = call["self"], call["src"]
    in_shape = shape(target)
    axis = call["dim"] % len(in_shape)
    index = call["index"] % in_shape[axis]
    outside = kept(index, 1, 1, in_shape[axis])
    lifted = (*in_shape[:axis], 1, *in_shape[axis + 1 :])
    lift = Axes(tuple(AxisRead(k + (k >= axis), SAME) for k in range(len(in_shape) - 1)))
    place = along(len(in_shape), {axis: written(index, 1, 1)})
    return [
        Read(target, along(len(in_shape), {axis: outside})),
        Read(source, Chain(((lift, lifted), (place, in_shape)))),
    ]


RULES: dict[str, Rule] = {
    "aten.slice": slice_,
    "aten.narrow_copy": narrow,
    "aten.select": select,
    "aten.unbind": unbind,
    "aten.split": split,
    "aten.split_with_sizes": split,
    "aten.unsafe_split": split,
    "aten.unsafe_split_with_sizes": split,
    "aten.chunk": split,
    "aten.unsafe_chunk": split,
    "aten.flip": flipped,
    "aten.roll": roll,
    "aten.rot90": rot90,
    "aten.glu": glu,
    "aten.slice_scatter": slice_scatter,
    "aten.select_scatter": select_scatter,
}
