"""`rfgraph.record`: watch modules for as long as a `with` block lasts."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from rfgraph.errors import InputError, ModelError
from rfgraph.recording.recording import Observation, Recording
from rfgraph.recording.select import Names, select_modules


def record(
    model: nn.Module,
    names: Names = "*",
    *,
    grad: bool = False,
    device: torch.device | str | None = "cpu",
    reduce: Callable[[Tensor], object] | None = None,
    stream: Callable[[Observation], object] | None = None,
) -> Recording:
    """Return a context manager that records what modules return, under their names as nodes.

    The hooks are there from `with` to the end of its block and do not change what the model
    computes. Training mode, gradient mode and devices are the caller's.

    One exception is PyTorch's own: a `TransformerEncoderLayer` leaves its fused path while
    anything in it is hooked, which can change last bits.

    Args:
        model: The model; may be wrapped in `DataParallel` or `DistributedDataParallel`.
        names: Module paths, shell-style patterns over them (`layer4.*`), module classes, or
            several of these; `""` is the model itself.
        grad: Also record gradients with respect to the outputs, for backward passes inside the
            block.
        device: Where copies are kept; None for where the tensors are.
        reduce: Applied to every tensor before it is kept, such as `lambda t: t.mean((2, 3))`.
        stream: Called with each :class:`Observation` instead of keeping it.

    Returns:
        The recording: a mapping from name to copies of the outputs of the latest pass.

    Raises:
        ModelError: The model is no module, or a chosen module lies in compiled or scripted code.
        NodeNotFoundError: A path, pattern or class chooses nothing.
        InputError: An argument is of no use.

    >>> import torch
    >>> from torch import nn
    >>> model = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU())
    >>> with record(model, nn.Conv2d) as recording:
    ...     _ = model(torch.zeros(1, 3, 16, 16))
    >>> recording["0"].shape
    torch.Size([1, 8, 14, 14])
    """
    if not isinstance(model, nn.Module):
        raise ModelError(f"Hooks need a torch.nn.Module; {type(model).__name__} is none.")
    for what, value in (("reduce", reduce), ("stream", stream)):
        if value is not None and not callable(value):
            raise InputError(f"{what}={value!r} cannot be called; give a function or None.")
    modules = select_modules(model, names)
    return Recording(model, modules, grad=grad, device=device, reduce=reduce, stream=stream)
