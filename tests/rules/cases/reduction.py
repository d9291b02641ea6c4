"""Sums, means, extrema and their like along axes."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ._case import function, module


class SqueezeExcite(nn.Module):
    """A gate per channel, from the mean over space."""

    def __init__(self) -> None:
        super().__init__()
        self.reduce = nn.Conv2d(2, 1, 1)
        self.expand = nn.Conv2d(1, 2, 1)

    def forward(self, x: Tensor) -> Tensor:
        return x * self.expand(self.reduce(x.mean((2, 3), keepdim=True)).relu()).sigmoid()


class EfficientChannelAttention(nn.Module):
    """A convolution over the channel axis of the pooled features."""

    def __init__(self) -> None:
        super().__init__()
        self.convolution = nn.Conv1d(1, 1, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        pooled = x.mean((2, 3)).view(x.shape[0], 1, -1)
        return x * self.convolution(pooled).view(x.shape[0], -1, 1, 1).sigmoid()


def _coordinate_pools(x: Tensor) -> Tensor:
    """Coordinate attention: pooled along one axis at a time, concatenated, separated again."""
    height = x.shape[2]
    rows = x.mean(3, keepdim=True)
    columns = x.mean(2, keepdim=True).transpose(2, 3)
    both = torch.cat([rows, columns], 2).relu()
    a, b = both.split([height, both.shape[2] - height], 2)
    return x * a.sigmoid() * b.transpose(2, 3).sigmoid()


CASES = (
    function("mean-axis-kept", lambda x: x.mean(2, keepdim=True), (1, 2, 4, 5)),
    function("mean-axis-dropped", lambda x: x.mean(3), (1, 2, 4, 5), output_axes=(2,)),
    function("mean-both", lambda x: x.mean((2, 3)), (1, 2, 4, 5)),
    function("mean-everything", lambda x: x.mean(), (1, 2, 4), batched=False, output_axes=()),
    function("mean-channels", lambda x: x.mean(1, keepdim=True), (1, 3, 4, 5)),
    function(
        "mean-length-one",
        lambda x: x[:, :, 2:3].mean(2, keepdim=True),
        (1, 1, 5, 3),
        note="an axis of length 1 is not a global path",
    ),
    function("sum", lambda x: x.sum(2), (1, 2, 4, 5), output_axes=(2,)),
    function("sum-broadcast-back", lambda x: x / x.sum(2, keepdim=True), (1, 1, 5)),
    function("amax", lambda x: x.amax((2,), keepdim=True), (1, 1, 4, 3)),
    function("max-dim", lambda x: x.max(dim=3).values, (1, 1, 4, 3), output_axes=(2,)),
    function(
        "max-and-mean-channels",
        lambda x: torch.cat([x.max(1, keepdim=True).values, x.mean(1, keepdim=True)], 1),
        (1, 3, 3, 4),
        note="CBAM",
    ),
    function("min-dim", lambda x: x.min(dim=2, keepdim=True)[0], (1, 1, 4)),
    function("var", lambda x: x.var(2, keepdim=True), (1, 1, 4, 3)),
    function(
        "vector-norm", lambda x: torch.linalg.vector_norm(x, dim=2, keepdim=True), (1, 1, 4, 3)
    ),
    function("logsumexp", lambda x: x.logsumexp(2, keepdim=True), (1, 1, 4)),
    function("prod", lambda x: x.prod(2, keepdim=True), (1, 1, 4)),
    function(
        "half-of-axis-mean",
        lambda x: x[:, :, :3].mean(2, keepdim=True),
        (1, 1, 7),
        note="a fixed part of the axis",
    ),
    function(
        "windows-mean",
        lambda x: x.unflatten(2, (2, 3)).mean(3).repeat_interleave(3, 2) + x,
        (1, 1, 6),
    ),
    module("squeeze-excite", SqueezeExcite, (1, 2, 4, 5)),
    module("efficient-channel-attention", EfficientChannelAttention, (1, 3, 4, 5)),
    function("coordinate-attention", _coordinate_pools, (1, 2, 4, 5)),
    module(
        "global-pool-then-upsample",
        lambda: nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Upsample(size=(4, 5), mode="bilinear")),
        (1, 2, 4, 5),
        note="DeepLab's image pooling",
    ),
    function(
        "mean-over-batch",
        lambda x: x - x.mean(0, keepdim=True),
        (3, 1, 4),
        axes=(0, 2),
        output_axes=(0, 2),
        batched=False,
        note="mixes samples",
    ),
    function(
        "constant-mask-tested",
        lambda x: x if bool((torch.ones(3) > 0).all()) else x.flip(2),
        (1, 1, 5),
        note="control flow on a constant, `all`",
    ),
)
