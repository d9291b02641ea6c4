"""Slices, flips, rolls, concatenation, stacking, splitting, writing through slices."""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: N812 (its usual name)
from torch import Tensor, nn

from ._case import function, module


class Flip(nn.Module):
    """The last axis backwards."""

    def forward(self, x: Tensor) -> Tensor:
        return x.flip(-1)


class Roll(nn.Module):
    """The last axis rolled."""

    def __init__(self, shift: int) -> None:
        super().__init__()
        self.shift = shift

    def forward(self, x: Tensor) -> Tensor:
        return torch.roll(x, self.shift, -1)


class TwoScales(nn.Module):
    """Branches with different fields, concatenated and separated again."""

    def __init__(self, dim: int, take: slice) -> None:
        super().__init__()
        self.narrow = nn.Conv1d(2, 2, 1)
        self.wide = nn.Conv1d(2, 2, 5, padding=2)
        self.dim = dim
        self.take = take

    def forward(self, x: Tensor) -> Tensor:
        y = torch.cat([self.narrow(x), self.wide(x)], dim=self.dim)
        return y[:, self.take] if self.dim == 1 else y[:, :, self.take]


class Res2(nn.Module):
    """A cascade over channel parts: each part sees further than the one before."""

    def __init__(self) -> None:
        super().__init__()
        self.convolutions = nn.ModuleList(nn.Conv1d(1, 1, 3, padding=1) for _ in range(3))

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        parts = torch.split(x, 1, dim=1)
        results = [parts[0]]
        for part, convolution in zip(parts[1:], self.convolutions, strict=True):
            results.append(convolution(part + results[-1]))
        return torch.cat(results, 1).unbind(1)


def _write_add(x: Tensor) -> Tensor:
    y = x.clone()
    y[:, :, 1::2] += x[:, :, :-1:2]
    return y


def _write_row(x: Tensor) -> Tensor:
    y = x.clone()
    y[:, :, 2] = x[:, :, 0] * x[:, :, 1]
    return y


def _write_channel(x: Tensor) -> Tensor:
    y = torch.zeros_like(x)
    y[:, :1] = x[:, 1:].flip(2)
    return y


def _write_constant(x: Tensor) -> Tensor:
    y = x + 0
    y[:, :, 1:3].fill_(0)
    y.narrow(2, 4, 1).zero_()
    return y


def _write_interleaved(x: Tensor) -> Tensor:
    y = x.new_empty(*x.shape[:2], 2 * x.shape[2])
    y[..., 0::2] = x
    y[..., 1::2] = -x.flip(-1)
    return y


def _write_then_read(x: Tensor) -> Tensor:
    y = x.clone()
    y[:, :, 1:].add_(y[:, :, :-1].clone())
    y[:, :, 1:].add_(y[:, :, :-1].clone())
    return y


def _shift_channels(x: Tensor) -> Tensor:
    """Temporal shift: a channel looks back, one looks ahead, the rest stays."""
    out = torch.zeros_like(x)
    out[:, :1, 1:] = x[:, :1, :-1]
    out[:, 1:2, :-1] = x[:, 1:2, 1:]
    out[:, 2:] = x[:, 2:]
    return out


def _pad_to_even(x: Tensor) -> Tensor:
    """Control flow that depends on the shape."""
    if x.shape[-1] % 2:
        x = F.pad(x, (0, 1))
    return x[..., ::2] + x[..., 1::2]


def _crop_like(x: Tensor) -> Tensor:
    small = F.avg_pool2d(x, 3)
    rows, columns = small.shape[-2:]
    top, left = (x.shape[-2] - rows) // 2, (x.shape[-1] - columns) // 2
    return x[..., top : top + rows, left : left + columns] + small


