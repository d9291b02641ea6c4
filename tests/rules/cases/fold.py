"""im2col, col2im and what is built from them."""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: N812 (its usual name)
from torch import Tensor, nn

from ._case import function, module


def _involution(x: Tensor) -> Tensor:
    """A weight per position, from the position, times its neighbourhood."""
    batch, channels, height, width = x.shape
    taps = F.unfold(x, 3, padding=1).view(batch, channels, 9, height, width)
    weight = x.mean(1, keepdim=True).unsqueeze(2).sigmoid()
    return (taps * weight).sum(2)


def _patches_attended(x: Tensor) -> Tensor:
    """MobileViT: patches by unfold, mixed inside, folded back."""
    columns = F.unfold(x, 2, stride=2)
    batch, _, count = columns.shape
    taps = columns.view(batch, -1, 4, count)
    return F.fold((taps + taps.mean(2, keepdim=True)).flatten(1, 2), x.shape[2:], 2, stride=2)


def _outlook(x: Tensor) -> Tensor:
    """VOLO: weighted taps folded back with overlap."""
    columns = F.unfold(x, 3, padding=1)
    return F.fold(columns * 0.5, x.shape[2:], 3, padding=1)


class Patches(nn.Module):
    """Non-overlapping patches embedded by a linear map: tokens."""

    def __init__(self) -> None:
        super().__init__()
        self.unfold = nn.Unfold(3, stride=3)
        self.linear = nn.Linear(9, 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.linear(self.unfold(x).transpose(1, 2))


CASES = (
    function("unfold", lambda x: F.unfold(x, (2, 3)), (1, 1, 4, 5)),
    function(
        "unfold-parameters",
        lambda x: F.unfold(x, 2, dilation=2, padding=1, stride=(2, 1)),
        (1, 2, 5, 4),
    ),
    function(
        "unfold-grid", lambda x: F.unfold(x, 3, padding=1).view(-1, 2, 9, 4, 5).sum(2), (1, 2, 4, 5)
    ),
    function(
        "unfold-one-tap",
        lambda x: F.unfold(x, 3, padding=1).view(x.shape[0], 1, 9, 4, 5)[:, :, 2],
        (1, 1, 4, 5),
        note="a shift: the tap at the upper right",
        answer_may_be_bound=True,
    ),
    function("fold-overlapping", lambda x: F.fold(x.flatten(2), (6, 7), 3, stride=1), (1, 9, 4, 5)),
    function(
        "fold-gaps",
        lambda x: F.fold(x.flatten(2), (8, 8), 2, stride=3),
        (1, 4, 3, 3),
        note="stride exceeds the kernel: empty rows and columns",
    ),
    function(
        "fold-padding-dilation",
        lambda x: F.fold(x.flatten(2), (5, 6), 2, dilation=2, padding=1, stride=2),
        (1, 4, 3, 3),
    ),
    function(
        "overlap-add",
        lambda x: torch.ops.aten.unfold_backward(x, (x.shape[0], 2, 11), 2, 4, 2),
        (1, 2, 4, 4),
        output_axes=(1, 2),
        note="a last element that no window reaches",
    ),
    function(
        "overlap-add-gaps",
        lambda x: torch.ops.aten.unfold_backward(x, (x.shape[0], 12, 2), 1, 2, 5),
        (1, 3, 2, 2),
        output_axes=(1, 2),
    ),
    function(
        "overlap-add-rows",
        lambda x: torch.ops.aten.unfold_backward(x, (x.shape[0], 1, 7, 3), 2, 4, 3),
        (1, 1, 2, 3, 4),
    ),
    function("unfold-fold", _outlook, (1, 1, 4, 5)),
    function("unfold-mix-fold", _patches_attended, (1, 1, 4, 6)),
    function("involution", _involution, (1, 2, 4, 5)),
    module("unfold-module-linear", Patches, (1, 1, 6, 6), output_axes=(1,)),
)
