"""Where a model's tensors lie, and putting all of them elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from itertools import chain

import torch
from torch import Tensor, nn

_REGISTERED = frozenset(("_parameters", "_buffers", "_modules"))


def device_of(model: nn.Module, otherwise: torch.device) -> torch.device:
    """The device of the model's first parameter or buffer, where its inputs are expected.

    Args:
        model: The model.
        otherwise: The answer for a model that has neither.
    """
    held = next(chain(model.parameters(), model.buffers()), None)
    return otherwise if held is None else held.device


def put(
    model: nn.Module, device: torch.device | str | None = None, dtype: torch.dtype | None = None
) -> nn.Module:
    """Move a private copy of a model, the tensors included that it holds without registering them.

    ``nn.Module.to`` leaves out what is neither a parameter nor a buffer: index tables and kernels
    in plain attributes, and in lists, tuples and dictionaries there.

    Args:
        model: The model; it is changed.
        device: Where to; None to leave every tensor where it is.
        dtype: The new type of floating point and complex tensors, a real one; None to keep theirs.

    Returns:
        The model.
    """

    def moved(tensor: Tensor) -> Tensor:
        if dtype is None or not (tensor.is_floating_point() or tensor.is_complex()):
            return tensor.to(device=device)
        return tensor.to(device=device, dtype=dtype.to_complex() if tensor.is_complex() else dtype)

    # What `nn.Module.to` calls; that would make complex parameters real.
    model._apply(moved)  # type: ignore[no-untyped-call]  # noqa: SLF001
    seen: set[int] = set()
    for module in model.modules():
        attributes = vars(module)
        for name, value in list(attributes.items()):
            if name not in _REGISTERED:
                attributes[name] = _mapped(value, moved, seen)
    return model


def _mapped(value: object, moved: Callable[[Tensor], Tensor], seen: set[int]) -> object:
    """The value with its tensors moved; lists and dictionaries stay the objects that they are."""
    if isinstance(value, Tensor):
        return moved(value)
    if type(value) is tuple:
        made = tuple(_mapped(item, moved, seen) for item in value)
        return made if any(a is not b for a, b in zip(made, value, strict=True)) else value
    if type(value) in {list, dict} and id(value) not in seen:
        seen.add(id(value))  # a container may hold itself
        if isinstance(value, list):
            value[:] = [_mapped(item, moved, seen) for item in value]
        elif isinstance(value, dict):
            value.update({key: _mapped(item, moved, seen) for key, item in value.items()})
    return value
