"""Losses, element by element and as one number."""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: N812 - its usual name
from torch import Tensor

from ._row import row


def _targets(x: Tensor, *shape: int) -> Tensor:
    return torch.zeros(shape, dtype=torch.long, device=x.device)


def _ctc(x: Tensor, **options: object) -> Tensor:
    return F.ctc_loss(
        x.log_softmax(2),
        torch.tensor([[1, 2], [2, 2]], device=x.device),
        (5, 4),
        (2, 1),
        **options,
    )


ROWS = (
    row("bce-logits-none", lambda x: F.binary_cross_entropy_with_logits(
        x, x.flip(2), reduction="none"), 1, 1, 4),
    row("bce-logits-weights", lambda x: F.binary_cross_entropy_with_logits(
        x, torch.ones_like(x), pos_weight=x[0, 0], reduction="none"), 1, 1, 4),
    row("bce-logits-mean", lambda x: F.binary_cross_entropy_with_logits(
        x, x.flip(2)).reshape(1, 1), 1, 1, 4),
    row("huber-none", lambda x: F.huber_loss(x, x.roll(1, 2), reduction="none"), 1, 1, 4),
    row("smooth-l1-sum", lambda x: F.smooth_l1_loss(
        x, x.roll(1, 2), reduction="sum").reshape(1, 1), 1, 1, 4),
    row("soft-margin-none", lambda x: F.soft_margin_loss(
        x, torch.ones_like(x), reduction="none"), 1, 1, 4),
    row("nll-none", lambda x: F.nll_loss(x, _targets(x, 4), reduction="none"), 4, 3, axes=(0,),
        bound="the target chooses the class"),
    row("nll-mean", lambda x: F.nll_loss(x, _targets(x, 4)).reshape(1, 1), 4, 3, axes=(0,)),
    row("nll2d-none", lambda x: F.nll_loss(x, _targets(x, 1, 2, 3), reduction="none"), 1, 2, 2, 3,
        bound="the target chooses the class"),
    row("multi-margin-none", lambda x: F.multi_margin_loss(
        x, _targets(x, 4), reduction="none"), 4, 3, axes=(0,)),
    row("multilabel-margin-none", lambda x: F.multilabel_margin_loss(
        x, _targets(x, 4, 3), reduction="none"), 4, 3, axes=(0,)),
    row("multilabel-margin-mean", lambda x: F.multilabel_margin_loss(
        x, _targets(x, 4, 3)).reshape(1, 1), 4, 3, axes=(0,)),
    row("ctc-none", lambda x: _ctc(x, reduction="none"), 5, 2, 3, axes=(0, 1), real=True,
        bound="how long each sequence is is not followed"),
    row("ctc-mean", lambda x: _ctc(x).reshape(1, 1), 5, 2, 3, axes=(0,), real=True,
        bound="how long each sequence is is not followed"),
    row("kl-div-none", lambda x: F.kl_div(x, x.flip(2), reduction="none"), 1, 1, 4),
    row("triplet-none", lambda x: F.triplet_margin_loss(
        x, x * 2, x.roll(1, 0) * 3, margin=20.0, reduction="none"), 4, 3, axes=(0,)),
)  # fmt: skip
