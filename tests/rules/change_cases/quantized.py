"""Rounding as if quantised."""

from __future__ import annotations

import torch
from torch import Tensor

from ._row import row


def _scales(x: Tensor) -> Tensor:
    return torch.full((2,), 0.01, device=x.device)


def _zeros(x: Tensor) -> Tensor:
    return torch.zeros(2, dtype=torch.int32, device=x.device)


ROWS = (
    row("fake_quantize", lambda x: torch.fake_quantize_per_tensor_affine(
        x.float(), 0.01, 0, 0, 255), 1, 2, 4, real=True),
    row("fake_quantize-parameters", lambda x: torch.fake_quantize_per_tensor_affine(
        x.float(), x.float()[0, 0, :1] * 0.01, _zeros(x)[:1], 0, 255), 1, 2, 4, real=True),
    row("fake_quantize-channels", lambda x: torch.fake_quantize_per_channel_affine(
        x.float(), _scales(x), _zeros(x), 1, 0, 255), 1, 2, 4, real=True),
    row("fake_quantize-positions", lambda x: torch.fake_quantize_per_channel_affine(
        x.float(), x.float()[0].T[:, 0] * 0.01, torch.zeros(4, dtype=torch.int32, device=x.device),
        2, 0, 255), 1, 2, 4, real=True),
    row("fake_quantize-learned", lambda x: torch._fake_quantize_learnable_per_tensor_affine(
        x.float(), _scales(x)[:1], _scales(x)[:1], 0, 255, 1.0), 1, 2, 4, real=True),
    row("fake_quantize-learned-channels",
        lambda x: torch._fake_quantize_learnable_per_channel_affine(
            x.float(), _scales(x), _scales(x), 1, 0, 255, 1.0), 1, 2, 4, real=True),
)  # fmt: skip
