"""Normalisation: the element itself is local, the statistics over their axes are a reduction."""

from __future__ import annotations

from rfgraph.geometry.axis_map import SAME
from rfgraph.geometry.movement import blocks
from rfgraph.geometry.tensor_map import WHOLE, Axes, AxisRead, Shape, identity
from rfgraph.rules.axes import broadcast, mixing, reduced, vector
from rfgraph.rules.call import Call, PerOutput, Read, Reads, Rule, shape


def _affine(call: Call, axis: int) -> list[Read]:
    """Scale and shift along one axis."""
    return [
        Read(node, vector(axis))
        for node in (call.get("weight"), call.get("bias"))
        if node is not None
    ]


def batch_norm_frozen(call: Call) -> PerOutput:
    """Stored statistics: every element by itself."""
    source = call["input"]
    own = [Read(source, identity(len(shape(source)))), *_affine(call, 1)]
    for name in ("running_mean", "running_var"):
        node = call.get(name)
        if node is not None:
            own.append(Read(node, vector(1)))
    return PerOutput((own, *((),) * (len(call.outs()) - 1)))


def batch_norm(call: Call) -> PerOutput:
    """Batch statistics in training: global in the batch and in space."""
    training = call.get("training", call.get("train", True))
    if not training and call.get("running_mean") is not None:
        return batch_norm_frozen(call)
    source = call["input"]
    rank = len(shape(source))
    whole = tuple(axis for axis in range(rank) if axis != 1)
    own = [
        Read(source, identity(rank)),
        Read(source, mixing(rank, whole)),
        *_affine(call, 1),
    ]
    statistics = [Read(source, reduced(rank, whole, keepdim=False))]
    return PerOutput((own, *(statistics,) * (len(call.outs()) - 1)))


def layer_norm(call: Call) -> PerOutput:
    """Statistics over the last axes."""
    source = call["input"]
    rank = len(shape(source))
    count = len(call["normalized_shape"])
    whole = tuple(range(rank - count, rank))
    own = [Read(source, identity(rank)), Read(source, mixing(rank, whole))]
    own.extend(
        Read(node, broadcast(shape(node), call.out))
        for node in (call.get("weight"), call.get("bias"))
        if node is not None
    )
    statistics = [Read(source, reduced(rank, whole, keepdim=True))]
    return PerOutput((own, *(statistics,) * (len(call.outs()) - 1)))


def rms_norm(call: Call) -> Reads:
    """The root mean square over the last axes."""
    reads = layer_norm(call).outputs[0]
    return list(reads)


def group_norm(call: Call) -> PerOutput:
    """Statistics over a group of channels and all of space."""
    source = call["input"]
    in_shape = shape(source)
    groups = int(call["group"])
    own = [
        Read(source, identity(len(in_shape))),
        Read(source, _group_axes(in_shape, groups, len(in_shape))),
        *_affine(call, 1),
    ]
    size = in_shape[1] // groups
    means = Axes(
        (
            AxisRead(0, SAME),
            AxisRead(1, blocks(size, 1)),
            *(AxisRead(None, WHOLE) for _ in in_shape[2:]),
        )
    )
    return PerOutput((own, [Read(source, means)], [Read(source, means)]))


def _group_axes(in_shape: Shape, groups: int, rank: int) -> Axes:
    size = in_shape[1] // groups
    channel = AxisRead(1, WHOLE) if groups == 1 else AxisRead(1, blocks(size, size))
    space = (AxisRead(axis, WHOLE) for axis in range(2, rank))
    return Axes((AxisRead(0, SAME), channel, *space))


def renorm(call: Call) -> Reads:
    """Slices along one axis scaled by their own norm."""
    source = call["self"]
    rank = len(shape(source))
    others = tuple(axis for axis in range(rank) if axis != call["dim"] % rank)
    return [Read(source, identity(rank)), Read(source, mixing(rank, others))]


def weight_norm(call: Call) -> PerOutput:
    """A direction over its norm, times a length, slice by slice; also the norms."""
    direction, length = call["v"], call["g"]
    rank = len(shape(direction))
    others = tuple(axis for axis in range(rank) if axis != call["dim"] % rank)
    own = [
        Read(direction, identity(rank)),
        Read(direction, mixing(rank, others)),
        Read(length, broadcast(shape(length), call.out)),
    ]
    return PerOutput((own, [Read(direction, mixing(rank, others))]))


RULES: dict[str, Rule] = {
    "aten.native_batch_norm": batch_norm,
    "aten.cudnn_batch_norm": batch_norm,
    "aten.miopen_batch_norm": batch_norm,
    "aten._native_batch_norm_legit": batch_norm,
    "aten._native_batch_norm_legit_functional": batch_norm,
    "aten._batch_norm_with_update": batch_norm,
    "aten._batch_norm_with_update_functional": batch_norm,
    "aten._native_batch_norm_legit_no_training": batch_norm_frozen,
    "aten._batch_norm_no_update": batch_norm_frozen,
    "aten.native_layer_norm": layer_norm,
    "aten.native_group_norm": group_norm,
    "aten.rms_norm": rms_norm,
    "aten.renorm": renorm,
    "aten._weight_norm_interface": weight_norm,
}
