"""Nearest interpolation lands on the pixels that the operator itself takes."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F  # noqa: N812

from rfgraph.geometry.resample import nearest


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize("mode", ["nearest", "nearest-exact"])
def test_every_small_resize_by_size(mode: str, dtype: torch.dtype):
    """A ramp resized shows the index that each output read; all sizes up to 40 are tried."""
    for n in range(1, 41):
        ramp = torch.arange(n, dtype=dtype)[None, None]
        for m in range(1, 41):
            taken = F.interpolate(ramp, size=m, mode=mode)[0, 0].long().tolist()
            reads = nearest(n, m, None, exact=mode != "nearest", double=dtype == torch.float64)
            assert [reads.at(o, n).first for o in range(m)] == taken, (n, m)


@pytest.mark.parametrize("mode", ["nearest", "nearest-exact"])
@pytest.mark.parametrize("factor", [0.3, 0.6, 0.75, 1.02, 1.1, 1.3, 1.5, 2.0, 2.05, 2.1, 2.7, 3.1])
@pytest.mark.parametrize("layout", ["line", "image", "volume", "volume-channels-last"])
def test_scale_factors(mode: str, factor: float, layout: str):
    """The given factor counts, not the ratio of the lengths, but for two lengths of an image."""
    dims = {"line": 1, "image": 2}.get(layout, 3)
    exact = mode != "nearest"
    # Images of at most 128 rows and columns, and what has channels last.
    by_lengths = not exact and layout in ("image", "volume-channels-last")
    for n in range(4, 33):
        ramp = torch.arange(n, dtype=torch.float32).expand(1, 4, *(2,) * (dims - 1), n)
        ramp = ramp.contiguous()
        if layout == "volume-channels-last":
            ramp = ramp.to(memory_format=torch.channels_last_3d)
        factors = (*(1.0,) * (dims - 1), factor)
        resized = F.interpolate(ramp, scale_factor=factors, mode=mode)
        taken = resized[0, 0].reshape(-1, resized.shape[-1])[0].long().tolist()
        reads = nearest(n, len(taken), factor, exact=exact, double=False, by_lengths=by_lengths)
        assert [reads.at(o, n).first for o in range(len(taken))] == taken, n
