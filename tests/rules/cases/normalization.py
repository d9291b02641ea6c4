"""Norms: over channels, over space, over groups, by hand."""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: N812 (its usual name)
from torch import Tensor, nn

from ._case import function, module


class LayerNorm2d(nn.LayerNorm):
    """Over channels of (N, C, H, W), as ConvNeXt has it."""

    def forward(self, x: Tensor) -> Tensor:
        y = F.layer_norm(x.permute(0, 2, 3, 1), self.normalized_shape, self.weight, self.bias)
        return y.permute(0, 3, 1, 2)


class GlobalResponseNorm(nn.Module):
    """ConvNeXt-V2: channels compared by their norm over space."""

    def forward(self, x: Tensor) -> Tensor:
        norm = x.norm(p=2, dim=(2, 3), keepdim=True)
        return x * (norm / (norm.mean(1, keepdim=True) + 1e-6)) + x


def _frozen_batch_norm(x: Tensor) -> Tensor:
    weight = torch.ones(1, x.shape[1], 1, 1, dtype=x.dtype, device=x.device)
    scale = weight * (weight + 1e-5).rsqrt()
    return x * scale + (weight - scale)


CASES = (
    module("batch_norm1d", lambda: nn.BatchNorm1d(2), (1, 2, 5)),
    module("batch_norm2d", lambda: nn.BatchNorm2d(2), (1, 2, 3, 4)),
    module(
        "batch_norm2d-no-statistics",
        lambda: nn.BatchNorm2d(2, track_running_stats=False),
        (2, 2, 3, 4),
        axes=(0, 2, 3),
        output_axes=(0, 2, 3),
        batched=False,
        note="batch statistics even in eval: mixes samples",
    ),
    module("batch_norm3d", lambda: nn.BatchNorm3d(2), (1, 2, 2, 3, 2)),
    function("frozen-batch-norm", _frozen_batch_norm, (1, 2, 3, 4)),
    module("layer_norm-channels", lambda: LayerNorm2d(3), (1, 3, 4, 5)),
    module(
        "layer_norm-last-axis", lambda: nn.LayerNorm(5), (1, 2, 4, 5), note="global along W only"
    ),
    module("layer_norm-all-space", lambda: nn.LayerNorm([2, 4, 5]), (1, 2, 4, 5)),
    module("group_norm", lambda: nn.GroupNorm(2, 4), (1, 4, 3, 4)),
    module("group_norm-one-group", lambda: nn.GroupNorm(1, 2), (1, 2, 5)),
    module("instance_norm1d", lambda: nn.InstanceNorm1d(2), (1, 2, 6)),
    module("instance_norm2d-affine", lambda: nn.InstanceNorm2d(2, affine=True), (1, 2, 3, 4)),
    module("rms_norm", lambda: nn.RMSNorm(4), (1, 3, 4), axes=(1,), output_axes=(1,)),
    module(
        "local_response_norm",
        lambda: nn.LocalResponseNorm(3),
        (1, 4, 3, 4),
        note="a window over channels",
    ),
    module("global-response-norm", GlobalResponseNorm, (1, 3, 3, 4)),
    function("normalize-channels", lambda x: F.normalize(x, dim=1), (1, 3, 5)),
    function("normalize-axis", lambda x: F.normalize(x, dim=2), (1, 3, 5)),
    function(
        "standardize-by-hand",
        lambda x: (x - x.mean((2, 3), keepdim=True)) / x.std((2, 3), keepdim=True),
        (1, 2, 3, 4),
    ),
    function("variance-axis", lambda x: x / (x.var(3, keepdim=True) + 1), (1, 2, 3, 4)),
    function("softmax-channels", lambda x: x.softmax(1), (1, 3, 5)),
    function("softmax-axis", lambda x: x.softmax(2), (1, 3, 5), note="the axis becomes global"),
    function("log_softmax-axis", lambda x: x.log_softmax(3), (1, 2, 3, 4)),
    function("softmax-by-hand", lambda x: x.exp() / x.exp().sum(2, keepdim=True), (1, 2, 5)),
    function(
        "softmax-masked",
        lambda x: (
            x
            + torch.tensor([0.0, float("-inf"), 0.0, float("-inf")], dtype=x.dtype, device=x.device)
        ).softmax(3),
        (1, 1, 2, 4),
        note="masked positions read nothing and are read by nobody",
    ),
)
