"""Weights with zeros that no parameter can change: PixelCNN, MADE, decays, constant graphs."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F  # noqa: N812 (its usual name)
from torch import Tensor, nn
from torch.nn.utils import parametrize

from ._case import function, module


def _raster(kernel: tuple[int, ...], *, current: bool) -> Tensor:
    """The taps before the middle one in raster order, and the middle one with `current`."""
    count = math.prod(kernel)
    return (torch.arange(count) < count // 2 + current).reshape(kernel).float()


class Masked(nn.Module):
    """A raster-scan masked convolution in 1 to 3 dimensions, masked in one of many ways."""

    def __init__(
        self, way: str, current: bool, channels: tuple[int, int], *kernel: int, **options: int
    ) -> None:
        super().__init__()
        kind = (nn.Conv1d, nn.Conv2d, nn.Conv3d)[len(kernel) - 1]
        self.conv = kind(*channels, kernel, **options)
        self.register_buffer(
            "mask", _raster(kernel, current=current).expand_as(self.conv.weight).clone()
        )
        self.way = way

    def weight(self) -> Tensor:
        weight, mask = self.conv.weight, self.mask
        if self.way == "product":
            return mask * weight
        if self.way == "where":
            return torch.where(mask > 0, weight, 0.0)
        if self.way == "filled":
            return weight.masked_fill(mask == 0, 0)
        if self.way == "triangle":  # one row: the taps of a column are what tril leaves
            return weight.tril()
        if self.way == "assembled":
            used = int(mask[0, 0].sum())
            return torch.cat(
                [weight.flatten(2)[:, :, :used], mask.flatten(2)[:, :, used:]], 2
            ).view_as(weight)
        if self.way == "written":
            rows = weight.shape[2] // 2
            whole = torch.zeros_like(weight)
            whole[:, :, :rows] = weight[:, :, :rows]
            return whole
        if self.way == "padded":
            rows = weight.shape[2] // 2
            return F.pad(weight[:, :, :rows], (0, 0, 0, weight.shape[2] - rows))
        assert self.way == "data"
        weight.data *= mask
        return weight

    def forward(self, x: Tensor) -> Tensor:
        return self.conv._conv_forward(x, self.weight(), self.conv.bias)


def _pixelcnn(way: str) -> nn.Module:
    return nn.Sequential(
        Masked(way, False, (1, 3), 3, 3, padding=1),
        nn.ReLU(),
        Masked(way, True, (3, 2), 3, 3, padding=1),
    )


class Colours(nn.Module):
    """Channel groups R, G, B: a colour sees those before it (and itself, if `current`) here."""

    def __init__(self, channels: int, *, current: bool) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, 6, 3, padding=1)
        mask = _raster((3, 3), current=False).expand_as(self.conv.weight).clone()
        out, into = torch.arange(6) * 3 // 6, torch.arange(channels) * 3 // channels
        before = into[None] <= out[:, None] if current else into[None] < out[:, None]
        mask[:, :, 1, 1] = before.float()
        self.register_buffer("mask", mask)

    def forward(self, x: Tensor) -> Tensor:
        return F.conv2d(x, self.conv.weight * self.mask, self.conv.bias, padding=1)


class FirstColour(nn.Module):
    """What red sees; all three colours together see more."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(Colours(3, current=False), nn.ReLU(), Colours(6, current=True))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        y = self.layers(x)
        return y[:, :2], y[:, 4:]


class GatedPixelCnn(nn.Module):
    """Two layers of a vertical and a horizontal stack: no blind spot."""

    def __init__(self) -> None:
        super().__init__()
        self.vertical = nn.ModuleList(nn.Conv2d(1 + i, 4, (2, 3), padding=(2, 1)) for i in (0, 1))
        self.across = nn.ModuleList(nn.Conv2d(4, 4, 1) for _ in range(2))
        self.horizontal = nn.ModuleList(
            nn.Conv2d(1 + i, 4, (1, 2), padding=(0, 2 if i == 0 else 1)) for i in (0, 1)
        )

    def forward(self, x: Tensor) -> Tensor:
        v = h = x
        height, width = x.shape[2:]
        for layer in range(2):
            seen = self.vertical[layer](v)[:, :, :height]
            beside = self.horizontal[layer](h)[:, :, :, :width]
            beside = beside + self.across[layer](seen)
            v, h = (a.tanh() * b.sigmoid() for a, b in (seen.chunk(2, 1), beside.chunk(2, 1)))
            v, h = v[:, :1].repeat(1, 2, 1, 1), h[:, :1].repeat(1, 2, 1, 1)
        return h


