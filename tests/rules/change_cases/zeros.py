"""Factors that are zero at some places for all inputs, after one more operator."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F  # noqa: N812 - its usual name
from torch import Tensor

from ._row import Row, row


def _gated(id: str, gate: Callable[[Tensor], Tensor]) -> Row:  # noqa: A002
    """A row whose input is shifted and multiplied by a gate with zeros, made of the input."""

    def body(x: Tensor) -> Tensor:
        mask = torch.tensor([0, 1, 1, 0, 0, 1, 0], dtype=x.dtype, device=x.device)
        return x.roll(2, -1) * gate(x * mask)

    return row(f"zeros-{id}", body, 1, 2, 7)


def _listed(x: Tensor) -> Tensor:
    return torch.tensor([4, 1, 4], device=x.device)


def _emptied(x: Tensor) -> Tensor:
    y = x + 1
    y[..., 2:4] = 0
    return y


def _weights(x: Tensor) -> Tensor:
    """A number per position, of which some are zero and one is one."""
    return x.new_tensor([0, 1, 0.5, 0, 0, 0.3, 1])


def _divisors(x: Tensor) -> Tensor:
    """A number per position, of which some are infinite."""
    return x.new_tensor([2, math.inf, 1, -math.inf, 1, math.inf, 3])


def _triangles(x: Tensor) -> Tensor:
    """Two matrices of 3 by 2, each with zeros of its own."""
    return x.new_tensor([[[1, 0], [1, 1], [0, 0]], [[0, 0], [1, 0], [1, 1]]])


def _attended(limit: Callable[[Tensor, Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
    """Attention without softmax over scores that a limit leaves of each query and earlier keys."""

    def body(x: Tensor) -> Tensor:
        y = x.transpose(1, 2)
        earlier = torch.ones(6, 6, dtype=torch.bool, device=x.device).tril()
        return (limit(y @ x, earlier) @ y).transpose(1, 2)

    return body


def _through(gate: Callable[[Tensor], Tensor]) -> Callable[[Tensor, Tensor], Tensor]:
    return lambda scores, keep: gate(scores.masked_fill(~keep, -math.inf))


ROWS = (
    *(
        row(f"zeros-of-{str(kind).rpartition('.')[2]}", _attended(lambda scores, keep, kind=kind:
            scores * keep.to(kind)), 1, 2, 6)
        for kind in (torch.bool, torch.uint8, torch.int64, torch.float32)
    ),
    *(
        row(f"infinity-through-{name}", _attended(_through(gate)), 1, 2, 6)
        for name, gate in (("relu", F.relu), ("softplus", F.softplus), ("exp", torch.exp),
            ("hardsigmoid", lambda x: F.hardsigmoid(x / 9)))
    ),
    _gated("small", lambda x: x * 1e-50 * 1e50),
    _gated("power", lambda x: x**2),
    _gated("elu", lambda x: F.elu(x) + F.mish(x) * F.hardswish(x)),
    _gated("mixed", lambda x: torch.lerp(x, x.roll(1, -1), 0.5)),
    _gated("running", lambda x: x.cumsum(-1)),
    _gated("windows", lambda x: F.pad(x, (0, 2)).unfold(-1, 3, 1).mean(-1)),
    _gated("largest", lambda x: F.pad(x, (0, 2)).unfold(-1, 3, 1).amax(-1)),
    _gated("filled", _emptied),
    _gated("index_add", lambda x: x.index_add(-1, _listed(x), x[..., 1:4])),
    _gated("index_add-away", lambda x: x.index_add(-1, _listed(x), x[..., 1:4], alpha=-1)),
    _gated("index_copy", lambda x: x.index_copy(-1, _listed(x)[:2], x[..., 2:4])),
    _gated("scatter_add", lambda x: x.scatter_add(-1, _listed(x).expand(1, 2, 3), x[..., 1:4])),
    _gated("scatter", lambda x: (x + 1).scatter(-1, _listed(x).expand(1, 2, 3), 0.0)),
    _gated("embedding", lambda x: F.embedding(
        torch.tensor([6, 5, 4, 3, 2, 1, 0], device=x.device), x[0].T).T[None]),
    _gated("times-zero", lambda x: 0.0 * (x + 1) + x),
    _gated("over-infinity", lambda x: x + (x + 1) / math.inf),
    _gated("products", lambda x: (1 + x.flip(-1)).prod(1, keepdim=True) * x.cumprod(-1) + x),
    row("zero-times", lambda x: x.roll(1, 2) * 0.0 + x, 1, 2, 7),
    row("zero-times-in-place", lambda x: x.flip(2).clone().mul_(0) + x, 1, 2, 7),
    row("lerp-constant", lambda x: torch.lerp(x, x.roll(2, -1), _weights(x)), 1, 2, 7),
    row("lerp-start", lambda x: torch.lerp(x, x.roll(1, -1), 0.0), 1, 2, 7),
    row("lerp-end", lambda x: torch.lerp(x.roll(1, -1), x, 1), 1, 2, 7),
    row("lerp-gated", lambda x: torch.lerp(x, x.roll(2, -1), _weights(x) * x), 1, 2, 7),
    row("addcmul-zeros", lambda x: x.addcmul(x.roll(1, -1), _weights(x) * x.flip(2)), 1, 2, 7),
    row("addcmul-nothing", lambda x: x.addcmul(x.roll(1, -1), x.flip(2), value=0), 1, 2, 7),
    row("div-infinity", lambda x: x.roll(1, -1) / _divisors(x) + x, 1, 2, 7),
    row("div-by-infinity", lambda x: x + x.roll(1, -1) / math.inf, 1, 2, 7),
    row("div-infinity-floor", lambda x: torch.div(x - 1, math.inf, rounding_mode="floor"),
        1, 2, 7, trials=24),
    row("mv-matrix", lambda x: (x.new_ones(5, 7).triu(1) @ x[0, 0])[None, None], 1, 1, 7),
    row("mv-vector", lambda x: (x[0] @ _weights(x))[None, None], 1, 3, 7),
    row("addmv-zeros", lambda x: x[0, 0, :4].addmv(x.new_ones(4, 7).tril(), x[0, 0])[None, None],
        1, 1, 7),
    row("dot-zeros", lambda x: torch.dot(_weights(x), x[0, 0]).reshape(1, 1), 1, 1, 7),
    row("addbmm-left", lambda x: torch.addbmm(
        x.new_ones(3, 2), x[0].reshape(3, 2, 3).transpose(0, 1), _triangles(x))[None], 1, 3, 6),
    row("addbmm-right", lambda x: torch.addbmm(
        x.new_ones(2, 3), _triangles(x).mT, x[0].T.reshape(2, 3, 3))[None], 1, 3, 6),
    row("prod-zero", lambda x: (x * x.new_tensor([0, 1, 1, 1, 0, 1])).reshape(1, 1, 3, 2).prod(3),
        1, 1, 6),
    row("prod-all", lambda x: x + (x * _weights(x)).prod(), 1, 2, 7),
    row("cumprod-zero", lambda x: x + (x.flip(2) * _weights(x).roll(3)).cumprod(2), 1, 2, 7),
)  # fmt: skip
