"""Max, average and adaptive pooling; the window may hang over the edge with ``ceil_mode``."""

from __future__ import annotations

from rfgraph.geometry.axis_map import AxisMap
from rfgraph.geometry.resample import adaptive
from rfgraph.geometry.tensor_map import WHOLE, Axes, AxisRead
from rfgraph.geometry.window import window
from rfgraph.rules.axes import along, mixing
from rfgraph.rules.call import Call, PerOutput, Read, Reads, Rule, per_axis, shape
from rfgraph.rules.extremes import past_cut


def _windows(call: Call, image_name: str, dims: int) -> Reads:
    image = call[image_name]
    rank = len(shape(image))
    kernel = per_axis(call["kernel_size"], dims)
    stride = per_axis(call["stride"] or kernel, dims)
    padding = per_axis(call["padding"], dims)
    dilation = per_axis(call.get("dilation", 1), dims)
    maps: dict[int, AxisMap] = {
        rank - dims + k: window(kernel[k], stride[k], dilation[k], padding[k]) for k in range(dims)
    }
    return [Read(image, along(rank, maps))]


def _adaptive(call: Call, dims: int) -> Reads:
    image = call["self"]
    in_shape, out_shape = shape(image), call.out
    rank = len(in_shape)
    reads = list(along(rank, {}).reads)
    for axis in range(rank - dims, rank):
        # Pooling to a single output reads the axis whole: that is global by structure.
        reads[axis] = AxisRead(
            axis, WHOLE if out_shape[axis] == 1 else adaptive(in_shape[axis], out_shape[axis])
        )
    return [Read(image, Axes(tuple(reads)))]


def _largest(call: Call, reads: Reads) -> Reads:
    """Maxima of the same windows, which do not read what is -inf for all inputs."""
    return [Read(r.source, past_cut(call, r.source, r.map), r.caveat) for r in reads]


def _fixed(dims: int) -> Rule:
    return lambda call: _windows(call, "self", dims)


def _fixed_largest(dims: int) -> Rule:
    return lambda call: _largest(call, _windows(call, "self", dims))


def _fixed_with_indices(dims: int) -> Rule:
    return lambda call: PerOutput((_largest(call, _windows(call, "self", dims)),) * 2)


def _adaptive_to_size(dims: int) -> Rule:
    return lambda call: _adaptive(call, dims)


def _adaptive_with_indices(dims: int) -> Rule:
    return lambda call: PerOutput((_largest(call, _adaptive(call, dims)),) * 2)


def somewhere_in_the_plane(call: Call) -> Reads | PerOutput:
    """Within each channel anywhere: unpooled places are values, fractional windows are drawn."""
    source = call["self"]
    rank = len(shape(source))
    space = len(call["output_size"])
    over = mixing(rank, tuple(range(rank - space, rank)))
    reads = [
        Read(node, over, _PLACES) for node in (source, call.get("indices")) if node is not None
    ]
    outs = call.outs()
    return reads if len(outs) == 1 else PerOutput((reads,) * len(outs))


_PLACES = "places are values, not positions"

RULES: dict[str, Rule] = {
    "aten.max_unpool2d": somewhere_in_the_plane,
    "aten.max_unpool3d": somewhere_in_the_plane,
    "aten.fractional_max_pool2d": somewhere_in_the_plane,
    "aten.fractional_max_pool3d": somewhere_in_the_plane,
    "aten.avg_pool1d": _fixed(1),
    "aten.avg_pool2d": _fixed(2),
    "aten.avg_pool3d": _fixed(3),
    "aten.max_pool1d": _fixed_largest(1),
    "aten.max_pool2d": _fixed_largest(2),
    "aten.max_pool3d": _fixed_largest(3),
    "aten.max_pool1d_with_indices": _fixed_with_indices(1),
    "aten.max_pool2d_with_indices": _fixed_with_indices(2),
    "aten.max_pool3d_with_indices": _fixed_with_indices(3),
    "aten.adaptive_avg_pool1d": _adaptive_to_size(1),
    "aten._adaptive_avg_pool2d": _adaptive_to_size(2),
    "aten.adaptive_avg_pool2d": _adaptive_to_size(2),
    "aten._adaptive_avg_pool3d": _adaptive_to_size(3),
    "aten.adaptive_avg_pool3d": _adaptive_to_size(3),
    "aten.adaptive_max_pool1d": _adaptive_with_indices(1),
    "aten.adaptive_max_pool2d": _adaptive_with_indices(2),
    "aten.adaptive_max_pool3d": _adaptive_with_indices(3),
}