class Made(nn.Module):
    """Two masked linear layers over the positions: output i sees positions before i."""

    def __init__(self, *, product: str = "linear") -> None:
        super().__init__()
        hidden = torch.tensor([0, 1, 2, 3, 0, 1, 2, 3])
        place = torch.arange(5)
        self.first, self.second = nn.Linear(5, 8), nn.Linear(8, 5)
        self.register_buffer("into", (hidden[:, None] >= place[None]).float())
        self.register_buffer("out", (place[:, None] > hidden[None]).float())
        self.product = product

    def forward(self, x: Tensor) -> Tensor:
        if self.product == "einsum":
            y = torch.einsum("ni,hi->nh", x, self.first.weight * self.into).relu()
            return torch.einsum("nh,oh->no", y, self.second.weight * self.out)
        y = F.linear(x, self.first.weight * self.into, self.first.bias).relu()
        return F.linear(y, self.second.weight * self.out, self.second.bias)


class _Band(nn.Module):
    def forward(self, weight: Tensor) -> Tensor:
        return weight.tril().triu(-1)


def _parametrized() -> nn.Module:
    linear = nn.Linear(6, 6)
    parametrize.register_parametrization(linear, "weight", _Band())
    return linear


class Graph(nn.Module):
    """Neighbours on a constant graph (a ring with one more edge)."""

    def __init__(self) -> None:
        super().__init__()
        ring = torch.eye(6).roll(1, 0) + torch.eye(6).roll(-1, 0)
        ring[0, 3] = 0.5
        self.register_buffer("adjacency", ring)
        self.mix = nn.Linear(2, 2)

    def forward(self, x: Tensor) -> Tensor:
        y = self.adjacency @ self.mix(x.transpose(1, 2))
        return y.transpose(1, 2)


class Sobel(nn.Module):
    """A constant kernel whose middle column is zero."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("kernel", torch.tensor([[[[-1.0, 0, 1], [-2, 0, 2], [-1, 0, 1]]]]))

    def forward(self, x: Tensor) -> Tensor:
        return F.conv2d(x, self.kernel, padding=1)


class Options(nn.Module):
    """A masked kernel, strided, dilated, grouped or transposed."""

    def __init__(self, *, transposed: bool) -> None:
        super().__init__()
        kind = nn.ConvTranspose2d if transposed else nn.Conv2d
        self.conv = kind(4, 4, (3, 2), stride=2, dilation=(1, 2), groups=2, padding=1)
        mask = torch.ones_like(self.conv.weight)
        mask[:, :, 1] = 0
        mask[:2, :, 2, 1] = 0
        mask[1, :, 0, 1] = 0
        mask[:, 1, 0, 0] = 0
        self.register_buffer("mask", mask)
        self.transposed = transposed

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        weight = self.conv.weight * self.mask
        if self.transposed:
            y = F.conv_transpose2d(x, weight, None, 2, 1, 0, 2, (1, 2))
        else:
            y = F.conv2d(x, weight, None, 2, 1, (1, 2), 2)
        return y.split(1, 1)


def _retention(x: Tensor) -> Tensor:
    """RetNet's parallel form: scores times powers of a decay, zero above the diagonal."""
    y = x.transpose(1, 2)
    place = torch.arange(y.shape[1], device=x.device, dtype=x.dtype)
    gap = place[:, None] - place[None]
    decay = torch.where(gap >= 0, 0.9**gap, 0.0)
    return ((y @ y.transpose(1, 2)) * decay @ y).transpose(1, 2)


def _rwkv(x: Tensor) -> Tensor:
    """Weights exp(k - decay * distance) of the past, -inf ahead, divided by their sum."""
    y = x.transpose(1, 2)
    place = torch.arange(y.shape[1], device=x.device, dtype=x.dtype)
    bias = -0.5 * (place[:, None] - place[None])
    bias = bias.masked_fill(bias > 0, float("-inf"))
    weights = (y[:, None, :, 0] + bias).exp()
    return (weights @ y / weights.sum(-1, keepdim=True)).transpose(1, 2)


def _alibi(x: Tensor) -> Tensor:
    y = x.transpose(1, 2)
    place = torch.arange(y.shape[1], device=x.device, dtype=x.dtype)
    bias = -0.25 * (place[:, None] - place[None]).abs()
    bias = bias.masked_fill(place[:, None] < place[None], float("-inf"))
    return F.scaled_dot_product_attention(y, y, y, attn_mask=bias).transpose(1, 2)


def _dilated_attention(x: Tensor) -> Tensor:
    y = x.transpose(1, 2)
    place = torch.arange(y.shape[1], device=x.device)
    gap = place[:, None] - place[None]
    keep = (gap >= 0) & (gap % 2 == 0) & (gap <= 4)
    return F.scaled_dot_product_attention(y, y, y, attn_mask=keep).transpose(1, 2)


def _block_sparse(x: Tensor) -> Tensor:
    y = x.transpose(1, 2)
    blocks = torch.tensor([[1, 0, 0], [1, 1, 0], [0, 1, 1]], device=x.device, dtype=torch.bool)
    keep = blocks.repeat_interleave(2, 0).repeat_interleave(2, 1)
    return F.scaled_dot_product_attention(y, y, y, attn_mask=keep).transpose(1, 2)


