"""What a row holds whose truth is found by trying changes of the input."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from rfgraph.analysis import Node
from tests.oracle.change import change_reach
from tests.oracle.taint import Reach
from tests.rules.cases import Function

Shape = tuple[int, ...]
Axes = tuple[int, ...]

FEW = 4
"""Trials that show every dependence of a smooth function."""


@dataclass(frozen=True)
class Row:
    """One tiny eager model of one input and one output.

    Attributes:
        id: unique, "operator-what is special".
        body: the model as a function.
        shape: shape of the input.
        axes: input axes to analyse; None for the default.
        bound: why a sound answer is larger than the truth; None when the answer is exact.
        below: inputs are integers from 0 to below it, not real numbers.
        real: whether the capture needs data, because a shape depends on values.
        trials: how many inputs are tried.
    """

    id: str
    body: Callable[[Tensor], Tensor]
    shape: Shape
    axes: Axes | None = None
    bound: str | None = None
    below: int | None = None
    real: bool = False
    trials: int = FEW

    def model(self) -> nn.Module:
        """The function as a module."""
        return Function(self.body).eval()

    def sample(self, shape: Shape, generator: torch.Generator) -> Tensor:
        """An input: numbers from 0.5 to 1.5 that are all different, or integers."""
        if self.below is not None:
            return torch.randint(self.below, shape, generator=generator)
        return 0.5 + torch.rand(shape, generator=generator, dtype=torch.float64)

    def truth(self, node: Node, input_axes: Axes) -> Reach:
        """What was seen to change the positions of ``node``, the model's output."""
        return change_reach(
            self.model(),
            self.shape,
            self.sample,
            input_axes,
            node.spatial_axes,
            output_shape=node.shape,
            trials=self.trials,
        )


def row(id: str, body: Callable[[Tensor], Any], *shape: int, **options: Any) -> Row:  # noqa: A002
    """A row whose model is the function itself."""
    return Row(id, body, shape, **options)


def tried(*rows: Row, trials: int = 24) -> tuple[Row, ...]:
    """Rows whose results change for few of all changes, so that more are tried."""
    return tuple(replace(r, trials=trials) if r.trials == FEW else r for r in rows)
