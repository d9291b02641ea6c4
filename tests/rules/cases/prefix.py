"""Cumulative operators: the field is a prefix."""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: N812 (its usual name)
from torch import Tensor, nn

from ._case import function, module


def _box_filter(x: Tensor) -> Tensor:
    """A running mean from differences of a cumulative sum."""
    total = F.pad(x.cumsum(2), (1, 0))
    return total[:, :, 3:] - total[:, :, :-3]


CASES = (
    function("cumsum", lambda x: x.cumsum(2), (1, 1, 6)),
    function(
        "cumsum-two-axes", lambda x: x.cumsum(2).cumsum(3), (1, 1, 3, 4), note="integral image"
    ),
    function("cumsum-channels", lambda x: x.cumsum(1), (1, 3, 4)),
    function("cumsum-reversed", lambda x: x.flip(2).cumsum(2).flip(2), (1, 1, 6), note="a suffix"),
    function("cumsum-strided", lambda x: x.cumsum(2)[:, :, ::2], (1, 1, 7)),
    module(
        "cumsum-after-conv",
        lambda: nn.Sequential(nn.Conv1d(1, 1, 3, padding=1), CumulativeSum()),
        (1, 1, 6),
    ),
    module(
        "conv-after-cumsum",
        lambda: nn.Sequential(CumulativeSum(), nn.Conv1d(1, 1, 3, padding=1)),
        (1, 1, 6),
    ),
    function(
        "cumsum-windows",
        lambda x: x.unflatten(2, (2, 3)).cumsum(3).flatten(2),
        (1, 1, 6),
        note="prefixes inside windows: local",
    ),
    function(
        "cumsum-box-filter",
        _box_filter,
        (1, 1, 8),
        note="structurally a prefix: cancellation does not count",
    ),
    function("cumsum-mean", lambda x: x.cumsum(2) / torch.arange(1, 6, device=x.device), (1, 1, 5)),
    function("cumprod", lambda x: x.cumprod(2), (1, 1, 5)),
    function("logcumsumexp", lambda x: x.logcumsumexp(2), (1, 1, 5)),
    function("cummax", lambda x: x.cummax(2).values, (1, 1, 5)),
    function(
        "cumsum-of-constant",
        lambda x: x * torch.ones(5, device=x.device).cumsum(0).to(x.dtype),
        (1, 1, 5),
    ),
    module(
        "causal-convolution",
        lambda: nn.Sequential(nn.ConstantPad1d((4, 0), 0.0), nn.Conv1d(1, 1, 3, dilation=2)),
        (1, 1, 8),
        note="bounded look back, not a prefix",
    ),
)


class CumulativeSum(nn.Module):
    """Along the last axis."""

    def forward(self, x: Tensor) -> Tensor:
        return x.cumsum(-1)
