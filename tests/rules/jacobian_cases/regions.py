"""Operators that sample at computed places; the answer is a bound that must hold the truth."""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: N812 - its usual name
import torchvision
from torch import Tensor

from tests.rules.cases._case import function


def _deformed(x: Tensor) -> Tensor:
    offsets = 0.3 + 0.0 * x[:, :1, :3, :3].expand(1, 18, 3, 3)
    return torchvision.ops.deform_conv2d(
        x, offsets, torch.ones(2, 2, 3, 3, dtype=x.dtype, device=x.device)
    )


def _boxes(x: Tensor) -> list[Tensor]:
    return [torch.tensor([[0.5, 0.5, 3.0, 3.0]], dtype=x.dtype, device=x.device)]


def _unpooled(x: Tensor) -> Tensor:
    return F.max_unpool2d(*F.max_pool2d(x, 2, return_indices=True), 2)


_BOUND = {"answer_may_be_bound": True}

CASES = (
    function("deform_conv2d", _deformed, (1, 2, 5, 5), **_BOUND),
    function(
        "roi_align", lambda x: torchvision.ops.roi_align(x, _boxes(x), 2), (1, 1, 5, 5), **_BOUND
    ),
    function(
        "roi_pool", lambda x: torchvision.ops.roi_pool(x, _boxes(x), 2), (1, 1, 5, 5), **_BOUND
    ),
    function(
        "ps_roi_align",
        lambda x: torchvision.ops.ps_roi_align(x, _boxes(x), 2),
        (1, 4, 5, 5),
        **_BOUND,
    ),
    function("max_unpool2d", _unpooled, (1, 1, 4, 4), **_BOUND),
)
