"""Pooling with windows, adaptive pooling."""

from __future__ import annotations

from functools import partial

import torch.nn.functional as F  # noqa: N812 (its usual name)
from torch import nn

from ._case import function, module

CASES = (
    module("max_pool1d", lambda: nn.MaxPool1d(3, 2), (1, 2, 10)),
    module("max_pool1d-dilation", lambda: nn.MaxPool1d(3, 1, padding=1, dilation=2), (1, 1, 9)),
    module(
        "max_pool1d-ceil-last-window-short",
        lambda: nn.MaxPool1d(3, 2, ceil_mode=True),
        (1, 1, 8),
        note="the last window hangs over the edge",
    ),
    module(
        "max_pool1d-ceil-window-dropped",
        lambda: nn.MaxPool1d(2, 3, padding=1, ceil_mode=True),
        (1, 1, 7),
        note="a window that would start in the right padding is dropped",
    ),
    module("max_pool2d", lambda: nn.MaxPool2d(2), (1, 2, 6, 7)),
    module("max_pool2d-resnet-stem", lambda: nn.MaxPool2d(3, 2, 1), (1, 1, 9, 8)),
    module(
        "max_pool2d-per-axis-ceil",
        lambda: nn.MaxPool2d(
            (2, 3), stride=(2, 1), padding=(1, 0), dilation=(1, 2), ceil_mode=True
        ),
        (1, 1, 7, 8),
    ),
    function(
        "max_pool2d-indices-ignored",
        lambda x: F.max_pool2d(x, 2, return_indices=True)[0],
        (1, 1, 5, 6),
    ),
    module("max_pool2d-covers-input", lambda: nn.MaxPool2d((5, 4)), (1, 1, 5, 4)),
    module("max_pool3d", lambda: nn.MaxPool3d((1, 2, 2), stride=(1, 2, 1)), (1, 1, 3, 5, 4)),
    module("max_pool3d-ceil", lambda: nn.MaxPool3d(2, ceil_mode=True, padding=1), (1, 1, 4, 3, 5)),
    module("avg_pool1d", lambda: nn.AvgPool1d(4, 3, padding=2), (1, 1, 11)),
    module("avg_pool1d-stride-exceeds-kernel", lambda: nn.AvgPool1d(1, 3), (1, 1, 11)),
    module("avg_pool2d", lambda: nn.AvgPool2d(2), (1, 2, 7, 6)),
    module(
        "avg_pool2d-ceil-no-pad-counted",
        lambda: nn.AvgPool2d(3, 2, padding=1, ceil_mode=True, count_include_pad=False),
        (1, 1, 8, 7),
    ),
    module("avg_pool2d-divisor", lambda: nn.AvgPool2d((3, 1), divisor_override=2), (1, 1, 7, 3)),
    module(
        "avg_pool3d", lambda: nn.AvgPool3d((2, 3, 1), stride=1, padding=(1, 1, 0)), (1, 1, 3, 4, 3)
    ),
    module("avg_pool3d-ceil", lambda: nn.AvgPool3d(2, ceil_mode=True), (1, 1, 3, 5, 4)),
    module("lp_pool1d", lambda: nn.LPPool1d(2, 3, stride=2), (1, 1, 9)),
    module("lp_pool2d-ceil", lambda: nn.LPPool2d(3, (2, 3), ceil_mode=True), (1, 1, 5, 7)),
    module("adaptive_avg_pool1d-not-divisible", lambda: nn.AdaptiveAvgPool1d(5), (1, 1, 13)),
    module("adaptive_avg_pool1d-upsampling", lambda: nn.AdaptiveAvgPool1d(7), (1, 1, 4)),
    *(
        module(f"adaptive_avg_pool1d-from-{n}-to-{m}", partial(nn.AdaptiveAvgPool1d, m), (1, 1, n))
        for n in (1, 2)
        for m in (1, 2, 3)
    ),
    module("adaptive_avg_pool2d-not-divisible", lambda: nn.AdaptiveAvgPool2d((3, 4)), (1, 2, 8, 9)),
    module("adaptive_avg_pool2d-one-axis", lambda: nn.AdaptiveAvgPool2d((None, 1)), (1, 2, 5, 6)),
    module("adaptive_avg_pool2d-global", lambda: nn.AdaptiveAvgPool2d(1), (1, 2, 5, 6)),
    module(
        "adaptive_avg_pool2d-alexnet",
        lambda: nn.AdaptiveAvgPool2d((6, 6)),
        (1, 1, 6, 6),
        note="same size: identity",
    ),
    module("adaptive_avg_pool3d", lambda: nn.AdaptiveAvgPool3d((2, 3, 2)), (1, 1, 3, 5, 4)),
    module("adaptive_max_pool1d", lambda: nn.AdaptiveMaxPool1d(3), (1, 1, 10)),
    module("adaptive_max_pool2d", lambda: nn.AdaptiveMaxPool2d((2, 5)), (1, 1, 5, 7)),
    module("adaptive_max_pool2d-global", lambda: nn.AdaptiveMaxPool2d(1), (1, 2, 5, 4)),
    module("adaptive_max_pool3d", lambda: nn.AdaptiveMaxPool3d((2, 2, 3)), (1, 1, 3, 5, 4)),
    module(
        "blur-pool",
        lambda: nn.Sequential(nn.ReflectionPad2d(1), nn.Conv2d(2, 2, 3, stride=2, groups=2)),
        (1, 2, 7, 8),
    ),
)
