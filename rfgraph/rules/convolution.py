"""Convolution and transposed convolution in 1 to 3 dimensions.

Source: Dumoulin and Visin 2016, sections 2-4.
"""

from __future__ import annotations

from functools import lru_cache

from rfgraph.geometry.axis_map import SAME
from rfgraph.geometry.movement import blocks
from rfgraph.geometry.tensor_map import WHOLE, Axes, AxisRead, Shape
from rfgraph.geometry.window import spread, window
from rfgraph.rules.call import Call, Read, Reads, Rule, per_axis, shape


def convolution(call: Call) -> Reads:
    """Windows along space; every input channel of the group; weights when they are computed."""
    image, weight, bias = call["input"], call["weight"], call["bias"]
    kernel = shape(weight)
    dims = len(kernel) - 2
    transposed, groups = bool(call["transposed"]), int(call["groups"])
    channels = (kernel[0], kernel[1] * groups) if transposed else (kernel[1] * groups, kernel[0])
    axes = convolution_axes(
        kernel[2:],
        tuple(per_axis(call["stride"], dims)),
        tuple(per_axis(call["padding"], dims)),
        tuple(per_axis(call["dilation"], dims)),
        channels,
        groups,
        transposed,
    )
    reads = [Read(image, axes), Read(weight, _weight_axes(dims, groups, channels, transposed))]
    if bias is not None:
        reads.append(Read(bias, Axes((AxisRead(1, SAME),))))
    return reads


@lru_cache(maxsize=2048)
def convolution_axes(
    kernel: Shape,
    stride: Shape,
    padding: Shape,
    dilation: Shape,
    channels: tuple[int, int],
    groups: int,
    transposed: bool,
) -> Axes:
    """How a convolution reads its image of axes (N, C, *space)."""
    build = spread if transposed else window
    space = (
        AxisRead(axis + 2, build(k, s, d, p))
        for axis, (k, s, d, p) in enumerate(zip(kernel, stride, dilation, padding, strict=True))
    )
    return Axes((AxisRead(0, SAME), _channel_read(channels, groups), *space))


def _channel_read(channels: tuple[int, int], groups: int) -> AxisRead:
    if groups == 1:
        # The output channels are the weights', not the input's.
        return AxisRead(None, WHOLE)
    if groups == channels[0] == channels[1]:
        return AxisRead(1, SAME)
    return AxisRead(1, blocks(channels[0] // groups, channels[1] // groups))


def _weight_axes(dims: int, groups: int, channels: tuple[int, int], transposed: bool) -> Axes:
    """Weights (out, in / groups, *kernel), or (in, out / groups, *kernel) when transposed."""
    rest = (AxisRead(None, WHOLE),) * dims
    if not transposed:
        return Axes((AxisRead(1, SAME), AxisRead(None, WHOLE), *rest))
    if groups == 1:
        return Axes((AxisRead(None, WHOLE), AxisRead(1, SAME), *rest))
    group = AxisRead(1, blocks(channels[0] // groups, channels[1] // groups))
    return Axes((group, AxisRead(None, WHOLE), *rest))


RULES: dict[str, Rule] = {"aten.convolution": convolution, "aten._convolution": convolution}
