"""A sigmoid that never saturates and keeps one tensor for its derivative."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch._C import DisableTorchFunction


def bounded(x: Tensor) -> Tensor:
    """Return 1/2 + x / (4 (1 + |x|)), elementwise."""
    # One step for all who follow functions: what it is made of reads nothing else.
    with DisableTorchFunction():
        found: Tensor = _Bounded.apply(x)
        return found


class _Bounded(torch.autograd.Function):
    """Written out, its parts would keep three tensors more."""

    generate_vmap_rule = True

    @staticmethod
    def forward(x: Tensor) -> Tensor:
        """Return the values."""
        return x.abs().add_(1).reciprocal_().mul_(x).mul_(0.25).add_(0.5)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor], output: Tensor) -> None:
        """Keep what the derivative needs."""
        del output
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        """Return the gradient by the argument."""
        (x,) = ctx.saved_tensors
        slope: Tensor = x.abs().add_(1).square_().reciprocal_().mul_(0.25)
        return slope.mul(gradient)
