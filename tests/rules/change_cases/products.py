"""Products of matrices that have an operator of their own."""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: N812 - its usual name
from torch import Tensor

from ._row import row

_flash = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu


def _weights(x: Tensor, *shape: int) -> Tensor:
    return torch.ones(shape, dtype=x.dtype, device=x.device)


def _offsets(x: Tensor, *values: int) -> Tensor:
    return torch.tensor(values, dtype=torch.int32, device=x.device)


def _heads(x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Queries, keys and values of one head from (1, tokens, channels)."""
    y = x[:, None].float()
    return y * 3, y + 1, y * 2


def _causal_by_hand(x: Tensor) -> Tensor:
    """Causal attention as exported programs hold it: rows without a score are zero."""
    mask = torch.full((x.shape[1],) * 2, -torch.inf, dtype=x.dtype, device=x.device).triu(1)
    scores = 3 * x @ x.mT + mask
    empty = ~(~(scores == -torch.inf)).any(-1, keepdim=True)
    weights = torch.where(empty, torch.zeros_like(scores), scores.softmax(-1))
    return weights @ x


def _padded(x: Tensor, mask: Tensor) -> Tensor:
    """Attention under a mask that leaves nothing of some rows."""
    return (x @ x.mT + mask.to(x.device)).softmax(-1) @ x


_LOWEST = torch.finfo(torch.float64).min
_LEFT = torch.tensor([_LOWEST, _LOWEST, 0, 0, 0], dtype=torch.float64)
_LATER = torch.ones(5, 5, dtype=torch.bool).triu(1)
_CUT_BY_LOWEST = torch.zeros(5, 5, dtype=torch.float64).masked_fill(_LATER, _LOWEST)
_CUT_BY_INFINITY = torch.zeros(5, 5, dtype=torch.float64).masked_fill(_LATER, -torch.inf)


ROWS = (
    row("safe-softmax-by-hand", _causal_by_hand, 1, 5, 4, axes=(1,)),
    # A row of which the lowest number leaves nothing is not empty: its weights are equal.
    row("lowest-padding", lambda x: _padded(x, _LEFT + _LEFT.flip(0)[:, None] / 2), 1, 5, 4,
        axes=(1,)),
    row("lowest-padding-causal", lambda x: _padded(x, _LEFT + _CUT_BY_INFINITY), 1, 5, 4,
        axes=(1,)),
    row("lowest-padding-lowest", lambda x: _padded(x, _LEFT + _CUT_BY_LOWEST), 1, 5, 4, axes=(1,)),
    row("lowest-filled", lambda x: (x @ x.mT).masked_fill(
        _LATER.to(x.device), _LOWEST).softmax(-1) @ x, 1, 5, 4, axes=(1,)),
    row("lowest-filled-rows", lambda x: (x @ x.mT).masked_fill(
        (_LATER | (torch.arange(5) == 3)[:, None]).to(x.device), _LOWEST).softmax(-1) @ x, 1, 5, 4,
        axes=(1,)),
    row("lowest-fused", lambda x: F.scaled_dot_product_attention(*(x[:, None],) * 3, attn_mask=(
        _LEFT.expand(5, 5).T + _LEFT).clamp(_LOWEST).to(x.device))[:, 0], 1, 5, 4, axes=(1,)),
    row("lowest-halved", lambda x: torch.add(
        x @ x.mT, _CUT_BY_LOWEST.to(x.device), alpha=0.5).softmax(-1) @ x, 1, 5, 4, axes=(1,)),
    row("lowest-scaled-down", lambda x: torch.add(
        x @ x.mT, _CUT_BY_LOWEST.to(x.device), alpha=-1e-308).softmax(-1) @ x, 1, 5, 4, axes=(1,)),
    row("_int_mm", lambda x: torch._int_mm(x.to(torch.int8), x.to(torch.int8).T), 32, 24, below=9,
        axes=(0,), trials=3),
    row("addmv", lambda x: torch.addmv(x[:, 0], x, x[0]), 4, 4, axes=(0,)),
    row("dot", lambda x: torch.dot(x[0], x[1]).reshape(1, 1), 2, 4, axes=(0, 1)),
    row("vdot", lambda x: torch.vdot(x[0], x[1]).reshape(1, 1), 2, 4, axes=(0, 1)),
    row("_addmm_activation", lambda x: torch._addmm_activation(
        x[0], x, _weights(x, 3, 3)), 4, 3, axes=(0, 1)),
    row("_grouped_mm-rows", lambda x: torch._grouped_mm(
        x.bfloat16(), torch.ones(2, 16, 8, dtype=torch.bfloat16, device=x.device),
        offs=_offsets(x, 3, 5)), 5, 16, axes=(0,)),
    row("_grouped_mm-batch", lambda x: torch._grouped_mm(
        x.bfloat16(), x.bfloat16().mT.contiguous().mT.mT), 2, 8, 8, axes=(0, 1)),
    row("_scaled_mm", lambda x: torch._scaled_mm(
        x.to(torch.float8_e4m3fn), torch.ones(16, 16, device=x.device).to(torch.float8_e4m3fn).t(),
        x.float()[:, :1].contiguous(), torch.ones(1, 16, device=x.device),
        out_dtype=torch.bfloat16), 4, 16, axes=(0,), real=True),
    row("_weight_int8pack_mm", lambda x: torch._weight_int8pack_mm(
        x.bfloat16(), torch.ones(16, 32, dtype=torch.int8, device=x.device),
        torch.ones(16, dtype=torch.bfloat16, device=x.device)), 4, 32, axes=(0,)),
    row("flash-attention", lambda x: _flash(
        *_heads(x))[0][:, 0], 1, 5, 4, axes=(1,)),
    row("flash-attention-causal",
        lambda x: _flash(
            *_heads(x), 0.0, True)[0][:, 0], 1, 5, 4, axes=(1,)),
    row("flash-attention-sums", lambda x: _flash(
        *_heads(x), 0.0, True)[1][0].squeeze(), 1, 5, 4, axes=(1,)),
    row("flash-attention-mask", lambda x: _flash(
        *_heads(x), attn_mask=torch.zeros(5, 5, device=x.device).fill_diagonal_(-torch.inf),
        )[0][:, 0], 1, 5, 4, axes=(1,), bound="masks of a fused attention are not followed"),
    row("conv_tbc", lambda x: torch.conv_tbc(x, _weights(x, 3, 2, 2), _weights(x, 2), 1), 6, 1, 2,
        axes=(0,)),
    row("lanczos", lambda x: torch.ops.aten._upsample_lanczos2d_aa(x, [3, 11], False), 1, 1, 8, 5),
    row("lanczos-aligned", lambda x: torch.ops.aten._upsample_lanczos2d_aa(x, [3, 9], True),
        1, 1, 7, 5),
    row("grid_sampler_3d", lambda x: F.grid_sample(
        x, torch.full((1, 2, 1, 1, 3), 0.13, dtype=x.dtype, device=x.device),
        align_corners=False), 1, 1, 3, 4, 3),
    row("linspace", lambda x: torch.linspace(x[0, 0, 0], x[0, 0, 2], 5).reshape(1, 1, 5), 1, 1, 3),
    row("logspace", lambda x: torch.logspace(0.0, x[0, 0, 2], 5).reshape(1, 1, 5), 1, 1, 3),
    row("einsum-diagonal", lambda x: torch.einsum("bii->bi", x), 1, 4, 4, axes=(1, 2)),
    row("bag-of-pairs", lambda x: torch.combinations(x[0, 0]).T[None], 1, 1, 4),
    row("cartesian", lambda x: torch.cartesian_prod(x[0, 0], x[0, 0]).T[None], 1, 1, 3),
    row("cdist-large", lambda x: torch.cdist(x, x.flip(1), compute_mode="use_mm_for_euclid_dist"),
        1, 30, 2, axes=(1,), trials=2),
)  # fmt: skip