class PaddedKeys(nn.Module):
    """`nn.MultiheadAttention` that returns its weights: the mask is added inside the product."""

    def __init__(self) -> None:
        super().__init__()
        self.attention = nn.MultiheadAttention(4, 2, batch_first=True)
        self.register_buffer("padding", torch.arange(6)[None] > 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.attention(x, x, x, key_padding_mask=self.padding.expand(len(x), -1))[0]


def _scan_by_sums(x: Tensor) -> Tensor:
    """A diagonal state space: h = exp(-A) * cumsum(exp(A) * b), A the sum of the steps."""
    steps = F.softplus(x).cumsum(2)
    return (-steps).exp() * (steps.exp() * x).cumsum(2)


def _scan_by_loop(x: Tensor) -> Tensor:
    """The same recurrence by a loop over time."""
    state, seen = torch.zeros_like(x[:, :, 0]), []
    for step in range(x.shape[2]):
        state = (-F.softplus(x[:, :, step])).exp() * state + x[:, :, step]
        seen.append(state)
    return torch.stack(seen, 2)


def _normalised_rows(x: Tensor) -> Tensor:
    spread = x.new_zeros(x.shape[0], x.shape[1], 9)
    spread.index_add_(2, torch.tensor([1, 4, 4, 6, 8, 2]), x)
    return F.normalize(spread, dim=2)


def _floored_rows(x: Tensor) -> Tensor:
    padded = F.pad(x, (1, 2))
    return torch.div(padded, 0.1 + padded.flip(2), rounding_mode="trunc")


def _gated_by_part(cut: str) -> Callable[[Tensor], Tensor]:
    """The image times one of the parts of a stack with itself, padded with zeros."""

    def gate(x: Tensor) -> Tensor:
        cropped = F.pad(x[:, :, 1:3], (0, 0, 1, x.shape[2] - 3))
        if cut == "unbind":
            return x * torch.stack([x, cropped], 3).unbind(3)[1]
        joined = torch.cat([x, cropped, x], 1)
        if cut == "split":
            return x * joined.split(x.shape[1], 1)[1]
        if cut == "chunk":
            return x * joined.chunk(3, 1)[1]
        assert cut == "sizes"
        return x * joined.split([x.shape[1]] * 3, 1)[1]

    return gate


CASES = (
    *(
        module(f"pixelcnn-{way}", lambda way=way: _pixelcnn(way), (1, 1, 5, 6))
        for way in ("product", "where", "filled", "assembled", "data")
    ),
    *(
        module(
            f"rows-{way}", lambda way=way: Masked(way, False, (1, 2), 3, 3, padding=1), (1, 1, 5, 6)
        )
        for way in ("written", "padded")
    ),
    module(
        "kernel-triangle", lambda: Masked("triangle", True, (2, 2), 3, 3, padding=1), (1, 2, 5, 6)
    ),
    module(
        "masked-1d", lambda: Masked("product", False, (2, 2), 5, padding=4, dilation=2), (1, 2, 11)
    ),
    module(
        "masked-3d", lambda: Masked("product", False, (1, 1), 2, 3, 3, padding=1), (1, 1, 3, 4, 4)
    ),
    module("colour-groups", FirstColour, (1, 3, 4, 5)),
    module("gated-pixelcnn", GatedPixelCnn, (1, 1, 5, 6), note="no blind spot"),
    module("made", Made, (2, 5), output_axes=(1,)),
    module("made-einsum", lambda: Made(product="einsum"), (2, 5), output_axes=(1,)),
    module("parametrized-band", _parametrized, (1, 2, 6)),
    module("constant-graph", Graph, (1, 2, 6)),
    module("sobel", Sobel, (1, 1, 5, 6)),
    module("masked-strided-dilated-grouped", lambda: Options(transposed=False), (1, 4, 7, 7)),
    module("masked-transposed", lambda: Options(transposed=True), (1, 4, 4, 4)),
    function(
        "no-tap-left",
        lambda x: x.flip(2)[:, :1] + F.conv1d(x, torch.zeros_like(x[:, :, :1])),
        (1, 2, 5),
    ),
    function("retention", _retention, (1, 2, 6)),
    function("rwkv", _rwkv, (1, 2, 6)),
    function("alibi", _alibi, (1, 2, 6)),
    function("dilated-attention", _dilated_attention, (1, 2, 8)),
    function("block-sparse-attention", _block_sparse, (1, 2, 6)),
    module("padded-keys-with-weights", PaddedKeys, (1, 6, 4), axes=(1,), output_axes=(1,)),
    *(
        function(f"gated-by-{cut}", _gated_by_part(cut), (1, 2, 5, 4))
        for cut in ("unbind", "split", "chunk", "sizes")
    ),
    function("normalised-rows", _normalised_rows, (1, 2, 6), note="zero by anything is zero"),
    function("floored-rows", _floored_rows, (1, 2, 5)),
    function("scan-by-sums", _scan_by_sums, (1, 2, 6)),
    function("scan-by-loop", _scan_by_loop, (1, 2, 6)),
)
