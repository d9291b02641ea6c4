"""Models built without filling their parameters, which no structure depends on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import torch
from torch import nn
from torch.nn.modules.module import register_module_parameter_registration_hook

T = TypeVar("T")


def build_cheaply(build: Callable[[], T]) -> T:
    """Return `build()` with parameters that hold no data, or with data if `build` looks at them.

    Buffers keep their data: index tables and masks are constants that rules read.
    """
    try:
        with _parameters_without_data():
            return build()
    except (NotImplementedError, RuntimeError, ValueError):
        return build()


@contextmanager
def _parameters_without_data() -> Iterator[None]:
    def forget(_module: nn.Module, _name: str, value: nn.Parameter | None) -> nn.Parameter | None:
        if value is None or value.device.type == "meta":
            return None
        return nn.Parameter(
            torch.empty_like(value, device="meta"), requires_grad=value.requires_grad
        )

    # torch's annotation omits that a hook may return what is registered instead.
    handle = register_module_parameter_registration_hook(forget)  # type: ignore[arg-type]
    try:
        yield
    finally:
        handle.remove()
