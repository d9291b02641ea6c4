"""Interpolation in every mode, with and without anti-aliasing; grid sampling."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import fx

from rfgraph.geometry.axis_map import AxisMap
from rfgraph.geometry.resample import antialiased, cubic, linear, nearest
from rfgraph.rules.axes import along
from rfgraph.rules.call import Call, PerOutput, Read, Reads, Rule, shape

_SCALE_NAMES = {
    1: ("scales",),
    2: ("scales_h", "scales_w"),
    3: ("scales_d", "scales_h", "scales_w"),
}

AxisBuilder = Callable[[int, int, float | None, bool, bool], AxisMap]
"""Input length, output length, scale factor, aligned corners, double precision."""


def _scales(call: Call, dims: int) -> list[float | None]:
    factors = call.get("scale_factors")
    if factors is not None:
        return [float(f) for f in factors]
    names = _SCALE_NAMES[dims]
    found = [call.get(name) for name in names]
    return [None if s is None else float(s) for s in found]


def _interpolation(dims: int, build: AxisBuilder) -> Rule:
    def rule(call: Call) -> Reads:
        image = call.get("self") or call.get("input")
        in_shape, out_shape = shape(image), call.out
        corners = bool(call.get("align_corners", False))
        double = image.meta["spec"].dtype == torch.float64
        maps = {
            axis + 2: build(in_shape[axis + 2], out_shape[axis + 2], scale, corners, double)
            for axis, scale in enumerate(_scales(call, dims))
        }
        return [Read(image, along(len(in_shape), maps))]

    return rule


_SMALL = 128
"""Height and width of a result, added, up to which PyTorch runs another kernel (its
``UpSampleKernel.cpp``, ``_use_vectorized_kernel_cond_2d``)."""


def _nearest(dims: int) -> Rule:
    def rule(call: Call) -> Reads | PerOutput:
        image = call.get("self") or call.get("input")
        # Small images and those with channels last go to a kernel of their own.
        small = dims == 2 and sum(call.out[2:]) <= _SMALL
        by_lengths = small or (dims > 1 and _is_channels_last(image))

        def build(n: int, m: int, scale: float | None, _: bool, double: bool) -> AxisMap:
            return nearest(n, m, scale, exact=False, double=double, by_lengths=by_lengths)

        return _interpolation(dims, build)(call)

    return rule


def _is_channels_last(image: fx.Node) -> bool:
    """Whether an image lies in memory so that PyTorch resizes it with channels last."""
    lengths, stride = shape(image), image.meta["spec"].stride
    if lengths[1] <= 3:
        return False
    expected = 1
    for axis in (1, *range(len(lengths) - 1, 1, -1), 0):
        if lengths[axis] != 1 and stride[axis] != expected:
            return False
        expected *= lengths[axis]
    return True


def _nearest_exact(n: int, m: int, scale: float | None, _: bool, double: bool) -> AxisMap:
    return nearest(n, m, scale, exact=True, double=double)


def _linear(n: int, m: int, scale: float | None, corners: bool, _: bool) -> AxisMap:
    return linear(n, m, scale, align_corners=corners)


def _cubic(n: int, m: int, scale: float | None, corners: bool, _: bool) -> AxisMap:
    return cubic(n, m, scale, align_corners=corners)


def _smooth(radius: int) -> AxisBuilder:
    return lambda n, m, scale, corners, _: antialiased(
        n, m, scale, align_corners=corners, radius=radius
    )


RULES: dict[str, Rule] = {
    "aten.upsample_nearest1d": _nearest(1),
    "aten.upsample_nearest2d": _nearest(2),
    "aten.upsample_nearest3d": _nearest(3),
    "aten._upsample_nearest_exact1d": _interpolation(1, _nearest_exact),
    "aten._upsample_nearest_exact2d": _interpolation(2, _nearest_exact),
    "aten._upsample_nearest_exact3d": _interpolation(3, _nearest_exact),
    "aten.upsample_linear1d": _interpolation(1, _linear),
    "aten.upsample_bilinear2d": _interpolation(2, _linear),
    "aten.upsample_trilinear3d": _interpolation(3, _linear),
    "aten.upsample_bicubic2d": _interpolation(2, _cubic),
    "aten._upsample_bilinear2d_aa": _interpolation(2, _smooth(1)),
    "aten._upsample_bicubic2d_aa": _interpolation(2, _smooth(2)),
    "aten._upsample_lanczos2d_aa": _interpolation(2, _smooth(3)),
}
