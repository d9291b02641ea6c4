"""Writes to listed positions, constant and computed; diagonals and triangles."""

from __future__ import annotations

import torch
from torch import Tensor

from tests.rules.cases._case import function


def _vector(x: Tensor, *values: int) -> Tensor:
    return torch.tensor(values, device=x.device)


def _places(x: Tensor, *values: int) -> Tensor:
    return _vector(x, *values).expand(x.shape[0], x.shape[1], len(values))


def _set(x: Tensor) -> Tensor:
    y = x * 2
    y[:, :, _vector(x, 0, 3, 0)] = x[:, :, 1:4]
    return y


def _accumulated(x: Tensor) -> Tensor:
    where = _vector(x, 0, 3, 0)
    return torch.ops.aten.index_put(x, [None, None, where], x[:, :, 1:4], True)


def _pairs(x: Tensor) -> Tensor:
    y = x.clone()
    y[:, :, _vector(x, 0, 2), _vector(x, 3, 1)] = x[:, :, 1, :2]
    return y


def _masked(x: Tensor) -> Tensor:
    y = x.clone()
    y[y > 0.9] = 0.0
    return y + x


def _computed(x: Tensor) -> Tensor:
    order = (x * 0).long()
    return x.scatter(2, order[:, :, :2], x[:, :, 1:3])


def _masked_scatter(x: Tensor) -> Tensor:
    mask = torch.tensor([True, False, True, False, True], device=x.device)
    return x.masked_scatter(mask, x[:, :, 1:4].clone())


CASES = (
    function(
        "index_put-twice",
        _set,
        (1, 1, 5),
        note="which of two writes stays is not defined: both count",
    ),
    function("index_put-accumulate", _accumulated, (1, 1, 5)),
    function("index_put-pairs", _pairs, (1, 1, 3, 4)),
    function("index_put-value-mask", _masked, (1, 1, 5)),
    function("index_copy", lambda x: x.index_copy(2, _vector(x, 3, 1), x[:, :, :2]), (1, 1, 5)),
    function(
        "index_reduce",
        lambda x: x.index_reduce(2, _vector(x, 3, 3), x[:, :, :2], "prod"),
        (1, 1, 5),
    ),
    function("scatter", lambda x: x.scatter(2, _places(x, 4, 0), x[:, :, 1:3]), (1, 1, 5)),
    function("scatter-value", lambda x: x.scatter(2, _places(x, 4, 0), 0.0), (1, 1, 5)),
    function(
        "scatter_reduce",
        lambda x: x.scatter_reduce(2, _places(x, 4, 4), x[:, :, 1:3], "sum"),
        (1, 1, 5),
    ),
    function(
        "scatter_reduce-without-self",
        lambda x: x.scatter_reduce(2, _places(x, 4, 4), x[:, :, 1:3], "sum", include_self=False),
        (1, 1, 5),
    ),
    function("scatter-computed", _computed, (1, 1, 5), answer_may_be_bound=True),
    function("put", lambda x: x.put(_vector(x, 3, 0), x[0, 0, :2]), (1, 1, 5)),
    function("masked_scatter", _masked_scatter, (1, 1, 5)),
    function("take", lambda x: x.take(_vector(x, 3, 0, 3).reshape(1, 1, 3)), (1, 1, 5)),
    function("diagonal", lambda x: x.diagonal(1, 2, 3), (1, 1, 4, 5), output_axes=(2,)),
    function("diag_embed", lambda x: torch.diag_embed(x, 1), (1, 1, 3)),
    function("diagonal_scatter", lambda x: x.diagonal_scatter(x[:, :, 0], 0, 2, 3), (1, 1, 4, 4)),
    function(
        "trace",
        lambda x: torch.trace(x[0, 0]).reshape(1, 1),
        (1, 1, 3, 3),
        batched=False,
        output_axes=(),
    ),
    function("tril", lambda x: x.tril(), (1, 1, 3, 4)),
    function("triu", lambda x: x.triu(1), (1, 1, 3, 4)),
    function(
        "block_diag", lambda x: torch.block_diag(x[0, 0], x[0, 0]).reshape(1, 1, 4, 6), (1, 1, 2, 3)
    ),
)