CASES = (
    function("slice-stop", lambda x: x[:, :, 1:-2], (1, 1, 8)),
    function("slice-step", lambda x: x[:, :, 1::3], (1, 1, 11)),
    function("slice-of-slice", lambda x: x[:, :, 1::2][:, :, 1::2], (1, 1, 13)),
    function("slice-two-axes", lambda x: x[..., ::2, 3:], (1, 1, 7, 8)),
    function(
        "slice-strided-flip",
        lambda x: x[:, :, 1::3].flip(2),
        (1, 1, 11),
        note="negative slope, offset not a multiple of the stride",
    ),
    function("flip-then-strided-slice", lambda x: x.flip(2)[:, :, ::2], (1, 1, 10)),
    function("flip-both", lambda x: x.flip(2, 3), (1, 1, 4, 5)),
    module(
        "conv-of-flip",
        lambda: nn.Sequential(Flip(), nn.Conv1d(1, 1, 3, stride=2, padding=1)),
        (1, 1, 10),
    ),
    function("rot90", lambda x: torch.rot90(x, 1, (2, 3)), (1, 1, 4, 5)),
    function("narrow", lambda x: x.narrow(2, 3, 4), (1, 1, 9)),
    function(
        "select-row",
        lambda x: x[:, :, 2],
        (1, 1, 5, 4),
        output_axes=(2,),
        note="axis H is gone, fixed at 2",
    ),
    function("select-broadcast", lambda x: x + x[:, :, :1], (1, 1, 5)),
    function(
        "select-last-negative", lambda x: x.select(-1, -1).unsqueeze(-1).expand_as(x), (1, 1, 3, 5)
    ),
    function("roll", lambda x: torch.roll(x, 2, 2), (1, 1, 7)),
    function("roll-two-axes", lambda x: torch.roll(x, (-1, 3), (2, 3)), (1, 1, 4, 5)),
    function(
        "roll-flat",
        lambda x: torch.roll(x, 3),
        (1, 1, 3, 4),
        batched=False,
        note="without dims: over the flattened tensor",
        answer_may_be_bound=True,
    ),
    module(
        "conv-between-rolls",
        lambda: nn.Sequential(Roll(2), nn.Conv1d(1, 1, 3, padding=1), Roll(-2)),
        (1, 1, 8),
    ),
    function("cat-along-axis", lambda x: torch.cat([x, x.flip(2)], 2), (1, 1, 5)),
    function(
        "cat-pieces-reordered",
        lambda x: torch.cat([x[:, :, 3:], x[:, :, :3]], 2),
        (1, 1, 7),
        note="a roll in disguise",
    ),
    function(
        "cat-pieces-restored",
        lambda x: torch.cat([x[:, :, :3], x[:, :, 3:]], 2),
        (1, 1, 7),
        note="the identity in disguise",
    ),
    function(
        "cat-with-constant", lambda x: torch.cat([torch.ones_like(x[:, :, :2]), x], 2), (1, 1, 4)
    ),
    function(
        "cat-quadrants",
        lambda x: torch.cat(
            [x[..., ::2, ::2], x[..., 1::2, ::2], x[..., ::2, 1::2], x[..., 1::2, 1::2]], 1
        ),
        (1, 1, 4, 6),
        note="Focus layer",
    ),
    function(
        "cat-two-inputs", lambda x, y: torch.cat([x, y], 2), (1, 1, 4), (1, 1, 3), sources=(0, 1)
    ),
    module("cat-channels", lambda: TwoScales(1, slice(None)), (1, 2, 9)),
    module("cat-channels-take-narrow", lambda: TwoScales(1, slice(0, 2)), (1, 2, 9)),
    module("cat-channels-take-wide", lambda: TwoScales(1, slice(2, 4)), (1, 2, 9)),
    module("cat-channels-take-across", lambda: TwoScales(1, slice(1, 3)), (1, 2, 9)),
    module("cat-space-take-across", lambda: TwoScales(2, slice(6, 12)), (1, 2, 9)),
    module(
        "res2net-cascade",
        Res2,
        (1, 4, 11),
        axes=(2,),
        output_axes=(1,),
        note="outputs (N, L), one per part: each has its own field",
    ),
    function("stack-sum", lambda x: torch.stack([x, x.flip(2)], 2).sum(2), (1, 1, 6)),
    function("stack-interleave", lambda x: torch.stack([x, -x], 3).flatten(2), (1, 1, 6)),
    function(
        "stack-unbind",
        lambda x: torch.stack([x.roll(1, 2), x], 0).unbind(0)[1],
        (1, 1, 6),
        note="the branch that is not taken must not count",
    ),
    function(
        "unbind-axis", lambda x: x.unbind(2)[1] + x.unbind(2)[3], (1, 1, 5, 4), output_axes=(2,)
    ),
    function("split-sum", lambda x: sum(x.split(3, 2)), (1, 1, 9)),
    function("split-uneven", lambda x: x.split([2, 1, 4], 2)[2], (1, 1, 7)),
    function("split-all-outputs", lambda x: x.split([2, 1, 4], 2), (1, 1, 7)),
    function("chunk-cross", lambda x: torch.cat(x.chunk(3, 2)[::-1], 2), (1, 1, 8)),
    function("unsafe_split", lambda x: torch.ops.aten.unsafe_split.Tensor(x, 3, 2)[1], (1, 1, 8)),
    function("repeat", lambda x: x.repeat(1, 2, 3), (1, 1, 4)),
    function("tile", lambda x: x.tile(2), (1, 1, 4)),
    function("repeat_interleave", lambda x: x.repeat_interleave(3, 2), (1, 1, 4)),
    function(
        "expand-new-axis",
        lambda x: x.unsqueeze(2).expand(-1, -1, 3, -1),
        (1, 2, 4),
        output_axes=(2, 3),
    ),
    function("write-add-slice", _write_add, (1, 1, 8)),
    function("write-row", _write_row, (1, 1, 5, 4)),
    function("write-channel", _write_channel, (1, 2, 5)),
    function("write-constant", _write_constant, (1, 1, 6)),
    function("write-interleaved", _write_interleaved, (1, 1, 5)),
    function("write-then-read", _write_then_read, (1, 1, 6)),
    function(
        "slice_scatter", lambda x: torch.slice_scatter(x, x[:, :, :2] * 2, 2, 1, 5, 2), (1, 1, 6)
    ),
    function("select_scatter", lambda x: torch.select_scatter(x, x[:, :, 0], 2, 3), (1, 1, 5, 3)),
    function(
        "diagonal_scatter",
        lambda x: torch.diagonal_scatter(x, x.new_zeros(*x.shape[:2], 4), 0, 2, 3),
        (1, 1, 4, 4),
        answer_may_be_bound=True,
    ),
    function("temporal-shift", _shift_channels, (1, 4, 6)),
    function("shape-dependent-pad", _pad_to_even, (1, 1, 7)),
    function("shape-dependent-crop", _crop_like, (1, 1, 8, 9)),
    function("swap-axes", lambda x: x.transpose(2, 3), (1, 1, 3, 5)),
    function(
        "swap-axes-then-pool", lambda x: F.avg_pool2d(x.transpose(2, 3), (1, 2)), (1, 1, 5, 4)
    ),
    function(
        "clone-detach-contiguous",
        lambda x: x.detach().clone().contiguous().transpose(2, 3).contiguous(),
        (1, 1, 3, 4),
    ),
    function(
        "diagonal",
        lambda x: x.diagonal(0, 2, 3),
        (1, 2, 4, 4),
        output_axes=(2,),
        answer_may_be_bound=True,
    ),
)
