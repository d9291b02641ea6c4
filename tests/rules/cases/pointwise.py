"""Elementwise operators, with broadcasting, in place, and with constants."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F  # noqa: N812 (its usual name)
from torch import Tensor, nn

from ._case import Case, function, module

_SHAPE = (1, 2, 3, 4)

_UNARY: dict[str, Callable[[Tensor], Tensor]] = {
    "relu": torch.relu,
    "relu6": F.relu6,
    "hardswish": F.hardswish,
    "hardsigmoid": F.hardsigmoid,
    "hardtanh": F.hardtanh,
    "leaky_relu": F.leaky_relu,
    "gelu": F.gelu,
    "gelu-tanh": lambda x: F.gelu(x, approximate="tanh"),
    "silu": F.silu,
    "mish": F.mish,
    "elu": F.elu,
    "selu": F.selu,
    "softplus": F.softplus,
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
    "logsigmoid": F.logsigmoid,
    "softshrink": F.softshrink,
    "threshold": lambda x: F.threshold(x, 0.1, 20.0),
    "clamp": lambda x: x.clamp(0.1, 0.9),
    "clamp-min": lambda x: x.clamp(min=1e-6),
    "clamp-tensor": lambda x: x.clamp(max=torch.ones(4, dtype=x.dtype, device=x.device)),
    "exp": torch.exp,
    "exp2": torch.exp2,
    "log": torch.log,
    "sqrt": torch.sqrt,
    "rsqrt": torch.rsqrt,
    "pow-scalar": lambda x: x**2,
    "scalar-pow": lambda x: 2**x,
    "sin-cos": lambda x: x.sin() + x.cos(),
    "neg": torch.neg,
    "abs-sign": lambda x: x.abs() * x.sign(),
    "add-scalar": lambda x: x + 1,
    "rsub-scalar": lambda x: 1 - x,
    "rsub-operator": lambda x: torch.rsub(x, 1),
    "mul-scalar": lambda x: x * 0.5,
    "mul-scalar-operator": lambda x: torch.ops.aten.mul.Scalar(x, 0.5),
    "div-scalar": lambda x: x / 3,
    "div-floor": lambda x: torch.div(x, 0.5, rounding_mode="floor"),
    "floor-divide": lambda x: x // 0.5,
    "remainder": lambda x: x % 0.7,
    "reciprocal": torch.reciprocal,
    "to-half-and-back": lambda x: x.half().to(x.dtype),
    "dropout-in-eval": lambda x: F.dropout(x, 0.5, training=False),
    "comparison-to-float": lambda x: (x > 0.7).to(x.dtype),
    "logical-not": lambda x: torch.logical_not(x > 0.7).to(x.dtype),
    "nan_to_num": torch.nan_to_num,
}  # fmt: skip


def _in_place(x: Tensor) -> Tensor:
    y = x + 0
    y.mul_(2).add_(1).sigmoid_()
    y.tanh_()
    y.relu_()
    y += x
    return y


def _written_after_read(x: Tensor) -> Tensor:
    """The first result must not see what is written later."""
    y = x + 0
    first = y + 1
    y.add_(x.roll(1, 2))
    return first


def _inputs_of_a_residual_changed(x: Tensor) -> Tensor:
    y = x + 0
    z = F.relu(y, inplace=True)
    y.add_(x.roll(1, 2))
    return z


def _counted_in_place(x: Tensor) -> Tensor:
    steps = torch.arange(x.shape[2], dtype=x.dtype, device=x.device)
    steps.add_(1)
    return x * steps


def _positional(x: Tensor) -> Tensor:
    """A sine table made from shapes and constants only."""
    positions = torch.linspace(0, 1, x.shape[2], dtype=x.dtype, device=x.device)
    frequencies = 10.0 ** torch.arange(0, 2, dtype=x.dtype, device=x.device)
    angles = positions[:, None] / frequencies
    return x + torch.cat([angles.sin(), angles.cos()], 1)[:, : x.shape[3]]


CASES: tuple[Case, ...] = (
    *(function(f"pointwise-{name}", body, _SHAPE) for name, body in _UNARY.items()),
    module("prelu", lambda: nn.PReLU(2), _SHAPE),
    module("identity-module", nn.Identity, _SHAPE),
    module("dropout2d", lambda: nn.Dropout2d(0.3), _SHAPE),
    module("glu", lambda: nn.GLU(1), (1, 4, 5)),
    function(
        "glu-along-axis", lambda x: F.glu(x, 2), (1, 1, 6), note="the halves of the axis meet"
    ),
    function("add-shifted", lambda x: x + x.roll(1, 2), (1, 1, 6)),
    function("add-two-inputs", lambda x, y: x + y, (1, 1, 4), (1, 1, 4), sources=(0, 1)),
    function("add-broadcast-row", lambda x, y: x + y, (1, 1, 3, 4), (1, 1, 1, 4), sources=(0, 1)),
    function(
        "add-broadcast-rank",
        lambda x, y: x * y,
        (1, 2, 3, 4),
        (1, 1, 4),
        axes=(2,),
        sources=(1,),
        note="a 3-dimensional operand lines up from the right",
        batched=False,
    ),
    function(
        "outer-product",
        lambda x, y: x[:, :, :, None] * y[:, :, None, :],
        (1, 1, 3),
        (1, 1, 4),
        sources=(0, 1),
    ),
    function("maximum", lambda x: torch.maximum(x, x.flip(2)), (1, 1, 6)),
    function("sub-div-two-inputs", lambda x, y: (x - y) / y, (1, 1, 3), (1, 1, 3), sources=(0, 1)),
    function(
        "addcmul", lambda x: torch.addcmul(x, x.roll(1, 2), x.roll(2, 2), value=0.5), (1, 1, 7)
    ),
    function("lerp", lambda x: torch.lerp(x, x.roll(1, 2), 0.3), (1, 1, 5)),
    function(
        "where-constant",
        lambda x: torch.where(torch.arange(6, device=x.device) > 2, x, x.roll(1, 2)),
        (1, 1, 6),
        note="only the chosen branch counts",
    ),
    function(
        "where-on-values",
        lambda x: torch.where(x > 0.8, x, x.roll(1, 2)),
        (1, 1, 6),
        note="both branches count",
    ),
    function(
        "masked_fill-constant",
        lambda x: x.masked_fill(torch.arange(6, device=x.device) == 2, 0.0),
        (1, 1, 6),
        note="position 2 depends on nothing",
    ),
    function("masked_fill-on-values", lambda x: x.masked_fill(x.roll(1, 2) > 0.8, 0.0), (1, 1, 6)),
    function("gate", lambda x: x * torch.sigmoid(x.roll(2, 2)), (1, 1, 6)),
    function("in-place", _in_place, _SHAPE),
    function("in-place-after-read", _written_after_read, (1, 1, 5)),
    function("in-place-alias", _inputs_of_a_residual_changed, (1, 1, 5)),
    function("in-place-constant", _counted_in_place, (1, 1, 5)),
    function("positional-table", _positional, (1, 1, 3, 4)),
    module(
        "relu-in-place", lambda: nn.Sequential(nn.Conv1d(1, 1, 3), nn.ReLU(inplace=True)), (1, 1, 7)
    ),
    module(
        "activations-in-place",
        lambda: nn.Sequential(
            nn.Conv1d(1, 1, 3),
            nn.Hardswish(inplace=True),
            nn.SiLU(inplace=True),
            nn.ReLU6(inplace=True),
        ),
        (1, 1, 7),
    ),
    function("residual-tail", lambda x: F.relu(x + F.avg_pool1d(x, 3, 1, 1)), (1, 1, 7)),
    module("layer-scale", lambda: LayerScale(2), (1, 2, 3, 4)),
)


class LayerScale(nn.Module):
    """A learned factor per channel."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.gamma = nn.Parameter(torch.ones(channels))

    def forward(self, x: Tensor) -> Tensor:
        return x + x.roll(1, 2) * self.gamma.view(1, -1, 1, 1)
