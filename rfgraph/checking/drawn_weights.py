"""Weights that let every dependence show in the gradient."""

from __future__ import annotations

import torch
from torch import nn

DRAWN = "weights are drawn, positive, and average over what they read; batch statistics are 0 and 1"


def draw_weights(model: nn.Module, seed: int) -> None:
    """Fill the model with positive weights, in place.

    Positive, so that terms do not cancel; scaled by the fan-in, so that activations neither vanish
    nor overflow in double precision however deep the net is.
    """
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if not parameter.is_floating_point():
                continue
            fan = parameter[0].numel() if parameter.ndim > 1 else 1
            scale = 0.1 if parameter.ndim == 1 and name.endswith("bias") else 1 / max(fan, 1)
            drawn = torch.rand(parameter.shape, generator=generator, dtype=torch.float64)
            parameter.copy_((drawn + 0.5) * scale)
        for module in model.modules():
            if getattr(module, "running_var", None) is not None:
                module.running_var.fill_(1)  # type: ignore[operator]
                module.running_mean.zero_()  # type: ignore[operator]
