"""The tensors of one call of the model, with one of them replaced."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from rfgraph.capture.inputs import make_inputs, map_tensors, named_arguments
from rfgraph.capture.outputs import named_tensors


@dataclass(frozen=True, eq=False)
class Arguments:
    """One call of the model.

    Attributes:
        args: Positional arguments, with data.
        kwargs: Keyword arguments, with data.
        tensors: The tensors among them, by input name.
    """

    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]
    tensors: Mapping[str, Tensor]

    def cast(self, dtype: torch.dtype | None, new: Mapping[str, Tensor], runs: int = 1) -> Call:
        """Return the arguments with `new` tensors by name, and the others `runs` times.

        Args:
            dtype: What other floating point tensors become; None leaves them.
            new: Replacements.
            runs: Copies of every other tensor along axis 0.
        """
        made = {id(self.tensors[name]): tensor for name, tensor in new.items()}

        def change(tensor: Tensor) -> Tensor:
            if id(tensor) in made:
                return made[id(tensor)]
            copied = tensor.clone()
            if dtype is not None and tensor.is_floating_point():
                copied = copied.to(dtype)
            return copied.repeat(runs, *(1 for _ in tensor.shape[1:])) if tensor.ndim else copied

        changed = map_tensors((self.args, dict(self.kwargs)), change)
        return Call(*changed)


@dataclass(frozen=True, eq=False)
class Call:
    """Positional and keyword arguments, ready to run."""

    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]


def make_arguments(
    model: nn.Module, inputs: Any, kwargs: Mapping[str, Any] | None, seed: int
) -> Arguments:
    """Return one call of the model: the user's tensors, and drawn ones for shapes.

    Drawn numbers are positive, 0.5 to 1.5; integers drawn for shapes are 0 and booleans true.

    Raises:
        InputError: The inputs do not describe a call.
    """
    args, keywords = make_inputs(model, inputs, kwargs=kwargs) if inputs is not None else ((), {})
    generator = torch.Generator().manual_seed(seed)

    def fill(tensor: Tensor) -> Tensor:
        if not tensor.is_meta:
            return tensor.detach().to("cpu", copy=True)
        if tensor.is_floating_point():
            drawn = torch.rand(tensor.shape, generator=generator, dtype=torch.float64) + 0.5
            return drawn.to(tensor.dtype)
        if tensor.dtype is torch.bool:
            return torch.ones(tensor.shape, dtype=torch.bool)
        return torch.zeros(tensor.shape, dtype=tensor.dtype)

    args, keywords = map_tensors((args, {**keywords, **(kwargs or {})}), fill)
    named = named_arguments(model, args, keywords)
    found = {
        name: tensor for key, value in named.items() for name, tensor in named_tensors(value, key)
    }
    return Arguments(args, keywords, found)
