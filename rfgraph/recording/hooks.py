"""Forward hooks on any module, scripted ones included."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import nn
from torch.nn.modules.module import (
    register_module_forward_hook,
    register_module_forward_pre_hook,
)
from torch.utils.hooks import RemovableHandle

from rfgraph.recording.copies import Value


def before_forward(module: nn.Module, see: Callable[[], None]) -> RemovableHandle:
    """Call `see` before each call of `module`, until the returned handle is removed."""

    def hook(called: nn.Module, _args: object) -> None:
        if called is module:
            see()

    if isinstance(module, torch.jit.ScriptModule):
        # Scripted modules refuse hooks of their own; those of all modules see them.
        return register_module_forward_pre_hook(hook)
    return module.register_forward_pre_hook(hook)


def after_forward(module: nn.Module, see: Callable[[Value], None]) -> RemovableHandle:
    """Call `see` with what each call of `module` returns, until the handle is removed."""

    def hook(called: nn.Module, _args: object, output: Value) -> None:
        if called is module:
            see(output)

    if isinstance(module, torch.jit.ScriptModule):
        return register_module_forward_hook(hook)

    def own_hook(_called: nn.Module, _args: object, output: Value) -> None:
        # Replicas on other devices share this hook, and are not `module`.
        see(output)

    return module.register_forward_hook(own_hook)
