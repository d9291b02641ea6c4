"""Gathers and scatters with constant indices; extrema and sorting."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ._case import function, module


class Table(nn.Module):
    """An index held in a buffer."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("index", torch.tensor([3, 0, 0, 2]))

    def forward(self, x: Tensor) -> Tensor:
        return x[:, :, self.index]


def _index(x: Tensor, *values: int) -> Tensor:
    return torch.tensor(values, device=x.device)


def _mask_rows(x: Tensor) -> Tensor:
    keep = torch.tensor([True, False, True, True, False])
    return x[:, :, keep.nonzero().squeeze(1).to(x.device)]


def _gather(x: Tensor) -> Tensor:
    index = torch.arange(4, device=x.device).flip(0).expand(x.shape[0], x.shape[1], 4)
    return x.gather(2, index)


def _index_put(x: Tensor) -> Tensor:
    y = x.clone()
    y[:, :, _index(x, 0, 3)] = x[:, :, 1:3]
    return y


def _index_add(x: Tensor) -> Tensor:
    return torch.zeros_like(x).index_add(2, _index(x, 0, 0, 2, 1, 4), x)


def _scatter_add(x: Tensor) -> Tensor:
    index = _index(x, 1, 1, 0, 3, 3).expand(x.shape)
    return torch.zeros_like(x).scatter_add(2, index, x)


CASES = (
    function("index-list", lambda x: x[:, :, [3, 1, 1, 0]], (1, 1, 5)),
    module("index-buffer", Table, (1, 1, 5)),
    function("index-mask", lambda x: x[:, :, _index(x, 1, 0, 1, 1, 0).bool()], (1, 1, 5)),
    function(
        "index-mask-of-bytes",
        lambda x: x[:, :, _index(x, 1, 0, 1, 1, 0).to(torch.uint8)],
        (1, 1, 5),
        note="bytes are a mask, not positions",
    ),
    function(
        "index-mask-and-list",
        lambda x: x[:, :, _index(x, 1, 0, 1, 1, 0).to(torch.uint8), _index(x, 0, 2, 1)],
        (1, 1, 5, 3),
        output_axes=(2,),
        answer_may_be_bound=True,
    ),
    function(
        "index-pairs-of-one-place",
        lambda x: x[:, :, _index(x, 2), _index(x, 3, 1)],
        (1, 1, 3, 4),
        output_axes=(2,),
        note="pairs stand on one axis, also where one of the indices names one place",
        answer_may_be_bound=True,
    ),
    function(
        "index-one-pair",
        lambda x: x[:, :, _index(x, 2), _index(x, 3)],
        (1, 1, 3, 4),
        output_axes=(2,),
        answer_may_be_bound=True,
    ),
    function(
        "index-two-axes",
        lambda x: x[:, :, _index(x, 0, 2), _index(x, 3, 1)],
        (1, 1, 3, 4),
        output_axes=(2,),
        note="paired: (0, 3) and (2, 1)",
        answer_may_be_bound=True,
    ),
    function(
        "index-outer",
        lambda x: x[:, :, _index(x, 0, 2)[:, None], _index(x, 3, 1, 0)],
        (1, 1, 3, 4),
        note="a grid",
    ),
    function(
        "index-arange",
        lambda x: x[:, :, torch.arange(0, 6, 2, device=x.device)],
        (1, 1, 6),
        note="a strided slice in disguise",
    ),
    function("index-negative", lambda x: x[:, :, [-1, -2]], (1, 1, 5)),
    function("index-boolean", _mask_rows, (1, 1, 5)),
    function("index-channel", lambda x: x[:, [2, 0]], (1, 3, 4)),
    function("index_select", lambda x: x.index_select(3, _index(x, 2, 2, 0)), (1, 1, 2, 4)),
    function("gather-constant", _gather, (1, 2, 4)),
    function(
        "take_along_dim",
        lambda x: torch.take_along_dim(x, _index(x, 1, 0, 3)[None, None], 2),
        (1, 1, 4),
    ),
    function("index_put", _index_put, (1, 1, 5)),
    function("index_add", _index_add, (1, 1, 5)),
    function("scatter_add", _scatter_add, (1, 1, 5)),
    function("index_fill", lambda x: x.index_fill(2, _index(x, 1, 3), 0.0), (1, 1, 5)),
    function(
        "embedding-of-positions",
        lambda x: (
            x
            + torch.nn.functional.embedding(
                torch.arange(5, device=x.device), torch.ones(7, 4, dtype=x.dtype, device=x.device)
            )
        ),
        (1, 1, 5, 4),
    ),
    function(
        "meshgrid-constants",
        lambda x: (
            x
            + sum(
                torch.meshgrid(
                    torch.arange(3, device=x.device),
                    torch.arange(4, device=x.device),
                    indexing="ij",
                )
            )
        ),
        (1, 1, 3, 4),
    ),
)
