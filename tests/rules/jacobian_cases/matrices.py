"""Matrix decompositions, pairs, distances, losses, counting."""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: N812 - its usual name
from torch import Tensor, nn

from tests.rules.cases._case import function

_ROWS = {"axes": (1,), "output_axes": (1,)}


def _invertible(x: Tensor) -> Tensor:
    return x + 9 * torch.eye(x.shape[-1], dtype=x.dtype, device=x.device)


def _symmetric(x: Tensor) -> Tensor:
    return _invertible(x + x.mT)


def _packed(x: Tensor) -> Tensor:
    packed = nn.utils.rnn.pack_padded_sequence(x, torch.tensor([4]), batch_first=True)
    return nn.utils.rnn.pad_packed_sequence(packed, batch_first=True)[0]


def _bags(x: Tensor) -> Tensor:
    table = torch.ones(9, 2, dtype=x.dtype, device=x.device)
    positions = torch.arange(8, device=x.device).reshape(4, 2)
    weights = x.reshape(4, 2)
    return F.embedding_bag(positions, table, per_sample_weights=weights, mode="sum")


def _quantized(x: Tensor) -> Tensor:
    ones = torch.ones(2, device=x.device)
    zeros = torch.zeros(2, dtype=torch.int32, device=x.device)
    return torch.fake_quantize_per_channel_affine(x.float(), ones * 0.1, zeros, 1, 0, 255)


CASES = (
    function("linalg_inv", lambda x: torch.linalg.inv(_invertible(x)), (1, 2, 3, 3)),
    function(
        "linalg_solve-right",
        lambda x: torch.linalg.solve(torch.eye(3, dtype=x.dtype, device=x.device) + 1, x),
        (1, 1, 3, 4),
    ),
    function("linalg_qr", lambda x: torch.linalg.qr(x)[0], (1, 1, 3, 3), answer_may_be_bound=True),
    function(
        "linalg_cholesky",
        lambda x: torch.linalg.cholesky(_symmetric(x)),
        (1, 1, 3, 3),
        answer_may_be_bound=True,
    ),
    function("linalg_matrix_norm", torch.linalg.matrix_norm, (1, 2, 3, 3), output_axes=()),
    function("linalg_cross", lambda x: torch.linalg.cross(x, x.roll(1, 3), dim=2), (1, 1, 3, 4)),
    function("cdist", lambda x: torch.cdist(x, x[:, :2]), (1, 5, 3), **_ROWS),
    function("cdist-second", lambda x: torch.cdist(x[:, :2], x).mT, (1, 5, 3), **_ROWS),
    function(
        "pdist", lambda x: F.pdist(x)[None], (4, 3), axes=(0,), output_axes=(1,), batched=False
    ),
    function(
        "bilinear",
        lambda x: F.bilinear(x, x * 2, torch.ones(3, 4, 4, dtype=x.dtype, device=x.device)),
        (1, 5, 4),
        **_ROWS,
    ),
    function("pack_padded", _packed, (1, 4, 3), **_ROWS),
    function("renorm", lambda x: x.renorm(2, 1, 0.5), (1, 2, 4)),
    function(
        "cross_entropy",
        lambda x: F.cross_entropy(
            x, torch.zeros(1, 3, 4, dtype=torch.long, device=x.device), reduction="none"
        ),
        (1, 2, 3, 4),
        output_axes=(1, 2),
        answer_may_be_bound=True,
    ),
    function("mse-none", lambda x: F.mse_loss(x, x.roll(1, 2), reduction="none"), (1, 1, 4)),
    function(
        "mse-mean",
        lambda x: F.mse_loss(x, x.roll(1, 2)).reshape(1, 1),
        (1, 1, 4),
        output_axes=(),
        batched=False,
    ),
    function(
        "bce-none",
        lambda x: F.binary_cross_entropy(x.sigmoid(), x.roll(1, 2).sigmoid(), reduction="none"),
        (1, 1, 4),
    ),
    function(
        "affine_grid",
        lambda x: F.affine_grid(x, [1, 1, 2, 2], align_corners=False),
        (1, 2, 3),
        axes=(1,),
        output_axes=(3,),
    ),
    function(
        "addbmm",
        lambda x: torch.addbmm(x[0], x, x),
        (2, 3, 3),
        axes=(1,),
        output_axes=(0,),
        batched=False,
    ),
    function(
        "addr",
        lambda x: torch.addr(x, x[0], x[:, 0]),
        (4, 4),
        axes=(0, 1),
        output_axes=(0, 1),
        batched=False,
    ),
)
