"""What a module returned, copied so that nothing that happens later can change it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeAlias

import torch
from torch import Tensor

Value: TypeAlias = Any
"""A tensor, or tuples, lists and dictionaries of values; other things stay what they are."""


def map_tensors(value: Value, change: Callable[[Tensor], object]) -> Value:
    """Return `value` with each tensor replaced by `change(tensor)`.

    Named tuples stay named tuples; mappings and dataclasses become dictionaries.
    """
    if isinstance(value, Tensor):
        return change(value)
    if isinstance(value, Mapping):
        return {key: map_tensors(item, change) for key, item in value.items()}
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return type(value)(*(map_tensors(item, change) for item in value))
    if isinstance(value, (tuple, list)):
        return type(value)([map_tensors(item, change) for item in value])
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {
            field.name: map_tensors(getattr(value, field.name), change)
            for field in dataclasses.fields(value)
        }
    return value


def tensors(value: Value) -> Iterator[Tensor]:
    """Yield the tensors in `value`, in order."""
    found: list[Tensor] = []
    map_tensors(value, found.append)
    yield from found


def keep(
    tensor: Tensor,
    device: torch.device | str | None,
    reduce: Callable[[Tensor], object] | None,
) -> object:
    """Return a detached copy of `tensor`, reduced first if wanted, on `device`.

    A copy, because the next module may work in place on the same memory.

    Args:
        tensor: What to keep.
        device: Where to keep it; None for where it is.
        reduce: Applied before the copy, without recording gradients.
    """
    with torch.no_grad():
        value = tensor.detach() if reduce is None else reduce(tensor.detach())
        if isinstance(value, Tensor):
            return value.to(device or value.device, copy=True)
    return value
