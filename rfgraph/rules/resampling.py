"""Interpolation in every mode, with and without anti-aliasing; grid sampling."""

from __future__ import annotations

from collections.abc import Callable

import torch

from rfgraph.geometry.axis_map import AxisMap
from rfgraph.geometry.resample import antialiased, cubic, linear, nearest
from rfgraph.rules.axes import along
from rfgraph.rules.call import Call, Read, Reads, Rule, shape

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


def _nearest(n: int, m: int, scale: float | None, _: bool, double: bool) -> AxisMap:
    return nearest(n, m, scale, exact=False, double=double)


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
    "aten.upsample_nearest1d": _interpolation(1, _nearest),
    "aten.upsample_nearest2d": _interpolation(2, _nearest),
    "aten.upsample_nearest3d": _interpolation(3, _nearest),
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
