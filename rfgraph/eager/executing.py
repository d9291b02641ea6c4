"""Which modules of a model are executing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from torch import nn


@contextmanager
def executing_modules(model: nn.Module) -> Iterator[list[str]]:
    """Yield the paths of the modules that are executing, the innermost last, kept up to date.

    The first is the model itself, whose path is empty. A module at several paths has the first; one
    that ``torch.compile`` wrapped has the wrapper's, as it has in a recording.
    """
    stack = [""]
    handles = []
    paths: dict[int, str] = {}
    for path, module in model.named_modules():
        paths.setdefault(id(module), path.removesuffix("._orig_mod"))
    for module in model.modules():
        path = paths[id(module)]

        def enter(_module: nn.Module, _args: object, path: str = path) -> None:
            stack.append(path)

        def leave(_module: nn.Module, _args: object, _output: object) -> None:
            stack.pop()

        # First in, last out: the hooks of others run inside.
        handles.append(module.register_forward_pre_hook(enter, prepend=True))
        handles.append(module.register_forward_hook(leave, always_call=True))
    try:
        yield stack
    finally:
        for handle in handles:
            handle.remove()
