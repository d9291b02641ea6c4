"""Convolution and transposed convolution in 1 to 3 dimensions.

Taps that are zero for all inputs and parameters, because a constant mask multiplies the weight, are
not read (van den Oord et al., *Conditional Image Generation with PixelCNN Decoders*, 2016).

Source: Dumoulin and Visin 2016, sections 2-4.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from math import prod

import numpy as np
import numpy.typing as npt
from torch import fx

from rfgraph.geometry.axis_map import SAME
from rfgraph.geometry.matrix import products, rows
from rfgraph.geometry.movement import blocks
from rfgraph.geometry.tensor_map import WHOLE, Axes, AxisRead, Chain, Reshape, Shape
from rfgraph.geometry.window import spread, spread_taps, window, window_taps
from rfgraph.rules.axes import permuted, vector
from rfgraph.rules.call import Call, Read, Reads, Rule, per_axis, shape
from rfgraph.rules.structural_zeros import zero_weights

Mask = npt.NDArray[np.bool_]
Geometry = tuple[Shape, Shape, Shape]
"""Stride, padding and dilation per spatial axis."""

MOST_READS = 64
"""Products of taps and channels beyond which the masks of the channels are joined."""


def convolution(call: Call) -> Reads:
    """Windows along space; every input channel of the group; weights when they are computed."""
    image, weight, bias, *settings, transposed, _, groups = call.arguments()[:9]
    kernel = shape(weight)
    dims = len(kernel) - 2
    channels = (kernel[0], kernel[1] * groups) if transposed else (kernel[1] * groups, kernel[0])
    geometry = _geometry(tuple([s if type(s) is int else tuple(s) for s in settings]), dims)
    zero = zero_weights(call, weight)
    if zero is None:
        reads = [Read(image, convolution_axes(kernel[2:], *geometry, channels, groups, transposed))]
    else:
        keep = _by_group(~zero.numpy(), groups, transposed=transposed)
        reads = list(_masked_reads(image, keep, geometry, channels, transposed=transposed))
    weights = _weight_map(call, geometry, groups) if transposed else _weight_axes(dims)
    reads.append(Read(weight, weights))
    if bias is not None:
        reads.append(Read(bias, vector(1)))
    return reads


@lru_cache(maxsize=2048)
def _geometry(settings: tuple[int | Shape, ...], dims: int) -> Geometry:
    """The settings with one entry per spatial axis."""
    stride, padding, dilation = (tuple(per_axis(setting, dims)) for setting in settings)
    return stride, padding, dilation


@lru_cache(maxsize=8)
def _weight_axes(dims: int) -> Axes:
    """How the output reads weights (out, in / groups, *kernel): those of its channel, whole."""
    return Axes((AxisRead(1, SAME), *(AxisRead(None, WHOLE),) * (dims + 1)))


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


def _masked_reads(
    image: fx.Node, keep: Mask, geometry: Geometry, channels: tuple[int, int], *, transposed: bool
) -> Iterator[Read]:
    """One exact read per set of taps that combine the same channels and form a product.

    Args:
        image: What is convolved.
        keep: False where the weight is zero, shape (groups, out, in, *kernel) of one group.
        geometry: Stride, padding and dilation.
        channels: Of the input and of the output.
        transposed: Whether the convolution is.
    """
    build = spread_taps if transposed else window_taps
    kernel = keep.shape[3:]
    by_tap = keep.reshape(*keep.shape[:3], prod(kernel))
    alike: dict[bytes, list[int]] = {}
    read = np.flatnonzero(by_tap.any(axis=(0, 1, 2)))
    for tap in read.tolist() or [0]:
        alike.setdefault(np.packbits(by_tap[..., tap]).tobytes(), []).append(tap)
    found = [
        (_channels_kept(by_tap[..., taps[0]], channels), product)
        for taps in alike.values()
        for product in products(_places(taps, kernel))
    ]
    caveat = None
    if len(found) > MOST_READS:
        caveat = "a mask on a kernel leaves other taps to each channel, and they are joined"
        anywhere = by_tap.any(axis=(0, 1, 2)).reshape(kernel)
        joined = products(anywhere)
        if len(joined) > MOST_READS:
            joined = [tuple(tuple(range(k)) for k in kernel)]
        found = [(_channel_read(channels, keep.shape[0]), product) for product in joined]
    for channel, product in found:
        space = (
            AxisRead(axis + 2, build(taps, s, d, p))
            for axis, (taps, s, p, d) in enumerate(zip(product, *geometry, strict=True))
        )
        yield Read(image, Axes((AxisRead(0, SAME), channel, *space)), caveat)


def _places(taps: list[int], kernel: Shape) -> Mask:
    used = np.zeros(prod(kernel), dtype=bool)
    used[taps] = True
    return used.reshape(kernel)


def _channels_kept(keep: Mask, channels: tuple[int, int]) -> AxisRead:
    """How a tap reads the channels; ``keep`` has shape (groups, out, in) of one group."""
    if keep.all():
        return _channel_read(channels, keep.shape[0])
    groups, outs, ins = keep.shape
    matrix = np.zeros((groups, outs, groups, ins), dtype=bool)
    matrix[range(groups), :, range(groups)] = keep
    return AxisRead(1, rows(matrix.reshape(groups * outs, groups * ins)))


def _by_group(keep: Mask, groups: int, *, transposed: bool) -> Mask:
    """A weight's mask as (groups, out, in, *kernel) of one group."""
    split = keep.reshape(groups, keep.shape[0] // groups, *keep.shape[1:])
    return split.swapaxes(1, 2) if transposed else split


def _channel_read(channels: tuple[int, int], groups: int) -> AxisRead:
    if groups == 1:
        # The output channels are the weights', not the input's.
        return AxisRead(None, WHOLE)
    if groups == channels[0] == channels[1]:
        return AxisRead(1, SAME)
    return AxisRead(1, blocks(channels[0] // groups, channels[1] // groups))


def _weight_map(call: Call, geometry: Geometry, groups: int) -> Axes | Chain:
    """How a transposed convolution reads weights (in, out / groups, *kernel)."""
    weight = shape(call["weight"])
    dims = len(weight) - 2
    taps = (AxisRead(None, WHOLE),) * dims
    if call["weight"].op != "get_attr":  # a kernel that may be computed from an input
        sizes = zip(shape(call["input"])[2:], call.out[2:], weight[2:], *geometry, strict=True)
        taps = tuple(_taps_read(k + 2, *size) for k, size in enumerate(sizes))
    each = Axes((AxisRead(None, WHOLE), AxisRead(1, SAME), *taps))
    if groups == 1:
        return each
    # Channel o is number o mod out / groups of its group: the groups go beside them first.
    apart = (groups, weight[0] // groups, *weight[1:])
    beside = (apart[1], groups, *weight[1:])
    joined = (apart[1], groups * weight[1], *weight[2:])
    order = (1, 0, *range(2, dims + 3))
    return Chain(
        (
            (Reshape(weight, apart), apart),
            (permuted(order), beside),
            (Reshape(beside, joined), joined),
            (each, call.out),
        )
    )


@lru_cache(maxsize=2048)
def _taps_read(
    axis: int, length: int, outputs: int, kernel: int, stride: int, padding: int, dilation: int
) -> AxisRead:
    """The taps through which the image arrives, for each output position of a spread."""
    arrived = np.arange(outputs)[:, None] + padding - dilation * np.arange(kernel)
    inside = (arrived >= 0) & (arrived < length * stride) & (arrived % stride == 0)
    return AxisRead(None, WHOLE) if inside.all() else AxisRead(axis, rows(inside))


RULES: dict[str, Rule] = {"aten.convolution": convolution, "aten._convolution": convolution}
