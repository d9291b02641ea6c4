"""Smooth interpolation by a factor reads exactly the pixels of nonzero weight."""

from __future__ import annotations

import pytest
import torch
from torch.nn.functional import interpolate

from rfgraph.geometry.resample import antialiased, cubic, linear

FACTORS = [0.3, 0.5, 0.6, 0.75, 1.0, 1.1, 1.25, 1.5, 2.0, 2.7]


def weights(n: int, factor: float, mode: str, *, smooth: bool = False) -> torch.Tensor:
    """Weight [i, o] of input pixel i in output o along the last axis."""
    eye = torch.eye(n, dtype=torch.float64).reshape(n, 1, 1, n)
    return interpolate(eye, scale_factor=(1.0, factor), mode=mode, antialias=smooth)[:, 0, 0]


@pytest.mark.parametrize("factor", FACTORS)
@pytest.mark.parametrize("mode", ["bilinear", "bicubic", "bilinear-aa", "bicubic-aa"])
def test_reads_are_the_nonzero_weights(mode: str, factor: float):
    """All lengths from 2 to 16, the given factor and not the ratio of lengths."""
    kind, _, smooth = mode.partition("-")
    for n in range(2, 17):
        if int(n * factor) == 0:
            continue
        found = weights(n, factor, kind, smooth=bool(smooth))
        m = found.shape[1]
        if smooth:
            radius = 1 if kind == "bilinear" else 2
            reads = antialiased(n, m, factor, align_corners=False, radius=radius)
        else:
            build = linear if kind == "bilinear" else cubic
            reads = build(n, m, factor, align_corners=False)
        for o in range(m):
            true = {i for i in range(n) if abs(found[i, o]) > 1e-9}
            assert set(reads.at(o, n)) == true, (n, m, o)
