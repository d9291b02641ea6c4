"""Which modules of a model a recording watches, and why some cannot be watched."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping
from fnmatch import fnmatchcase
from typing import TypeAlias

import torch
from torch import nn

from rfgraph.errors import InputError, ModelError, NodeNotFoundError

Names: TypeAlias = str | type[nn.Module] | Iterable[str | type[nn.Module]]
"""Module paths, shell-style patterns over them (`layer4.*`), or module classes."""

_WRAPPERS = (nn.DataParallel, nn.parallel.DistributedDataParallel)


def select_modules(model: nn.Module, names: Names) -> Mapping[str, nn.Module]:
    """Return the modules that `names` choose, by path, in the order of the model.

    Paths are those of the analysis: what wraps the model for several devices does not show in them.
    A module that stands at several paths is returned once. Patterns and classes leave out modules
    that compiled or scripted code runs, as their hooks would never be called.

    Args:
        model: The model, wrapped or not.
        names: Paths, patterns or classes; `""` is the model itself, which no pattern matches.

    Raises:
        NodeNotFoundError: A path, pattern or class chooses nothing.
        InputError: `names` is empty or holds something else.
        ModelError: A module given by path, or every chosen one, runs where no Python hook sees it.
    """
    wanted = (names,) if isinstance(names, (str, type)) else tuple(names)
    if not wanted:
        raise InputError("Nothing to record; give module paths, patterns or module classes.")
    paths = dict(_paths(model))
    chosen: set[str] = set()
    for choice in wanted:
        found = {path for path, module in paths.items() if _fits(choice, path, module)}
        if not found:
            raise NodeNotFoundError(_nothing(choice, paths))
        chosen |= found
    modules: dict[str, nn.Module] = {}
    reasons: list[str] = []
    for path, module in paths.items():
        if path not in chosen or any(module is other for other in modules.values()):
            continue
        reason = _hidden(path, paths)
        if reason is None:
            modules[path] = module
        elif path in wanted:
            raise ModelError(reason)
        else:
            reasons.append(reason)
    if not modules:
        raise ModelError(reasons[0])
    return modules


def _paths(model: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    while isinstance(model, _WRAPPERS):
        model = model.module
    yield from model.named_modules(remove_duplicate=False)


def _fits(choice: object, path: str, module: nn.Module) -> bool:
    if isinstance(choice, str):
        return path == choice or (bool(path) and fnmatchcase(path, choice))
    if isinstance(choice, type) and issubclass(choice, nn.Module):
        return isinstance(module, choice)
    raise InputError(f"{choice!r} is neither a module path, a pattern nor a module class.")


def _nothing(choice: str | type[nn.Module], paths: Mapping[str, nn.Module]) -> str:
    if isinstance(choice, type):
        return f"The model has no module of class {choice.__name__}."
    close = difflib.get_close_matches(choice.strip("*"), paths, n=3, cutoff=0.5)
    hint = f"; close: {', '.join(close)}" if close else ""
    return (
        f"No module is called {choice!r}{hint}. Hooks see what modules return, not the operators "
        "between them."
    )


def _hidden(path: str, paths: Mapping[str, nn.Module]) -> str | None:
    """Return why hooks of the module at `path` would not be called, or None if they would."""
    for above in (*_parents(path), path):
        module = paths[above]
        where = f"module {above!r}" if above else "the model"
        compiled = type(module).__name__ == "OptimizedModule" and hasattr(module, "_orig_mod")
        if (compiled and above != path) or getattr(module, "_compiled_call_impl", None) is not None:
            return (
                f"Hooks cannot watch {path!r}: {where} is compiled, and compiled code passes "
                "them by; record the model as it was before torch.compile."
            )
        if above != path and isinstance(module, torch.jit.ScriptModule):
            return (
                f"Hooks cannot watch {path!r}: it lies inside {where}, which is scripted and runs "
                f"its children outside Python; record {above!r} itself."
            )
    return None


def _parents(path: str) -> tuple[str, ...]:
    parts = path.split(".")
    return tuple(".".join(parts[:length]) for length in range(len(parts) if path else 0))
