"""Products of matrices over channels and over axes."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ._case import function, module


class TokenMixing(nn.Module):
    """MLP-Mixer: a linear map over the token axis."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(6, 6)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.linear(x.transpose(1, 2)).transpose(1, 2)


class AxisLinear(nn.Module):
    """A linear map over the last axis, to another length."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.linear = nn.Linear(inputs, outputs, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return self.linear(x)


def _constant(x: Tensor, *shape: int) -> Tensor:
    return torch.ones(shape, dtype=x.dtype, device=x.device)


CASES = (
    module("linear-channels", lambda: nn.Linear(3, 2), (1, 5, 3), axes=(1,), output_axes=(1,)),
    module(
        "linear-two-axes", lambda: nn.Linear(3, 2), (1, 4, 5, 3), axes=(1, 2), output_axes=(1, 2)
    ),
    module("linear-axis", lambda: AxisLinear(5, 4), (1, 2, 3, 5), note="global along W"),
    module("linear-matrix-input", lambda: nn.Linear(5, 4), (1, 5), axes=(1,), output_axes=(1,)),
    module("token-mixing", TokenMixing, (1, 6, 3), axes=(1,), output_axes=(1,)),
    module(
        "bilinear-module",
        lambda: nn.Linear(2, 2, bias=False),
        (1, 4, 2),
        axes=(1,),
        output_axes=(1,),
    ),
    function(
        "matmul-left-constant",
        lambda x: _constant(x, 6, 4) @ x,
        (1, 2, 4, 3),
        note="global along H, W kept",
    ),
    function(
        "matmul-right-constant",
        lambda x: x @ _constant(x, 3, 5),
        (1, 2, 4, 3),
        note="global along W, H kept",
    ),
    function(
        "matmul-gram",
        lambda x: x.flatten(2) @ x.flatten(2).transpose(1, 2),
        (1, 3, 2, 4),
        output_axes=(),
        note="space is contracted",
    ),
    function(
        "matmul-positions",
        lambda x: x.transpose(1, 2) @ x,
        (1, 2, 5),
        output_axes=(1, 2),
        note="(i, j) reads positions i and j only",
    ),
    function(
        "matmul-two-inputs",
        lambda x, y: x @ y,
        (1, 3, 4),
        (1, 4, 2),
        axes=(1, 2),
        output_axes=(1, 2),
        sources=(0, 1),
    ),
    function(
        "bmm", lambda x: torch.bmm(x, x.transpose(1, 2)), (1, 4, 3), axes=(1,), output_axes=(1, 2)
    ),
    function(
        "bmm-batched-heads",
        lambda x: (
            (x.unflatten(1, (2, 2)).flatten(0, 1) @ _constant(x, 2, 5, 3))
            .unflatten(0, (1, 2))
            .flatten(1, 2)
        ),
        (1, 4, 5),
        batched=False,
    ),
    function(
        "mm",
        lambda x: torch.mm(x[0].T, _constant(x, 2, 3)),
        (1, 2, 5),
        output_axes=(0,),
        batched=False,
    ),
    function(
        "addmm",
        lambda x: torch.addmm(_constant(x, 3), x[0].T, _constant(x, 2, 3)),
        (1, 2, 5),
        output_axes=(0,),
        batched=False,
    ),
    function(
        "addmm-bias-from-input",
        lambda x: torch.addmm(x[0], x[0].flip(1), _constant(x, 5, 5)),
        (1, 2, 5),
        output_axes=(0, 1),
        batched=False,
    ),
    function(
        "baddbmm",
        lambda x: torch.baddbmm(x.transpose(1, 2) @ x, x.transpose(1, 2), x, beta=0.5),
        (1, 2, 4),
        output_axes=(1, 2),
    ),
    function(
        "baddbmm-no-bias",
        lambda x: torch.baddbmm(x.sum(1, keepdim=True), x.transpose(1, 2), x * 2, beta=0),
        (1, 2, 4),
        output_axes=(1, 2),
        note="with beta=0 what would be added is not read",
    ),
    function("matmul-vector", lambda x: x @ _constant(x, 4), (1, 2, 3, 4), output_axes=(2,)),
    function(
        "einsum-channels",
        lambda x: torch.einsum("nchw,kc->nkhw", x, _constant(x, 3, 2)),
        (1, 2, 3, 4),
    ),
    function(
        "einsum-axis", lambda x: torch.einsum("nchw,hk->nckw", x, _constant(x, 3, 5)), (1, 2, 3, 4)
    ),
    function(
        "einsum-depthwise",
        lambda x: torch.einsum("nchw,nchw->nhw", x, x.flip(3)),
        (1, 2, 3, 4),
        output_axes=(1, 2),
    ),
    function(
        "einsum-outer", lambda x: torch.einsum("nci,ncj->nij", x, x), (1, 2, 4), output_axes=(1, 2)
    ),
    function(
        "toeplitz-by-hand",
        lambda x: x @ torch.tril(_constant(x, 5, 5)),
        (1, 1, 5),
        note="a constant matrix with zeros: dense is sound",
        answer_may_be_bound=True,
    ),
    function(
        "permutation-by-matmul",
        lambda x: x @ torch.eye(5, dtype=x.dtype, device=x.device),
        (1, 1, 5),
        note="a constant matrix with zeros: dense is sound",
        answer_may_be_bound=True,
    ),
)
