"""Random draws: with one seed the draw is a function of the input."""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: N812 - its usual name
from torch import Tensor

from ._row import row, tried


def _draw(noise: Tensor, name: str) -> None:
    options = {"geometric_": (0.5,), "random_": (0, 4)}
    getattr(noise, name)(*options.get(name, ()))


def _written(x: Tensor, name: str) -> Tensor:
    noise = torch.empty_like(x)
    _draw(noise, name)
    return x + noise


def _overwritten(x: Tensor, name: str) -> Tensor:
    noise = x * 2
    _draw(noise, name)
    return x.flip(2) + noise


ROWS = tried(
    row("multinomial", lambda x: torch.multinomial(x[0, 0], 3).reshape(1, 1, 3), 1, 1, 5,
        trials=200),
    row("bernoulli", lambda x: torch.bernoulli(x - 0.5), 1, 1, 5, trials=60),
    row("bernoulli-p", lambda x: torch.bernoulli(x * 2, 0.5) + x.flip(2), 1, 1, 5),
    row("bernoulli-tensor", lambda x: x.flip(2) + torch.zeros_like(x).bernoulli_(x - 0.5),
        1, 1, 5, trials=60),
    row("normal", lambda x: torch.normal(x, x.flip(2)), 1, 1, 5),
    row("normal-mean", lambda x: torch.normal(x, 1.0), 1, 1, 5),
    row("normal-deviation", lambda x: torch.normal(0.0, x), 1, 1, 5),
    row("_sample_dirichlet", torch._sample_dirichlet, 1, 1, 5, real=True),
    row("gumbel_softmax", lambda x: F.gumbel_softmax(x, dim=2), 1, 1, 5),
    *(
        row(f"noise-{name}", lambda x, name=name: _written(x, name), 1, 1, 4)
        for name in ("exponential_", "uniform_", "normal_", "log_normal_", "cauchy_", "random_")
    ),
    *(
        row(f"overwritten-{name}", lambda x, name=name: _overwritten(x, name), 1, 1, 4)
        for name in ("exponential_", "uniform_", "normal_", "log_normal_", "cauchy_", "random_",
                     "geometric_", "zero_", "bernoulli_")
    ),
    row("native_dropout", lambda x: torch.native_dropout(x, 0.001, True)[0], 1, 1, 5),
    row("dropout-train", lambda x: F.dropout(x, 0.001), 1, 1, 5),
    row("rrelu-train", lambda x: F.rrelu(x - 2, training=True), 1, 1, 5),
    *(
        row(f"shape-only-{name}", lambda x, make=make: x.flip(2) + make(x), 1, 1, 4)
        for name, make in {
            "zeros_like": torch.zeros_like,
            "ones_like": torch.ones_like,
            "full_like": lambda x: torch.full_like(x, 2.0),
            "rand_like": torch.rand_like,
            "randn_like": torch.randn_like,
            "randint_like": lambda x: torch.randint_like(x, 4),
            "new_zeros": lambda x: x.new_zeros(4),
            "new_ones": lambda x: x.new_ones(4),
            "new_full": lambda x: x.new_full((4,), 3.0),
            "empty_like": lambda x: torch.empty_like(x).fill_(1.0),
            "new_empty": lambda x: x.new_empty(4).fill_(1.0),
            "new_empty_strided": lambda x: x.new_empty_strided((4,), (1,)).fill_(1.0),
        }.items()
    ),
    row("fill", lambda x: torch.ops.aten.fill.Tensor(x, x[0, 0, 2]), 1, 1, 4),
    row("zero", lambda x: torch.ops.aten.zero(x) + x.flip(2), 1, 1, 4),
)  # fmt: skip
