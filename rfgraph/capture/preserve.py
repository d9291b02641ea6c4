"""Leaves a model, and the process, exactly as they were found."""

from __future__ import annotations

import enum
import gc
import random
import sys
import types
from collections import OrderedDict, deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from operator import is_
from typing import Any

import torch
from torch import Tensor, nn

_CONTAINERS: tuple[type, ...] = (dict, OrderedDict, list, set, deque)
_OPAQUE = (
    Tensor,
    nn.Module,
    type,
    enum.Enum,
    types.FunctionType,
    types.BuiltinFunctionType,
    types.MethodType,
    types.ModuleType,
)
# 0: cannot change or not ours; 1: a plain container; 2: an object with attributes.
_KINDS: dict[type, int] = dict.fromkeys(_CONTAINERS, 1)


def _kind(cls: type) -> int:
    kind = _KINDS.get(cls)
    if kind is None:
        opaque = issubclass(cls, _OPAQUE) or cls.__module__.split(".")[0] in (
            "builtins",
            "torch",
            "numpy",
            "functools",
            "typing",
        )
        kind = 0 if opaque or not hasattr(cls, "__dict__") else 2
        _KINDS[cls] = kind
    return kind


class Snapshot:
    """The attributes of modules, and the contents of the containers in them, to put back.

    Tensors are kept by reference: nothing recorded here ever writes to them.
    """

    def __init__(self, modules: Sequence[nn.Module]) -> None:
        self._mappings: list[tuple[dict[Any, Any], dict[Any, Any]]] = []
        self._sequences: list[tuple[Any, list[Any]]] = []
        self._sets: list[tuple[set[Any], set[Any]]] = []
        self._empty: list[Any] = []
        self._seen: set[int] = set()
        self._scripted = [
            (module, bool(module.training))
            for module in modules
            if isinstance(module, torch.jit.ScriptModule)
        ]
        for module in modules:
            self._keep_mapping(module.__dict__)

    @property
    def lists(self) -> list[list[Any]]:
        """The ordinary lists found in attributes."""
        return [found for found, _ in self._sequences if type(found) is list]

    def restore(self) -> None:
        """Put everything back."""
        if any(self._empty):
            for container in self._empty:
                container.clear()
        for mapping, saved in self._mappings:
            same = len(mapping) == len(saved) and all(map(is_, mapping.values(), saved.values()))
            if not same or not all(map(is_, mapping, saved)):
                mapping.clear()
                mapping.update(saved)
        for sequence, items in self._sequences:
            if len(sequence) != len(items) or not all(map(is_, sequence, items)):
                sequence.clear()
                sequence.extend(items)
        for found, elements in self._sets:
            found.clear()
            found.update(elements)
        for module, training in self._scripted:
            module.train(training)

    def _keep_mapping(self, mapping: dict[Any, Any]) -> None:
        saved = mapping.copy()
        self._mappings.append((mapping, saved))
        kinds, empty = _KINDS, self._empty
        for value in saved.values():
            try:
                kind = kinds[type(value)]
            except KeyError:
                kind = _kind(type(value))
            if kind == 0:
                continue
            if kind == 1 and not value:
                # Most of a module's attributes: its hooks.
                empty.append(value)
            else:
                self._keep(value, kind)

    def _keep(self, value: Any, kind: int) -> None:
        if id(value) in self._seen:
            return
        self._seen.add(id(value))
        if kind == 2:
            attributes = getattr(value, "__dict__", None)
            if isinstance(attributes, dict):
                self._keep_mapping(attributes)
        elif isinstance(value, dict):
            self._keep_mapping(value)
        elif isinstance(value, set):
            self._sets.append((value, value.copy()))
        else:
            items = list(value)
            self._sequences.append((value, items))
            for item in items:
                kind = _kind(type(item))
                if kind:
                    self._keep(item, kind)


@contextmanager
def process_state() -> Iterator[None]:
    """Restore random states, default dtype and device, deterministic flags and fast paths."""
    states: list[tuple[Callable[[Any], object], Any]] = [
        (torch.set_rng_state, torch.get_rng_state()),
        (random.setstate, random.getstate()),
    ]
    numpy = sys.modules.get("numpy")
    if numpy is not None:
        states.append((numpy.random.set_state, numpy.random.get_state()))
    dtype = torch.get_default_dtype()
    deterministic = torch.are_deterministic_algorithms_enabled()
    warn_only = torch.is_deterministic_algorithms_warn_only_enabled()
    fast = torch.backends.mha.get_fastpath_enabled()
    grad = torch.is_grad_enabled()
    collecting = gc.isenabled()
    # A capture makes many objects and no garbage: collections would take a third of its time.
    gc.disable()
    torch.backends.mha.set_fastpath_enabled(False)
    torch.set_grad_enabled(False)
    try:
        yield
    finally:
        if collecting:
            gc.enable()
        torch.set_grad_enabled(grad)
        torch.backends.mha.set_fastpath_enabled(fast)
        if torch.get_default_dtype() is not dtype:
            torch.set_default_dtype(dtype)
        if torch.are_deterministic_algorithms_enabled() is not deterministic:
            torch.use_deterministic_algorithms(deterministic, warn_only=warn_only)
        for restore, state in states:
            restore(state)


@contextmanager
def default_device(device: torch.device | str) -> Iterator[None]:
    """Let tensors be made on ``device`` where the user has another default than the CPU.

    Inside ``with torch.device("meta")`` a mask that is made without a device has no data, and
    after ``torch.set_default_device("cuda")`` it cannot be joined with what is known of a model.
    """
    if torch.get_default_device().type == "cpu":
        yield
        return
    with torch.device(device):
        yield


_COMPILING = frozenset(("torch._dynamo.eval_frame", "torch.nn.attention.flex_attention"))
"""Modules without which nothing is compiled: the compiler, and a function that loads it."""


def uncompiled() -> Any:
    """Return a context in which compiled modules run as they were written."""
    if _COMPILING.isdisjoint(sys.modules):
        return nullcontext()
    return torch.compiler.set_stance("force_eager")
