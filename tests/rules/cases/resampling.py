"""Interpolation and sampling at constant places."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from itertools import product
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812 (its usual name)
from torch import Tensor, nn

from ._case import Case, function, module


def _resize(name: str, shape: tuple[int, ...], note: str = "", **options: Any) -> Case:
    return function(name, partial(F.interpolate, **options), shape, note=note)


def _grid(x: Tensor, rows: int, columns: int, reach: float) -> Tensor:
    y = torch.linspace(-reach, reach, rows, dtype=x.dtype, device=x.device)
    z = torch.linspace(-reach, reach, columns, dtype=x.dtype, device=x.device)
    grid = torch.stack([z.expand(rows, columns), y[:, None].expand(rows, columns)], dim=-1)
    return grid.expand(x.shape[0], rows, columns, 2)


def _sample(x: Tensor, reach: float, **options: Any) -> Tensor:
    return F.grid_sample(x, _grid(x, 5, 4, reach), **options)


_LINES = {
    "nearest": {"mode": "nearest"},
    "nearest-exact": {"mode": "nearest-exact"},
    "linear": {"mode": "linear"},
    "linear-align": {"mode": "linear", "align_corners": True},
    "area": {"mode": "area"},
}
_IMAGES = {
    "bicubic": {"mode": "bicubic"},
    "bicubic-align": {"mode": "bicubic", "align_corners": True},
    "bicubic-antialias": {"mode": "bicubic", "antialias": True},
    "bilinear-antialias": {"mode": "bilinear", "antialias": True},
    "bilinear-antialias-align": {"mode": "bilinear", "antialias": True, "align_corners": True},
}


def _shortest() -> Iterator[Case]:
    """Axes so short that every tap lies at a border."""
    for n, m in product((1, 2, 3), (1, 2, 3, 5)):
        for name, options in _LINES.items():
            yield _resize(f"{name}-from-{n}-to-{m}", (1, 1, n), size=m, **options)
        for name, options in _IMAGES.items():
            yield _resize(f"{name}-from-{n}-to-{m}", (1, 2, n, 3), size=(m, 4), **options)


CASES = (
    *_shortest(),
    _resize("nearest1d-double", (1, 1, 6), scale_factor=2.0),
    _resize("nearest1d-factor-of-equal-lengths", (1, 1, 7), scale_factor=1.1),
    _resize("nearest1d-factor-of-twice-the-length", (1, 1, 7), scale_factor=2.1),
    _resize("nearest1d-factor-of-thrice-the-length", (1, 1, 7), scale_factor=3.1),
    _resize("nearest2d-factor-of-twice-the-length", (1, 1, 7, 5), scale_factor=(2.1, 1.1)),
    _resize("nearest3d-factor-of-twice-the-length", (1, 4, 7, 1, 5), scale_factor=(2.1, 1, 1.1)),
    _resize(
        "nearest2d-factor-of-a-large-image",
        (1, 1, 3, 63),
        scale_factor=(1, 2.005),
        note="other kernels than for small ones",
    ),
    function(
        "nearest2d-channels-last",
        lambda x: F.interpolate(
            x.contiguous(memory_format=torch.channels_last), scale_factor=(1, 2.005)
        ),
        (1, 4, 3, 63),
    ),
    function(
        "nearest3d-channels-last",
        lambda x: F.interpolate(
            x.contiguous(memory_format=torch.channels_last_3d), scale_factor=(2.1, 1, 1.1)
        ),
        (1, 4, 7, 2, 5),
    ),
    _resize("nearest1d-one-and-half", (1, 1, 7), scale_factor=1.5),
    _resize("nearest1d-down", (1, 1, 11), size=4, note="positions that nobody reads"),
    _resize("nearest2d-size", (1, 1, 5, 7), size=(8, 3)),
    _resize("nearest2d-scales", (1, 2, 4, 6), scale_factor=(3.0, 0.5)),
    _resize("nearest3d", (1, 1, 2, 3, 4), scale_factor=(2.0, 1.0, 1.5)),
    _resize("nearest-exact1d", (1, 1, 7), size=10, mode="nearest-exact"),
    _resize("nearest-exact2d", (1, 1, 6, 5), scale_factor=0.6, mode="nearest-exact"),
    _resize("nearest-exact3d", (1, 1, 3, 2, 4), size=(4, 3, 3), mode="nearest-exact"),
    _resize("linear1d-double", (1, 1, 6), scale_factor=2.0, mode="linear"),
    _resize(
        "linear1d-align",
        (1, 1, 5),
        size=9,
        mode="linear",
        align_corners=True,
        note="every other weight is exactly zero",
    ),
    _resize("linear1d-down", (1, 1, 12), size=5, mode="linear", note="holes between the taps"),
    _resize("linear1d-halve", (1, 1, 12), scale_factor=0.5, mode="linear"),
    _resize(
        "linear1d-third",
        (1, 1, 12),
        size=4,
        mode="linear",
        note="hits pixel centres exactly: one tap each",
    ),
    _resize(
        "linear1d-scale-kept",
        (1, 1, 7),
        scale_factor=1.3,
        mode="linear",
        note="the scale given, not the ratio of sizes",
    ),
    _resize(
        "linear1d-scale-recomputed",
        (1, 1, 7),
        scale_factor=1.3,
        mode="linear",
        recompute_scale_factor=True,
    ),
    _resize("bilinear2d", (1, 2, 5, 4), scale_factor=2.0, mode="bilinear"),
    _resize("bilinear2d-align", (1, 1, 4, 5), size=(7, 8), mode="bilinear", align_corners=True),
    _resize("bilinear2d-to-one", (1, 1, 4, 5), size=(1, 5), mode="bilinear", align_corners=True),
    _resize("bilinear2d-from-one", (1, 2, 1, 1), size=(4, 3), mode="bilinear"),
    _resize("bilinear2d-identity", (1, 1, 4, 5), size=(4, 5), mode="bilinear"),
    _resize("bicubic2d", (1, 1, 6, 5), scale_factor=2.0, mode="bicubic"),
    _resize("bicubic2d-align", (1, 1, 5, 6), size=(9, 4), mode="bicubic", align_corners=True),
    _resize("bicubic2d-down", (1, 1, 9, 10), size=(4, 3), mode="bicubic"),
    _resize("bicubic2d-antialias", (1, 1, 10, 9), size=(4, 6), mode="bicubic", antialias=True),
    _resize("bilinear2d-antialias", (1, 1, 11, 8), size=(5, 3), mode="bilinear", antialias=True),
    _resize("bilinear2d-antialias-up", (1, 1, 4, 5), size=(9, 7), mode="bilinear", antialias=True),
    _resize("trilinear3d", (1, 1, 3, 4, 3), size=(5, 3, 4), mode="trilinear"),
    _resize("area1d", (1, 1, 10), size=4, mode="area"),
    _resize("area2d", (1, 1, 7, 6), scale_factor=0.6, mode="area"),
    module(
        "upsample-module",
        lambda: nn.Upsample(scale_factor=(1.5, 2.0), mode="bilinear"),
        (1, 2, 5, 4),
    ),
    function(
        "grid_sample-bilinear-zeros",
        partial(_sample, reach=1.3, align_corners=False),
        (1, 2, 4, 5),
        note="corners sample outside: empty",
    ),
    function("grid_sample-align", partial(_sample, reach=1.0, align_corners=True), (1, 1, 5, 4)),
    function(
        "grid_sample-affine-bicubic",
        lambda x: F.grid_sample(
            x,
            F.affine_grid(
                x.new_tensor([[[0.8, 0.3, 0.1], [-0.2, 0.9, 0.0]]]).expand(x.shape[0], 2, 3),
                [x.shape[0], x.shape[1], 5, 6],
                align_corners=False,
            ),
            mode="bicubic",
            padding_mode="reflection",
            align_corners=False,
        ),
        (1, 1, 6, 5),
    ),
    function(
        "grid_sample-border",
        partial(_sample, reach=1.5, padding_mode="border", align_corners=False),
        (1, 1, 4, 5),
    ),
    function(
        "grid_sample-reflection-nearest",
        partial(_sample, reach=1.4, mode="nearest", padding_mode="reflection", align_corners=False),
        (1, 1, 5, 6),
    ),
    module(
        "resize-then-conv",
        lambda: nn.Sequential(nn.Upsample(scale_factor=2), nn.Conv2d(1, 1, 3, padding=1)),
        (1, 1, 4, 5),
    ),
)
