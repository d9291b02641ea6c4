"""What a case row holds, and how its truth is obtained."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from tests.oracle.taint import Reach, reach

Shape = tuple[int, ...]
Axes = tuple[int, ...]


class Function(nn.Module):
    """A plain function as a module."""

    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__()
        self.function = function

    def forward(self, *inputs: Tensor) -> Any:
        return self.function(*inputs)


@dataclass(frozen=True)
class Case:
    """One tiny eager model for one operator and one combination of its parameters.

    Attributes:
        id: unique, "operator-what is special".
        build: makes the module, or is the function itself (see `is_function`).
        shapes: shapes of the inputs, in call order.
        note: why the row exists, where the id does not say it.
        axes: input axes to analyse; None for the default (all from 2 on, or axis 1 of a matrix).
        output_axes: output axes to compare; None for all from 2 on.
        batched: whether samples are independent, and axis 0 stays the batch.
        sources: which inputs are worth analysing, one at a time.
        is_function: whether `build` is the function itself.
        answer_may_be_bound: the truth depends on values or on a table that a sound analysis may
            replace by a larger one; containment is enough.
    """

    id: str
    build: Callable[..., Any]
    shapes: tuple[Shape, ...]
    note: str = ""
    axes: Axes | None = None
    output_axes: Axes | Mapping[str, Axes] | None = None
    batched: bool = True
    sources: tuple[int, ...] = (0,)
    is_function: bool = False
    answer_may_be_bound: bool = False

    def model(self) -> nn.Module:
        """A fresh module in eval mode; the global random state is left alone."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(zlib.crc32(self.id.encode()))
            module = Function(self.build) if self.is_function else self.build()
        assert isinstance(module, nn.Module)
        return module.eval()

    def inputs(self) -> tuple[Tensor, ...]:
        """Positive inputs, the same at every call."""
        generator = torch.Generator().manual_seed(zlib.crc32(self.id.encode()))
        return tuple(0.5 + torch.rand(shape, generator=generator) for shape in self.shapes)

    def truth(
        self, source: int = 0, *, output_axes: Axes | Mapping[str, Axes] | None = None
    ) -> dict[str, Reach]:
        """The oracle's answer for one of the inputs, along the given axes or those of the row."""
        return reach(
            self.model(),
            self.inputs(),
            axes=self.axes,
            output_axes=self.output_axes if output_axes is None else output_axes,
            batched=self.batched,
            source=source,
        )


def module(id: str, build: Callable[[], nn.Module], *shapes: Shape, **options: Any) -> Case:  # noqa: A002
    """A row whose model is made by `build()`."""
    return Case(id, build, shapes, **options)


def function(id: str, body: Callable[..., Any], *shapes: Shape, **options: Any) -> Case:  # noqa: A002
    """A row whose model is the function itself."""
    return Case(id, body, shapes, is_function=True, **options)
