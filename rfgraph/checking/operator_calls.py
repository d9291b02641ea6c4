"""Counts the ATen operators that each module of an eager run calls."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from torch import fx, nn
from torch._ops import OpOverload
from torch.utils._python_dispatch import TorchDispatchMode

from rfgraph.eager import executing_modules

Key = tuple[str, str, int]
"""Path of the innermost module, name of the operator, and how many such calls come before."""


def operator_name(func: OpOverload) -> str:
    """Return the operator's name without namespace, overload and the underscore of in-place."""
    name = str(func._schema.name).rpartition("::")[2]
    return name[:-1] if name.endswith("_") and not name.endswith("__") else name


def recorded_keys(graph: fx.Graph) -> Mapping[fx.Node, Key]:
    """Return the key of every recorded operator."""
    counts: Counter[tuple[str, str]] = Counter()
    keys = {}
    for node in graph.nodes:
        if isinstance(node.target, OpOverload):
            pair = (str(node.meta.get("module", "")), operator_name(node.target))
            keys[node] = (*pair, counts[pair])
            counts[pair] += 1
    return keys


class OperatorCalls(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Knows, at every operator of an eager run, its key."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._model = model
        self._stack = [""]
        self._counts: Counter[tuple[str, str]] = Counter()

    @contextmanager
    def following(self) -> Iterator[None]:
        """Follow one run: which module is executing."""
        self._counts.clear()
        with executing_modules(self._model) as self._stack, self:
            yield

    def key_of(self, func: OpOverload) -> Key:
        """Return the key of the call that is made now, and count it."""
        pair = (self._stack[-1], operator_name(func))
        self._counts[pair] += 1
        return (*pair, self._counts[pair] - 1)

    def __torch_dispatch__(
        self,
        func: OpOverload,
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        """Return what the operator returns."""
        self.key_of(func)
        return func(*args, **(kwargs or {}))
