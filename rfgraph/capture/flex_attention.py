"""`flex_attention` with data: PyTorch's own unfused formula is recorded in place of the kernel.

The functions that score and mask are run on all pairs of positions, so what they admit becomes a
mask like any other. It needs data: tables of blocks that are made without lose what they hold.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

from torch.utils._python_dispatch import TorchDispatchMode


def follow_flex_attention(recorder: type[TorchDispatchMode]) -> None:
    """Let a kind of mode see the operators that `flex_attention` stands for."""
    try:
        operator = import_module("torch._higher_order_ops.flex_attention")
    except ImportError:  # before PyTorch 2.5
        return

    def unfused(mode: Any, *args: Any, **kwargs: Any) -> Any:
        if not mode.real:
            message = (
                f"{mode.where()} calls flex_attention, whose functions are run on all pairs of "
                f"positions, and a data-less capture has no values; pass real=True to record with "
                f"data."
            )
            raise mode.refuse(message)
        with mode:
            return operator.math_attention(*args, **kwargs)

    operator.flex_attention.py_impl(recorder)(unfused)
