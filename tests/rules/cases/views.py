"""Reshapes, permutations, window partitions and their inverses."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ._case import function, module


def _windows(x: Tensor, rows: int, columns: int) -> Tensor:
    batch, channels, height, width = x.shape
    parts = x.view(batch, channels, height // rows, rows, width // columns, columns)
    return parts.permute(0, 2, 4, 3, 5, 1).reshape(-1, rows * columns, channels)


def _windows_back(parts: Tensor, shape: torch.Size, rows: int, columns: int) -> Tensor:
    batch, channels, height, width = shape
    grid = parts.view(batch, height // rows, width // columns, rows, columns, channels)
    return grid.permute(0, 5, 1, 3, 2, 4).reshape(batch, channels, height, width)


def _window_mean(x: Tensor, shift: int = 0) -> Tensor:
    x = torch.roll(x, (-shift, -shift), (2, 3))
    parts = _windows(x, 2, 3)
    parts = parts + parts.mean(1, keepdim=True)
    return torch.roll(_windows_back(parts, x.shape, 2, 3), (shift, shift), (2, 3))


def _grid_attention_layout(x: Tensor) -> Tensor:
    """MaxViT's grid: positions a stride apart are averaged together."""
    batch, channels, height, width = x.shape
    parts = x.view(batch, channels, 2, height // 2, 3, width // 3)
    return (parts + parts.mean((2, 4), keepdim=True)).view(x.shape)


def _patch_embed(x: Tensor) -> Tensor:
    batch, channels, height, width = x.shape
    patches = x.reshape(batch, channels, height // 2, 2, width // 3, 3)
    return patches.permute(0, 2, 4, 1, 3, 5).flatten(3).sum(3)


def _patch_merging(x: Tensor) -> Tensor:
    """Swin's downsampling, channels last."""
    x = x.permute(0, 2, 3, 1)
    x = torch.cat([x[:, 0::2, 0::2], x[:, 1::2, 0::2], x[:, 0::2, 1::2], x[:, 1::2, 1::2]], -1)
    return x.permute(0, 3, 1, 2)


def _channel_shuffle(x: Tensor) -> Tensor:
    batch, channels, length = x.shape
    return x.view(batch, 2, channels // 2, length).transpose(1, 2).reshape(batch, channels, length)


def _shuffled_branches(x: Tensor) -> tuple[Tensor, ...]:
    shuffled = _channel_shuffle(torch.cat([x, x.roll(1, 2)], 1))
    return shuffled.unbind(1)


def _shifted_into_place(x: Tensor) -> Tensor:
    """Relative positions made absolute (Bello et al. 2019, appendix): pad, flatten, view, cut."""
    batch, channels, rows, columns = x.shape
    flat = nn.functional.pad(x, (0, 1)).flatten(2)
    flat = nn.functional.pad(flat, (0, columns - rows))
    return flat.view(batch, channels, rows + 1, columns)[:, :, :rows, columns - rows :]


def _shifted_in_windows(x: Tensor) -> Tensor:
    """The same where windows share the batch axis, as in HaloNet, and mixing afterwards."""
    parts = _windows(x, 2, 3).transpose(1, 2).unflatten(2, (2, 3))
    parts = _shifted_into_place(parts)
    return parts + parts.mean(3, keepdim=True)


def _pointwise_over_unfolded(x: Tensor) -> Tensor:
    """MobileViT v2: patches of pixels taken apart, and convolutions of one tap over them."""
    batch, channels, height, width = x.shape
    parts = x.view(batch, channels, height // 2, 2, width // 3, 3).permute(0, 1, 3, 5, 2, 4)
    parts = parts.reshape(batch, channels, 6, -1)
    weight = torch.ones(channels, channels, 1, 1, dtype=x.dtype)
    parts = nn.functional.conv2d(parts, weight)
    parts = parts.view(batch, channels, 2, 3, height // 2, width // 3)
    return parts.permute(0, 1, 4, 2, 5, 3).reshape(x.shape)


CASES = (
    function("shifted-into-place", _shifted_into_place, (1, 2, 4, 7)),
    function("shifted-in-windows", _shifted_in_windows, (1, 2, 4, 6)),
    function("pointwise-over-unfolded", _pointwise_over_unfolded, (1, 2, 4, 6)),
    function("flatten-space", lambda x: x.flatten(2), (1, 2, 3, 4)),
    function("flatten-restore", lambda x: (x.flatten(2) * 2).view_as(x), (1, 2, 3, 4)),
    function(
        "flatten-pool-columns",
        lambda x: x.flatten(2)[:, :, ::4],
        (1, 1, 3, 4),
        note="the stride is a row: column 0 of every row",
    ),
    function(
        "flatten-odd-stride",
        lambda x: x.flatten(2)[:, :, ::3],
        (1, 1, 3, 4),
        note="crosses rows; not aligned with either axis",
        answer_may_be_bound=True,
    ),
    function(
        "flatten-window-across-rows",
        lambda x: torch.nn.functional.avg_pool1d(x.flatten(2), 3, 1),
        (1, 1, 3, 4),
        note="windows wrap to the next row: the hull jumps",
        answer_may_be_bound=True,
    ),
    function(
        "reinterpret-space",
        lambda x: x.reshape(-1, 1, 4, 3),
        (1, 1, 3, 4),
        note="another width",
        answer_may_be_bound=True,
    ),
    function(
        "merge-and-split-alike",
        lambda x: x.view(-1, 2, 12).unflatten(2, (3, 2, 2)).flatten(3),
        (1, 2, 3, 4),
    ),
    function("split-axis", lambda x: x.unflatten(2, (3, 2)), (1, 1, 6)),
    function(
        "split-axis-inner-mean",
        lambda x: x.unflatten(2, (3, 4)).mean(3),
        (1, 1, 12),
        note="pooling in disguise: local",
    ),
    function(
        "split-axis-outer-mean",
        lambda x: x.unflatten(2, (3, 4)).mean(2),
        (1, 1, 12),
        note="positions a stride apart: a comb, part of the axis",
    ),
    function(
        "split-axis-swap",
        lambda x: x.unflatten(2, (3, 4)).transpose(2, 3).flatten(2),
        (1, 1, 12),
        note="a permutation of the axis",
        answer_may_be_bound=True,
    ),
    function(
        "space-to-depth",
        lambda x: x.view(-1, 1, 2, 2, 3, 2).permute(0, 1, 3, 5, 2, 4).reshape(-1, 4, 2, 3),
        (1, 1, 4, 6),
    ),
    module("pixel_unshuffle", lambda: nn.PixelUnshuffle(2), (1, 1, 4, 6)),
    module("pixel_shuffle", lambda: nn.PixelShuffle(2), (1, 4, 3, 2)),
    module(
        "pixel_shuffle-after-conv",
        lambda: nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), nn.PixelShuffle(2)),
        (1, 1, 4, 3),
    ),
    module(
        "pixel_unshuffle-conv-shuffle",
        lambda: nn.Sequential(
            nn.PixelUnshuffle(2), nn.Conv2d(4, 4, 3, padding=1), nn.PixelShuffle(2)
        ),
        (1, 1, 6, 8),
    ),
    function(
        "window-partition",
        lambda x: _windows(x, 2, 3).mean(1).view(x.shape[0], -1),
        (1, 2, 4, 6),
        axes=(2, 3),
        output_axes=(),
    ),
    function("window-partition-mean-restore", _window_mean, (1, 2, 4, 6)),
    function(
        "window-partition-shifted",
        lambda x: _window_mean(x, 1),
        (1, 1, 4, 6),
        note="the wrapped window's hull is almost the whole axis",
    ),
    function("grid-partition", _grid_attention_layout, (1, 1, 4, 6)),
    function("patch-embedding-by-view", _patch_embed, (1, 2, 4, 6), output_axes=(1, 2)),
    function("patch-merging", _patch_merging, (1, 1, 4, 6)),
    function(
        "tokens",
        lambda x: x.flatten(2).transpose(1, 2),
        (1, 2, 3, 4),
        output_axes=(1,),
        note="one token axis carries both input axes",
    ),
    module("tokens-linear-restore", lambda: Tokens(nn.Linear(3, 3)), (1, 3, 4, 5)),
    module("channels-last-linear", lambda: ChannelsLast(nn.Linear(3, 5)), (1, 3, 4, 5)),
    module(
        "channels-last-mlp-norm",
        lambda: ChannelsLast(
            nn.Sequential(nn.LayerNorm(3), nn.Linear(3, 6), nn.GELU(), nn.Linear(6, 3))
        ),
        (1, 3, 4, 5),
    ),
    module(
        "channels-last-output",
        lambda: ChannelsLast(nn.Linear(3, 2), restore=False),
        (1, 3, 4, 5),
        output_axes=(1, 2),
    ),
    function("channel-shuffle", _channel_shuffle, (1, 4, 5)),
    module("channel-shuffle-module", lambda: nn.ChannelShuffle(2), (1, 4, 3, 4)),
    function(
        "channel-shuffle-branches",
        _shuffled_branches,
        (1, 2, 6),
        axes=(2,),
        output_axes=(1,),
        note="branches stay apart through the shuffle",
    ),
    function(
        "squeeze-unsqueeze", lambda x: x.mean(3, keepdim=True).squeeze(3).unsqueeze(2), (1, 2, 4, 3)
    ),
    function("unsqueeze-middle", lambda x: x.unsqueeze(3), (1, 1, 5)),
    function(
        "view-batch-into-axis",
        lambda x: x.reshape(1, x.shape[0] * x.shape[1], -1),
        (2, 2, 5),
        axes=(0, 2),
        output_axes=(1, 2),
        batched=False,
        note="samples lie along the channel axis",
    ),
    function(
        "frames-into-batch",
        lambda x: (
            torch.nn.functional.avg_pool2d(x.transpose(1, 2).flatten(0, 1), 2)
            .unflatten(0, (1, 3))
            .transpose(1, 2)
        ),
        (1, 2, 3, 4, 6),
        batched=False,
        note="(N, C, T, H, W) with T in the batch",
    ),
    function("movedim", lambda x: x.movedim(2, 3), (1, 1, 3, 4)),
    function(
        "as_strided-before-a-view",
        lambda x: torch.as_strided(x.view(12)[4:].view(2, 4), (1, 3), (3, 1), 0),
        (1, 12),
        batched=False,
        output_axes=(1,),
        answer_may_be_bound=True,
        note="an offset counts from the start of the storage, which the view leaves out",
    ),
    function(
        "as_strided-of-permuted-chunks",
        lambda x: torch.as_strided(
            x.permute(2, 0, 1).contiguous().permute(1, 2, 0).view(1, 2, 3, 4),
            (1, 2, 5, 4),
            (24, 1, 4, 2),
        ).flatten(2),
        (1, 2, 12),
        batched=False,
        note="Longformer: overlapping chunks of a sequence that lies in front of the heads",
    ),
    function(
        "as_strided",
        lambda x: torch.as_strided(x.contiguous(), (1, 1, 4), (8, 8, 2), 1),
        (1, 1, 8),
        batched=False,
        answer_may_be_bound=True,
    ),
    function("unfold-method", lambda x: x.unfold(2, 3, 2), (1, 1, 9)),
    function("unfold-method-mean", lambda x: x.unfold(2, 4, 1).mean(-1), (1, 1, 9)),
    function(
        "unfold-method-patches",
        lambda x: x.unfold(2, 2, 2).unfold(3, 3, 3).sum((-1, -2)),
        (1, 1, 6, 9),
    ),
    module(
        "flatten-linear",
        lambda: nn.Sequential(nn.Flatten(), nn.Linear(24, 3)),
        (1, 2, 3, 4),
        note="a classifier head: global",
    ),
    function("identity", lambda x: x, (1, 1, 4)),
)


class Tokens(nn.Module):
    """Through the token layout and back."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, x: Tensor) -> Tensor:
        tokens = self.inner(x.flatten(2).transpose(1, 2))
        return tokens.transpose(1, 2).unflatten(2, x.shape[2:])


class ChannelsLast(nn.Module):
    """Through the channels-last layout, and back unless told otherwise."""

    def __init__(self, inner: nn.Module, *, restore: bool = True) -> None:
        super().__init__()
        self.inner = inner
        self.restore = restore

    def forward(self, x: Tensor) -> Tensor:
        y = self.inner(x.permute(0, 2, 3, 1))
        return y.permute(0, 3, 1, 2) if self.restore else y
