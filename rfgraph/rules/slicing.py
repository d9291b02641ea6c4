"""Moving data along an axis: slices, selects, flips, rolls, splits, and writes into slices."""

from __future__ import annotations

from functools import lru_cache

from rfgraph.geometry.axis_map import SAME, AxisMap
from rfgraph.geometry.movement import fixed, flip, kept, segment, slice_map, written
from rfgraph.geometry.tensor_map import Axes, AxisRead, Chain, identity
from rfgraph.rules.axes import along, normal_axes
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
    choices: list[dict[int, AxisMap]] = [{}]
    for shift, dim in zip(shifts, dims, strict=True):
        axis = dim % len(in_shape)
        turn = shift % in_shape[axis]
        if turn:
            choices = [
                {**chosen, axis: segment(offset)}
                for chosen in choices
                for offset in (turn, turn - in_shape[axis])
            ]
    return [Read(source, along(len(in_shape), chosen)) for chosen in choices]


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
    "aten.narrow": slice_,
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
    "aten.slice_scatter": slice_scatter,
    "aten.select_scatter": select_scatter,
}
