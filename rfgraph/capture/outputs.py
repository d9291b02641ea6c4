"""The tensors inside whatever a model returns, with their names."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor


def named_tensors(value: Any, name: str) -> Iterator[tuple[str, Tensor]]:
    """Yield every tensor in ``value`` with its dotted name, in order.

    Looks into lists, tuples, named tuples (by field name), mappings, and dataclasses
    (which covers the output classes of transformers).
    """
    if isinstance(value, Tensor):
        yield name, value
        return
    for key, item in members(value):
        yield from named_tensors(item, f"{name}.{key}")


def members(value: Any) -> Iterator[tuple[str, Any]]:
    """Yield the named parts of a container; nothing for anything else."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield str(key), item
    elif isinstance(value, tuple) and hasattr(value, "_fields"):
        yield from zip(value._fields, value, strict=True)
    elif isinstance(value, (list, tuple)):
        for index, item in enumerate(value):
            yield str(index), item
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        for member in dataclasses.fields(value):
            yield member.name, getattr(value, member.name)


def first_tensor(value: Any) -> Tensor | None:
    """Return the first tensor in ``value``, or None."""
    return next((tensor for _, tensor in named_tensors(value, "")), None)


def unwrapped(tensor: Tensor) -> Tensor:
    """The tensor that operators saw, inside the wrappers of vmap, grad and jvp."""
    while torch._C._functorch.is_functorch_wrapped_tensor(tensor):
        tensor = torch._C._functorch.get_unwrapped(tensor)
    return tensor
