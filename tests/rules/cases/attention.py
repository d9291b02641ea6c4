"""Attention: full, masked, causal, windowed, linear, axial."""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: N812 (its usual name)
from torch import Tensor, nn

from ._case import function, module

_TOKENS = {"axes": (1,), "output_axes": (1,)}
_HEADS = {"axes": (2,), "output_axes": (2,)}


class SelfAttention(nn.Module):
    """timm's attention, by hand or fused."""

    def __init__(self, channels: int = 4, heads: int = 2, *, fused: bool = False) -> None:
        super().__init__()
        self.heads = heads
        self.fused = fused
        self.qkv = nn.Linear(channels, 3 * channels)
        self.projection = nn.Linear(channels, channels)

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        batch, tokens, channels = x.shape
        qkv = self.qkv(x).reshape(batch, tokens, 3, self.heads, channels // self.heads)
        q, k, v = qkv.permute(2, 0, 3, 1, 4).unbind(0)
        if self.fused:
            y = F.scaled_dot_product_attention(q, k, v, attn_mask=mask)
        else:
            scores = (q * q.shape[-1] ** -0.5) @ k.transpose(-2, -1)
            y = (scores if mask is None else scores + mask).softmax(dim=-1) @ v
        return self.projection(y.transpose(1, 2).reshape(batch, tokens, channels))


class Masked(nn.Module):
    """Self-attention under a constant additive mask made from a condition on (query, key)."""

    def __init__(self, kind: str, value: float = float("-inf"), *, fused: bool = False) -> None:
        super().__init__()
        self.attention = SelfAttention(fused=fused)
        self.kind = kind
        self.value = value

    def forward(self, x: Tensor) -> Tensor:
        query = torch.arange(x.shape[1], device=x.device)[:, None]
        key = torch.arange(x.shape[1], device=x.device)[None, :]
        blocked = {
            "causal": key > query,
            "band": (key - query).abs() > 1,
            "window-back": (key > query) | (key < query - 2),
            "block": key // 3 != query // 3,
        }[self.kind]
        mask = torch.zeros(blocked.shape, dtype=x.dtype, device=x.device)
        return self.attention(x, mask.masked_fill(blocked, self.value))


class WindowAttention(nn.Module):
    """Swin: attention in 2x3 windows of a 4x6 image, optionally shifted with its mask."""

    def __init__(self, shift: int, value: float = -100.0) -> None:
        super().__init__()
        self.attention = SelfAttention()
        self.shift = shift
        self.value = value

    def forward(self, x: Tensor) -> Tensor:
        batch, channels, height, width = x.shape
        if self.shift:
            x = torch.roll(x, (-self.shift, -self.shift), (2, 3))
        parts = x.view(batch, channels, height // 2, 2, width // 3, 3)
        parts = parts.permute(0, 2, 4, 3, 5, 1).reshape(-1, 6, channels)
        parts = self.attention(parts, self._mask(x, batch) if self.shift else None)
        parts = parts.view(batch, height // 2, width // 3, 2, 3, channels)
        x = parts.permute(0, 5, 1, 3, 2, 4).reshape(batch, channels, height, width)
        return torch.roll(x, (self.shift, self.shift), (2, 3)) if self.shift else x

    def _mask(self, x: Tensor, batch: int) -> Tensor:
        height, width = x.shape[2:]
        labels = x.new_zeros((height, width))
        count = 0
        for rows in (slice(0, -2), slice(-2, -self.shift), slice(-self.shift, None)):
            for columns in (slice(0, -3), slice(-3, -self.shift), slice(-self.shift, None)):
                labels[rows, columns] = count
                count += 1
        labels = labels.view(height // 2, 2, width // 3, 3).permute(0, 2, 1, 3).reshape(-1, 6)
        difference = labels.unsqueeze(1) - labels.unsqueeze(2)
        mask = difference.masked_fill(difference != 0, self.value).masked_fill(difference == 0, 0.0)
        return mask.repeat(batch, 1, 1).unsqueeze(1)


class RelativeBias(nn.Module):
    """A learned table, gathered by a constant index, added to the scores."""

    def __init__(self) -> None:
        super().__init__()
        self.attention = SelfAttention()
        self.table = nn.Parameter(torch.zeros(11, 2))
        place = torch.arange(6)
        self.register_buffer("index", place[:, None] - place[None, :] + 5)

    def forward(self, x: Tensor) -> Tensor:
        bias = self.table[self.index.view(-1)].view(6, 6, 2).permute(2, 0, 1)
        return self.attention(x, bias.unsqueeze(0))


class ClassToken(nn.Module):
    """A learned token in front; the output is its row."""

    def __init__(self) -> None:
        super().__init__()
        self.token = nn.Parameter(torch.zeros(1, 1, 4))
        self.attention = SelfAttention()

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        y = torch.cat([self.token.expand(x.shape[0], -1, -1), x], 1)
        y = y + self.attention(y)
        return y[:, 1:], y[:, :1]


class Rotary(nn.Module):
    """Rotary position embedding on queries and keys."""

    def forward(self, x: Tensor) -> Tensor:
        angle = torch.outer(
            torch.arange(x.shape[1], dtype=x.dtype, device=x.device),
            10000.0 ** -torch.arange(0, 1, 0.5, dtype=x.dtype, device=x.device),
        )
        cos, sin = angle.cos().repeat(1, 2), angle.sin().repeat(1, 2)
        a, b = x.chunk(2, dim=-1)
        q = x * cos + torch.cat([-b, a], -1) * sin
        return F.scaled_dot_product_attention(q, q, x)


class FromMultihead(nn.Module):
    """`nn.MultiheadAttention` as self-attention."""

    def __init__(self, *, causal: bool) -> None:
        super().__init__()
        self.attention = nn.MultiheadAttention(4, 2, batch_first=True)
        self.causal = causal

    def forward(self, x: Tensor) -> Tensor:
        mask = None
        if self.causal:
            blocked = torch.ones(x.shape[1], x.shape[1], dtype=torch.bool, device=x.device).triu(1)
            mask = torch.zeros(blocked.shape, dtype=x.dtype, device=x.device)
            mask = mask.masked_fill(blocked, float("-inf"))
        return self.attention(x, x, x, attn_mask=mask, need_weights=False)[0]


def _cross(x: Tensor, y: Tensor) -> Tensor:
    return (x @ y.transpose(1, 2)).softmax(-1) @ y


def _axial(x: Tensor) -> Tensor:
    """Attention along W, every row for itself."""
    rows = x.permute(0, 2, 3, 1)
    return F.scaled_dot_product_attention(rows, rows, rows).permute(0, 3, 1, 2)


def _channel_attention(x: Tensor) -> Tensor:
    """XCiT: the tokens are contracted in the scores, channels attend to channels."""
    q = F.normalize(x, dim=1).transpose(1, 2)
    return ((q @ q.transpose(1, 2)).softmax(-1) @ x.transpose(1, 2)).transpose(1, 2)


def _linear_attention(x: Tensor) -> Tensor:
    k = F.elu(x) + 1
    return k @ (k.transpose(1, 2) @ x)


def _linear_attention_causal(x: Tensor) -> Tensor:
    k = F.elu(x) + 1
    state = (k.unsqueeze(3) * x.unsqueeze(2)).cumsum(1)
    return torch.einsum("ntc,ntcd->ntd", k, state)


def _boolean_mask(x: Tensor) -> Tensor:
    keep = torch.ones(6, 6, dtype=torch.bool, device=x.device).tril().triu(-1)
    return F.scaled_dot_product_attention(x, x, x, attn_mask=keep)


def _fully_masked_row(x: Tensor) -> Tensor:
    keep = torch.eye(5, dtype=torch.bool, device=x.device)
    keep[2] = False
    return F.scaled_dot_product_attention(x, x, x, attn_mask=keep)


def _padded_keys(x: Tensor) -> Tensor:
    """Tokens whose constant coordinates are all -1 are padding: nobody attends to them."""
    coordinates = torch.tensor([[0, 0], [0, 1], [1, 0], [-1, -1], [-1, -1]], device=x.device)
    padding = torch.full((2,), -1, device=x.device)
    valid = ~(coordinates == padding).all(dim=-1)
    return F.scaled_dot_product_attention(x, x, x, attn_mask=valid[None, :].expand(5, 5))


def _diagonal_excluded(x: Tensor) -> Tensor:
    """Every token attends to all others."""
    own = torch.eye(4, 4, dtype=x.dtype, device=x.device)
    scores = (x @ x.transpose(1, 2)).masked_fill(own == 1, float("-inf"))
    return scores.softmax(-1) @ torch.arange(4, dtype=x.dtype, device=x.device)[:, None]


CASES = (
    function("attention-padded-keys", _padded_keys, (1, 2, 5, 4), **_HEADS),
    function(
        "attention-diagonal-excluded",
        _diagonal_excluded,
        (1, 4, 3),
        note="the values are constant, the scores are not",
        **_TOKENS,
    ),
    module("attention-by-hand", SelfAttention, (1, 6, 4), **_TOKENS),
    module("attention-fused", lambda: SelfAttention(fused=True), (1, 6, 4), **_TOKENS),
    module("attention-multihead", lambda: FromMultihead(causal=False), (1, 5, 4), **_TOKENS),
    module("attention-multihead-causal", lambda: FromMultihead(causal=True), (1, 5, 4), **_TOKENS),
    module(
        "attention-encoder-layer",
        lambda: nn.TransformerEncoderLayer(4, 2, 8, batch_first=True),
        (1, 5, 4),
        **_TOKENS,
    ),
    module("attention-causal", lambda: Masked("causal"), (1, 6, 4), **_TOKENS),
    module("attention-causal-fused", lambda: Masked("causal", fused=True), (1, 6, 4), **_TOKENS),
    module(
        "attention-band", lambda: Masked("band"), (1, 6, 4), note="a window of three", **_TOKENS
    ),
    module(
        "attention-window-back",
        lambda: Masked("window-back"),
        (1, 6, 4),
        note="a bounded look back",
        **_TOKENS,
    ),
    module("attention-block", lambda: Masked("block"), (1, 6, 4), **_TOKENS),
    module(
        "attention-soft-mask",
        lambda: Masked("block", -100.0),
        (1, 6, 4),
        note="-100 does not cut",
        **_TOKENS,
    ),
    function(
        "attention-is-causal",
        lambda x: F.scaled_dot_product_attention(x, x, x, is_causal=True),
        (1, 2, 6, 4),
        **_HEADS,
    ),
    function("attention-boolean-mask", _boolean_mask, (1, 2, 6, 4), **_HEADS),
    function(
        "attention-fully-masked-row",
        _fully_masked_row,
        (1, 2, 5, 4),
        note="row 2 reads nothing",
        **_HEADS,
    ),
    function(
        "attention-grouped-query",
        lambda x: F.scaled_dot_product_attention(
            x, x[:, :1].expand(-1, 2, -1, -1), x[:, :1].expand(-1, 2, -1, -1)
        ),
        (1, 2, 5, 4),
        **_HEADS,
    ),
    function(
        "attention-scores",
        lambda x: x @ x.transpose(1, 2),
        (1, 5, 4),
        axes=(1,),
        output_axes=(1, 2),
        note="scores (i, j) read tokens i and j only",
    ),
    function(
        "attention-weights",
        lambda x: (x @ x.transpose(1, 2)).softmax(-1),
        (1, 5, 4),
        axes=(1,),
        output_axes=(1, 2),
    ),
    function(
        "attention-weights-row-dropped",
        lambda x: (x @ x.transpose(1, 2))[:, :, :2].softmax(-1) @ x[:, :2],
        (1, 5, 4),
        note="every query reads itself and tokens 0 and 1",
        **_TOKENS,
    ),
    function(
        "attention-cross", _cross, (1, 4, 3), (1, 5, 3), axes=(1,), output_axes=(1,), sources=(0, 1)
    ),
    function("attention-axial", _axial, (1, 2, 3, 4)),
    function("attention-channels", _channel_attention, (1, 5, 3), **_TOKENS),
    function("attention-linear", _linear_attention, (1, 5, 3), **_TOKENS),
    function("attention-linear-causal", _linear_attention_causal, (1, 5, 3), **_TOKENS),
    module("attention-relative-bias", RelativeBias, (1, 6, 4), **_TOKENS),
    module("attention-class-token", ClassToken, (1, 5, 4), **_TOKENS),
    module("attention-rotary", Rotary, (1, 5, 4), **_TOKENS),
    module("attention-window", lambda: WindowAttention(0), (1, 4, 4, 6)),
    module(
        "attention-window-shifted",
        lambda: WindowAttention(1),
        (1, 4, 4, 6),
        note="-100: the wrapped window is whole",
    ),
    module(
        "attention-window-shifted-cut",
        lambda: WindowAttention(1, float("-inf")),
        (1, 4, 4, 6),
        note="-inf: the wrapped window falls into its pieces",
    ),
)
