"""Convolution and transposed convolution."""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: N812 (its usual name)
from torch import Tensor, nn

from ._case import function, module


class WeightStandardized(nn.Conv2d):
    """The weight passes through arithmetic of its own before it is used."""

    def forward(self, x: Tensor) -> Tensor:
        weight = self.weight
        mean = weight.mean(dim=(1, 2, 3), keepdim=True)
        variance = weight.var(dim=(1, 2, 3), keepdim=True)
        return F.conv2d(x, (weight - mean) * torch.rsqrt(variance + 1e-5), None, 2, 1)


CASES = (
    module("conv1d-plain", lambda: nn.Conv1d(2, 3, 3), (1, 2, 11)),
    module("conv1d-stride-padding", lambda: nn.Conv1d(2, 3, 4, stride=3, padding=2), (1, 2, 14)),
    module(
        "conv1d-dilation-border-reads-padding-only",
        lambda: nn.Conv1d(1, 1, 2, dilation=4, padding=4),
        (1, 1, 3),
        note="some windows have every tap in the padding: empty fields",
    ),
    module(
        "conv1d-padding-exceeds-kernel",
        lambda: nn.Conv1d(1, 1, 2, padding=5),
        (1, 1, 4),
        note="whole windows in the padding on both sides",
    ),
    module(
        "conv1d-kernel-exceeds-input",
        lambda: nn.Conv1d(1, 1, 7, padding=3),
        (1, 1, 4),
        note="every window is cut on both sides",
    ),
    module("conv1d-stride-exceeds-kernel", lambda: nn.Conv1d(1, 1, 2, stride=4), (1, 1, 15)),
    module("conv1d-even-same", lambda: nn.Conv1d(1, 1, 4, padding="same"), (1, 1, 9)),
    module("conv1d-depthwise", lambda: nn.Conv1d(4, 8, 3, groups=4, padding=1), (1, 4, 9)),
    module(
        "conv1d-reflect", lambda: nn.Conv1d(1, 1, 5, padding=3, padding_mode="reflect"), (1, 1, 8)
    ),
    module(
        "conv1d-circular-dilated",
        lambda: nn.Conv1d(1, 1, 3, padding=2, dilation=2, padding_mode="circular"),
        (1, 1, 9),
        note="first and last elements read both ends: holes",
    ),
    module("conv2d-plain", lambda: nn.Conv2d(3, 2, 3), (1, 3, 7, 9)),
    module(
        "conv2d-everything-per-axis",
        lambda: nn.Conv2d(2, 2, (3, 2), stride=(1, 2), padding=(2, 1), dilation=(2, 3)),
        (1, 2, 8, 11),
    ),
    module("conv2d-pointwise-strided", lambda: nn.Conv2d(2, 4, 1, stride=2), (1, 2, 7, 6)),
    *(
        module(
            f"conv1d-groups-{inputs}-to-{outputs}{'-transposed' * (kind is nn.ConvTranspose1d)}",
            lambda i=inputs, o=outputs, kind=kind: kind(i, o, 2, groups=2),
            (1, inputs, 4),
            axes=(1, 2),
            output_axes=(1, 2),
            note="which channels each channel reads",
        )
        for inputs, outputs in ((2, 2), (2, 4), (4, 2), (4, 6))
        for kind in (nn.Conv1d, nn.ConvTranspose1d)
    ),
    module("conv2d-groups", lambda: nn.Conv2d(4, 6, 3, groups=2, padding=1), (1, 4, 6, 5)),
    module(
        "conv2d-same-dilated",
        lambda: nn.Conv2d(1, 1, (3, 4), padding="same", dilation=2),
        (1, 1, 9, 8),
    ),
    module("conv2d-valid", lambda: nn.Conv2d(1, 1, (5, 1), padding="valid"), (1, 1, 7, 4)),
    module(
        "conv2d-replicate",
        lambda: nn.Conv2d(1, 2, 3, padding=(2, 1), padding_mode="replicate"),
        (1, 1, 5, 6),
    ),
    module(
        "conv2d-corner-reads-padding-on-one-axis",
        lambda: nn.Conv2d(1, 1, (1, 3), padding=(1, 0)),
        (1, 1, 4, 5),
        note="first and last row read padding along H, so nothing along W either",
    ),
    module("conv2d-weight-standardized", lambda: WeightStandardized(2, 2, 3), (1, 2, 8, 7)),
    module(
        "conv2d-two-samples",
        lambda: nn.Conv2d(2, 2, 3, padding=1),
        (2, 2, 4, 5),
        axes=(0, 2, 3),
        output_axes=(0, 2, 3),
        batched=False,
        note="the batch axis is carried one to one",
    ),
    module("conv3d-plain", lambda: nn.Conv3d(1, 2, 3, padding=1), (1, 1, 4, 5, 4)),
    module(
        "conv3d-per-axis",
        lambda: nn.Conv3d(2, 2, (1, 2, 3), stride=(2, 1, 2), dilation=(1, 2, 1), padding=(0, 1, 1)),
        (1, 2, 5, 5, 6),
    ),
    module("conv3d-grouped", lambda: nn.Conv3d(2, 2, (3, 1, 1), groups=2), (1, 2, 5, 3, 3)),
    module(
        "transposed1d-checkerboard",
        lambda: nn.ConvTranspose1d(1, 1, 3, stride=2),
        (1, 1, 6),
        note="fields of one and two positions alternate",
    ),
    module(
        "transposed1d-kernel-below-stride",
        lambda: nn.ConvTranspose1d(1, 1, 2, stride=4),
        (1, 1, 5),
        note="phases that read nothing",
    ),
    module(
        "transposed1d-output-padding",
        lambda: nn.ConvTranspose1d(1, 1, 3, stride=3, padding=1, output_padding=2),
        (1, 1, 5),
        note="the last elements read nothing",
    ),
    module(
        "transposed1d-dilation",
        lambda: nn.ConvTranspose1d(2, 1, 3, stride=2, dilation=3, padding=2),
        (1, 2, 7),
    ),
    module("transposed1d-stride-one", lambda: nn.ConvTranspose1d(1, 1, 4, padding=2), (1, 1, 7)),
    module("transposed1d-cropped", lambda: nn.ConvTranspose1d(1, 1, 4, 2, padding=3), (1, 1, 7)),
    module(
        "transposed2d-per-axis",
        lambda: nn.ConvTranspose2d(
            2, 2, (4, 2), stride=(2, 3), padding=(1, 0), output_padding=(0, 1)
        ),
        (1, 2, 4, 3),
    ),
    module(
        "transposed2d-grouped",
        lambda: nn.ConvTranspose2d(4, 4, 2, stride=2, groups=2),
        (1, 4, 3, 4),
    ),
    module(
        "transposed3d",
        lambda: nn.ConvTranspose3d(1, 1, (3, 2, 1), stride=(2, 2, 3), padding=(1, 0, 0)),
        (1, 1, 3, 3, 2),
    ),
    module(
        "conv-after-transposed",
        lambda: nn.Sequential(nn.ConvTranspose1d(1, 1, 2, stride=3), nn.Conv1d(1, 1, 3, padding=1)),
        (1, 1, 5),
        note="a window over empty phases",
    ),
    module(
        "transposed-after-stride",
        lambda: nn.Sequential(
            nn.Conv1d(1, 1, 3, stride=2, padding=1), nn.ConvTranspose1d(1, 1, 4, 2, padding=1)
        ),
        (1, 1, 12),
    ),
    *(
        function(
            f"weights-of-{groups}-groups-are-the-input{'-transposed' * transposed}",
            lambda w, g=groups, f=F.conv_transpose2d if transposed else F.conv2d: f(
                torch.ones(1, 4, 5, 5), w, groups=g
            ),
            (4, 3, 2, 2) if transposed else (6, 4 // groups, 2, 2),
            axes=(0, 1, 2, 3),
            output_axes=(0, 1, 2, 3),
            batched=False,
        )
        for groups in (1, 2, 4)
        for transposed in (False, True)
        if transposed or groups < 4
    ),
    function(
        "bias-is-the-input",
        lambda b: F.conv1d(torch.ones(1, 2, 3), torch.ones(4, 2, 1), b[0]),
        (1, 4),
        axes=(1,),
        output_axes=(1, 2),
        batched=False,
    ),
    function(
        "weights-are-the-input-padded",
        lambda w: F.conv2d(torch.ones(1, 2, 4, 7), w, None, (1, 2), (1, 3), (2, 1)),
        (3, 2, 2, 3),
        axes=(0, 1, 2, 3),
        output_axes=(0, 1, 2, 3),
        batched=False,
    ),
    function(
        "weights-are-the-input-transposed-strided",
        lambda w: F.conv_transpose2d(torch.ones(1, 2, 3, 3), w, None, (3, 2), 1, (1, 0), 2, (1, 2)),
        (2, 2, 2, 3),
        axes=(0, 1, 2, 3),
        output_axes=(0, 1, 2, 3),
        batched=False,
    ),
)
