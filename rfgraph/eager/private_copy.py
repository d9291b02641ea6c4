"""A copy of the user's model to run, so that the model itself stays as it was found."""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import Tensor, nn

from rfgraph.errors import ModelError


def private_copy(model: nn.Module) -> nn.Module:
    """Return a copy of the model in eval mode, with parameters that need no gradient.

    The copy runs the model's own classes and forward. A copy, because nothing else leaves a model
    alone in every case: exceptions, caches written in forward, counters.

    Raises:
        ModelError: The model is no module, has no data, or cannot be copied.
    """
    # What torch.compile returns is a wrapper around the module that has the names.
    model = getattr(model, "_orig_mod", model)
    if not isinstance(model, nn.Module):
        raise ModelError(
            f"Running the model needs a torch.nn.Module; {type(model).__name__} is none, so wrap "
            "it in one."
        )
    if any(isinstance(module, torch.jit.ScriptModule) for module in model.modules()):
        raise ModelError(
            "No hook sees what happens inside scripted code; give the model as it was before "
            "torch.jit.script."
        )
    for name, tensor in (*model.named_parameters(), *model.named_buffers()):
        if tensor.is_meta:
            raise ModelError(
                f"Running the model needs data, and {name!r} is on the meta device; build the "
                "model on a device with data."
            )
    memo: dict[int, Any] = {}
    for module in model.modules():
        for value in vars(module).values():
            # Left by an earlier forward, such as a normalised weight; deepcopy refuses these.
            if isinstance(value, Tensor) and not value.is_leaf:
                memo[id(value)] = value.detach().clone()
    try:
        made = copy.deepcopy(model, memo)
    except Exception as error:
        reason = " ".join(str(error).split())[:200]
        raise ModelError(f"The model cannot be copied, which running it needs: {reason}") from error
    return made.eval().requires_grad_(False)
