"""What a model costs: parameters, and multiply-adds by torch's own counter."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils.flop_counter import FlopCounterMode

from rfgraph.capture.inputs import map_tensors


@dataclass(frozen=True, slots=True)
class Cost:
    """The cost of one call.

    Attributes:
        parameters: Numbers that are learned; shared ones count once.
        multiply_adds: Of convolutions and matrix products, for the analysed input; None if the
            model does not run on tensors without data.
    """

    parameters: int
    multiply_adds: int | None


def cost(model: nn.Module, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Cost:
    """The cost of one call of a model in its mode.

    Args:
        model: The model; neither it nor its tensors are touched.
        args: Positional arguments; of tensors only shape and type count.
        kwargs: Keyword arguments.

    Source: ``torch.utils.flop_counter.FlopCounterMode``, which counts a multiply-add as two.
    """
    parameters = sum(p.numel() for p in model.parameters())
    with FakeTensorMode(allow_non_fake_inputs=True), torch.no_grad():
        own = itertools.chain(model.named_parameters(), model.named_buffers())
        tensors = {name: _stand_in(tensor) for name, tensor in own}
        given, named = map_tensors((args, dict(kwargs)), _stand_in)
        try:
            with FlopCounterMode(display=False) as counter:
                torch.func.functional_call(model, tensors, given, named)
        except RuntimeError:
            # Control flow on values, which only a run on data could count.
            return Cost(parameters, None)
    return Cost(parameters, counter.get_total_flops() // 2)


def _stand_in(tensor: Tensor) -> Tensor:
    """A tensor of that shape and type, under a fake mode without data."""
    return torch.empty(tensor.shape, dtype=tensor.dtype)
