"""Constant masks of -inf where layers, views and other masks meet them."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F  # noqa: N812 (its usual name)
from torch import Tensor

from ._case import function

_NEVER = float("-inf")


def _causal(queries: int, keys: int | None = None, ahead: int = 0) -> Tensor:
    return torch.ones(queries, keys or queries, dtype=torch.bool).tril(ahead)


def _after_stride(x: Tensor) -> Tensor:
    y = F.conv1d(x, x.new_full((4, x.shape[1], 3), 0.1), stride=2, padding=1).transpose(1, 2)
    return F.scaled_dot_product_attention(y, y, y, is_causal=True).transpose(1, 2)


def _before_stride(x: Tensor) -> Tensor:
    y = x.transpose(1, 2)
    y = F.scaled_dot_product_attention(y, y, y, is_causal=True).transpose(1, 2)
    return F.conv1d(y, x.new_ones(2, x.shape[1], 3), stride=2, padding=1)


def _to_every_other(x: Tensor) -> Tensor:
    y = x.transpose(1, 2)
    keys = y[:, ::2]
    scores = (y @ keys.transpose(1, 2)).masked_fill(~_causal(y.shape[1], keys.shape[1], 1), _NEVER)
    return (scores.softmax(-1) @ keys).transpose(1, 2)


def _by_columns(x: Tensor) -> Tensor:
    y = x.transpose(1, 2)
    scores = (y @ y.transpose(1, 2)).masked_fill(~_causal(y.shape[1]), _NEVER)
    return (scores.transpose(1, 2).softmax(1).transpose(1, 2) @ y).transpose(1, 2)


def _weights_on_the_right(x: Tensor) -> Tensor:
    y = x.transpose(1, 2)
    blocked = x.new_full((y.shape[1], y.shape[1]), _NEVER).triu(1)
    return x @ (y @ y.transpose(1, 2) + blocked).softmax(-1).transpose(1, 2)


def _einsum_band(x: Tensor) -> Tensor:
    y = x.transpose(1, 2)
    outside = ~_causal(y.shape[1]) | _causal(y.shape[1], ahead=-3)
    scores = torch.einsum("bid,bjd->bij", y, y).masked_fill(outside, _NEVER)
    return torch.einsum("bij,bjd->bid", scores.softmax(-1), y).transpose(1, 2)


def _ignored(x: Tensor) -> Tensor:
    y = x.transpose(1, 2)
    blocked = x.new_full((1, y.shape[1], y.shape[1]), _NEVER).triu(1)
    return (torch.baddbmm(blocked, y, x, beta=0).softmax(-1) @ y).transpose(1, 2)


def _with_class_token(x: Tensor) -> Tensor:
    y = torch.cat([x.mean(2, keepdim=True), x], 2).transpose(1, 2)
    return F.scaled_dot_product_attention(y, y, y, is_causal=True).transpose(1, 2)


def _two_layers(x: Tensor) -> Tensor:
    y = x.transpose(1, 2)
    band = _causal(y.shape[1]) & ~_causal(y.shape[1], ahead=-2)
    for _ in range(2):
        y = F.scaled_dot_product_attention(y, y, y, attn_mask=band)
    return y.transpose(1, 2)


def _raster(x: Tensor) -> Tensor:
    tokens = x.flatten(2).transpose(1, 2)
    seen = F.scaled_dot_product_attention(tokens, tokens, tokens, is_causal=True)
    return seen.transpose(1, 2).reshape(x.shape)


def _rows(x: Tensor) -> Tensor:
    y = x.permute(0, 2, 3, 1)
    return F.scaled_dot_product_attention(y, y, y, is_causal=True).permute(0, 3, 1, 2)


def _in_halves(x: Tensor) -> Tensor:
    y = x.transpose(1, 2).reshape(x.shape[0] * 2, x.shape[2] // 2, -1)
    y = F.scaled_dot_product_attention(y, y, y, is_causal=True)
    return y.reshape(x.shape[0], x.shape[2], -1).transpose(1, 2)


def _windows_and_heads(x: Tensor) -> Tensor:
    y = x.transpose(1, 2).reshape(x.shape[0] * 2, 1, x.shape[2] // 2, -1).expand(-1, 2, -1, -1)
    masks = torch.stack([_causal(y.shape[2]), _causal(y.shape[2]).T])
    for _ in range(2):
        y = F.scaled_dot_product_attention(y, y, y, attn_mask=masks)
    return y.unflatten(0, (-1, 2)).transpose(2, 3).flatten(1, 2).flatten(2).transpose(1, 2)


def _keys_left_out(x: Tensor) -> Tensor:
    y = x.transpose(1, 2).reshape(x.shape[0] * 2, x.shape[2] // 2, -1)
    kept = torch.arange(y.shape[1]) != 1
    y = F.scaled_dot_product_attention(y, y, y, attn_mask=kept[None].expand(y.shape[1], -1))
    return y.reshape(x.shape[0], x.shape[2], -1).transpose(1, 2)


def _per_head(x: Tensor) -> Tensor:
    y = x.transpose(1, 2)[:, None].expand(-1, 2, -1, -1)
    masks = torch.stack([_causal(y.shape[2]), _causal(y.shape[2]).T])
    seen = F.scaled_dot_product_attention(y, y, y, attn_mask=masks[None])
    return seen[:, 0].transpose(1, 2)


def _heads_apart(x: Tensor) -> Tensor:
    y = x.transpose(1, 2)[:, None].expand(-1, 3, -1, -1)
    length = y.shape[2]
    near = _causal(length, ahead=1) & ~_causal(length, ahead=-2)
    masks = torch.stack([_causal(length), near, _causal(length).T])
    seen = F.scaled_dot_product_attention(y, y, y, attn_mask=masks)
    return seen.transpose(2, 3).flatten(1, 2)


def _samples_and_heads(x: Tensor) -> Tensor:
    y = x.transpose(1, 2).unflatten(1, (2, -1)).transpose(0, 1)[:, :, None]
    y = y.expand(-1, -1, 2, -1, -1)
    length = y.shape[3]
    masks = torch.stack([_causal(length, ahead=k) for k in (0, 1, -1, -2)])
    masks = masks.view(2, 1, 2, length, length) | torch.eye(length, dtype=torch.bool)
    seen = F.scaled_dot_product_attention(y, y, y, attn_mask=masks)
    return seen.sum(2).transpose(0, 1).flatten(1, 2).transpose(1, 2)


def _dilated_heads(x: Tensor) -> Tensor:
    length = x.shape[2]
    away = (torch.arange(length)[:, None] - torch.arange(length)).abs()
    masks = torch.stack([(away % step == 0) & (away <= 2 * step) for step in (1, 2)])
    y = x.transpose(1, 2)[:, None]
    scores = (y @ y.transpose(2, 3)).masked_fill(~masks, _NEVER)
    return (scores.softmax(-1) @ y).transpose(2, 3).flatten(1, 2)


def _halo(x: Tensor) -> Tensor:
    windows = F.pad(x, (1, 1)).unfold(2, 4, 2).permute(0, 2, 3, 1)
    queries = x.unflatten(2, (-1, 2)).permute(0, 2, 3, 1)
    scores = queries @ windows.transpose(2, 3)
    return scores.softmax(-1).matmul(windows).flatten(1, 2).transpose(1, 2)


def _halo_scores(x: Tensor) -> Tensor:
    windows = F.pad(x, (1, 1)).unfold(2, 4, 2).permute(0, 2, 3, 1)
    queries = x.unflatten(2, (-1, 2)).permute(0, 2, 3, 1)
    return (queries @ windows.transpose(2, 3)).flatten(1, 2)


def _batch_of_matrices(x: Tensor) -> Tensor:
    keep = torch.stack([_causal(x.shape[2], ahead=k) for k in (0, 1, -1)]).to(x.dtype)
    return (x[:, None] @ keep.transpose(1, 2)).flatten(1, 2)


def _zero_factor(x: Tensor) -> Tensor:
    blocked = x.new_zeros(x.shape[2])
    blocked[2] = _NEVER
    return (x + blocked).softmax(2) * x


def _scores(x: Tensor) -> tuple[Tensor, Tensor]:
    """Tokens, and scores between them that are -inf ahead."""
    y = x.transpose(1, 2)
    return y, (y @ y.transpose(1, 2)).masked_fill(~_causal(y.shape[1]), _NEVER)


def _after(change: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
    """Causal attention whose scores are changed after they are masked; keys beyond are sinks."""

    def attend(x: Tensor) -> Tensor:
        y, scores = _scores(x)
        weights = change(scores).softmax(-1)[..., : y.shape[1]]
        return (weights @ y).transpose(1, 2)

    return attend


def _with_sink(scores: Tensor) -> Tensor:
    """Scores beside one that every query has (gpt-oss)."""
    return torch.cat([scores, scores.new_full((*scores.shape[:-1], 1), 0.3)], -1)


def _less_maximum(scores: Tensor) -> Tensor:
    return scores - scores.max(dim=-1, keepdim=True).values


def _steep(scores: Tensor) -> Tensor:
    """Positive numbers, one per key."""
    return torch.arange(1.0, scores.shape[-1] + 1).to(scores)


def _added(x: Tensor) -> Tensor:
    """Scores between tokens and an additive mask that is -inf ahead."""
    y = x.transpose(1, 2)
    return y @ y.transpose(1, 2) + x.new_full((y.shape[1], y.shape[1]), _NEVER).triu(1)


def _less_added_maximum(x: Tensor) -> Tensor:
    scores = _added(x)
    weights = (scores - scores.amax(-1, keepdim=True)).softmax(-1)
    return x @ weights.transpose(1, 2)


def _less_infinity(x: Tensor) -> Tensor:
    y = x.transpose(1, 2)
    ahead = x.new_full((y.shape[1], y.shape[1]), -_NEVER).triu(1)
    return x @ (y @ y.transpose(1, 2) - ahead).softmax(-1).transpose(1, 2)


def _from_infinity(x: Tensor) -> Tensor:
    y = x.transpose(1, 2)
    ahead = x.new_full((y.shape[1], y.shape[1]), _NEVER).triu(1)
    return x @ (ahead - y @ y.transpose(1, 2)).softmax(-1).transpose(1, 2)


def _pooled(pool: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
    """Windows over a signal that is -inf at two places."""

    def windows(x: Tensor) -> Tensor:
        blocked = x.new_zeros(x.shape[2])
        blocked[[1, 4]] = _NEVER
        return pool(x + blocked)

    return windows


def _folded(*, heads_first: bool) -> Callable[[Tensor], Tensor]:
    """Heads and samples on one axis, under a mask of each sample."""

    def attend(x: Tensor) -> Tensor:
        samples, heads, length = len(x), 2, x.shape[2]
        y = x.transpose(1, 2)[:, None].expand(-1, heads, -1, -1)
        y = (y.transpose(0, 1) if heads_first else y).flatten(0, 1)
        kept = torch.arange(length) < torch.tensor([[length - 2], [length]])
        kept = kept.repeat(heads, 1) if heads_first else kept.repeat_interleave(heads, 0)
        seen = (y @ y.mT).masked_fill(~kept[:, None], _NEVER).softmax(-1) @ y
        apart = (heads, samples) if heads_first else (samples, heads)
        return seen.unflatten(0, apart).mean(0 if heads_first else 1).transpose(1, 2)

    return attend


CASES = (
    function("mask-after-stride", _after_stride, (1, 2, 8)),
    function("mask-before-stride", _before_stride, (1, 2, 8)),
    function("mask-cross", _to_every_other, (1, 2, 8)),
    function("mask-by-columns", _by_columns, (1, 2, 7)),
    function("mask-weights-on-the-right", _weights_on_the_right, (1, 2, 7)),
    function("mask-einsum-band", _einsum_band, (1, 2, 8)),
    function("mask-ignored", _ignored, (1, 2, 4), note="with beta=0 the mask is not read"),
    function("mask-class-token", _with_class_token, (1, 2, 6)),
    function("mask-two-layers", _two_layers, (1, 2, 8)),
    function("mask-raster", _raster, (1, 2, 3, 4)),
    function("mask-rows", _rows, (1, 2, 4, 5)),
    function("mask-in-halves", _in_halves, (1, 2, 8)),
    function("mask-windows-and-heads", _windows_and_heads, (1, 2, 8)),
    function("mask-keys-left-out", _keys_left_out, (1, 2, 8)),
    function("mask-per-head", _per_head, (1, 2, 6)),
    function("mask-heads-apart", _heads_apart, (1, 2, 6), note="channels of heads stay apart"),
    function("mask-samples-and-heads", _samples_and_heads, (1, 2, 8)),
    function("mask-dilated-heads", _dilated_heads, (1, 2, 9)),
    function("mask-halo", _halo, (1, 2, 8), note="padded keys differ from window to window"),
    function("mask-halo-scores", _halo_scores, (1, 2, 8), output_axes=(1, 2)),
    function("mask-batch-of-matrices", _batch_of_matrices, (1, 2, 6)),
    function("mask-zero-factor", _zero_factor, (1, 2, 6)),
    function("mask-halved", _after(lambda w: w / 2), (1, 2, 6)),
    function("mask-scaled-by-numbers", _after(lambda w: _steep(w) * w), (1, 2, 6)),
    function("mask-sink", _after(_with_sink), (1, 2, 6)),
    function("mask-sink-less-maximum", _after(lambda w: _less_maximum(_with_sink(w))), (1, 2, 6)),
    function("mask-less-maximum", _after(_less_maximum), (1, 2, 6)),
    function("mask-less-distance", _after(lambda w: w - _steep(w) - 2), (1, 2, 6)),
    function("mask-capped", _after(lambda w: w.clamp(max=50)), (1, 2, 6)),
    function("mask-less-added-maximum", _less_added_maximum, (1, 2, 6)),
    function("mask-less-infinity", _less_infinity, (1, 2, 6)),
    function("mask-from-infinity", _from_infinity, (1, 2, 6)),
    function("mask-logsumexp", lambda x: _added(x).logsumexp(2)[:, None], (1, 2, 6)),
    function("mask-amax", lambda x: _added(x).amax(2)[:, None], (1, 2, 6)),
    function("mask-amax-of-columns", lambda x: _added(x).amax(1, keepdim=True), (1, 2, 6)),
    function("mask-amax-of-all", _pooled(lambda x: x.amax((1, 2), keepdim=True)), (1, 2, 6)),
    function("mask-max-pool", _pooled(lambda x: F.max_pool1d(x, 3, 1, 1)), (1, 2, 6)),
    function("mask-adaptive-max-pool", _pooled(lambda x: F.adaptive_max_pool1d(x, 3)), (1, 2, 6)),
    function("mask-samples-in-heads", _folded(heads_first=True), (2, 2, 6), batched=False),
    function("mask-heads-in-samples", _folded(heads_first=False), (2, 2, 6), batched=False),
)
