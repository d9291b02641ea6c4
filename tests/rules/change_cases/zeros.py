"""Factors that are zero at some places for all inputs, after one more operator."""

from __future__ import annotations

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


ROWS = (
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
)  # fmt: skip
