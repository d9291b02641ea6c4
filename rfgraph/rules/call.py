"""One recorded operator call, as a rule sees it: arguments by schema name, shapes, constants."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Protocol

import torch
from torch import fx, nn
from torch._ops import OpOverload

from rfgraph.errors import RuleError
from rfgraph.geometry.tensor_map import Axes, Shape, TensorMap


@dataclass(frozen=True, slots=True)
class Read:
    """One way in which an operator reads one of its tensor inputs.

    Attributes:
        source: The node whose tensor is read.
        map: Which of its elements each output element reads.
        caveat: Why the map is larger than the truth; None when it is exact.
    """

    source: fx.Node
    map: TensorMap
    caveat: str | None = None


Reads = Sequence[Read]


@dataclass(frozen=True, slots=True)
class PerOutput:
    """Reads of an operator with several tensor outputs, in output order."""

    outputs: tuple[Reads, ...]


Rule = Callable[["Call"], Reads | PerOutput]


class Evaluate(Protocol):
    """Finds the value of a node that depends on no input (on no parameter, unless ``learned``)."""

    def __call__(self, node: fx.Node, *, learned: bool = True) -> torch.Tensor | None:
        """The value on the CPU, or None."""


@lru_cache(maxsize=1024)
def _parameters(target: OpOverload) -> dict[str, tuple[int, Any]]:
    return {
        argument.name: (
            place,
            argument.default_value if argument.has_default_value() else None,
        )
        for place, argument in enumerate(target._schema.arguments)  # noqa: SLF001 (the only way to it)
    }


@lru_cache(maxsize=256)
def _forward_parameters(kind: type[nn.Module]) -> dict[str, tuple[int, Any]]:
    _, *parameters = inspect.signature(kind.forward).parameters.values()  # without self
    return {
        p.name: (place, None if p.default is inspect.Parameter.empty else p.default)
        for place, p in enumerate(parameters)
    }


class Call:
    """A recorded call of one ATen operator, or of one module that is kept whole.

    Attributes:
        node: Where it was recorded.
        out: Shape of the result, or of the first of several.
        module: The module that was called; None for an operator.
    """

    __slots__ = ("_args", "_evaluate", "_parameters", "module", "node", "out")

    def __init__(self, node: fx.Node, evaluate: Evaluate) -> None:
        self.node = node
        self._evaluate = evaluate
        self._args = node.args
        self.module: nn.Module | None = node.meta.get("opaque")
        if self.module is not None:
            kind: Any = type(self.module)
            self._parameters = _forward_parameters(kind)
        else:
            assert isinstance(node.target, OpOverload)
            self._parameters = _parameters(node.target)
        spec = node.meta["spec"]
        self.out: Shape = (spec[0].shape if spec[0] else ()) if _several(spec) else spec.shape

    def __getitem__(self, name: str) -> Any:
        """The argument of that schema name, its default where it was not given.

        Raises:
            RuleError: The operator, or the module's forward, has no parameter of that name.
        """
        try:
            place, default = self._parameters[name]
        except KeyError:
            called = self.node.target if self.module is None else type(self.module).__name__
            message = (
                f"The rule of {self.node.meta['name']} asks for argument {name!r}, but those of "
                f"{called} are {', '.join(self._parameters)}."
            )
            raise RuleError(message) from None
        args = self._args
        return args[place] if place < len(args) else self.node.kwargs.get(name, default)

    def arguments(self) -> tuple[Any, ...]:
        """All arguments in the order of the schema, defaults where they were not given."""
        if len(self._args) == len(self._parameters):
            return self._args
        return tuple([self[name] for name in self._parameters])

    def get(self, name: str, default: Any = None) -> Any:
        """The argument of that name, or ``default`` if the overload has no such parameter."""
        return self[name] if name in self._parameters else default

    def outs(self) -> tuple[Shape | None, ...]:
        """The shapes of all outputs; None for an output that is no tensor."""
        spec = self.node.meta["spec"]
        if _several(spec):
            return tuple(s.shape if s is not None else None for s in spec)
        return (spec.shape,)

    def tensors(self) -> Iterator[fx.Node]:
        """Every node among the arguments, once, in order."""
        yield from self.node.all_input_nodes

    def value(self, node: fx.Node, *, learned: bool = True) -> torch.Tensor | None:
        """The node's data on the CPU; None when it depends on an input or has no data.

        Args:
            node: The node.
            learned: Whether values of parameters count as known; without, what depends on one is
                None too.
        """
        return self._evaluate(node, learned=learned)


def _several(spec: object) -> bool:
    # A spec of one tensor is a tuple-free dataclass; several outputs are a plain tuple of them.
    return type(spec) is tuple


def shape(node: fx.Node) -> Shape:
    """The shape of a node's tensor."""
    result: Shape = node.meta["spec"].shape
    return result


def same(source: fx.Node, axes: Axes) -> Reads:
    """A single exact read."""
    return (Read(source, axes),)


def per_axis(value: int | Sequence[int], count: int) -> list[int]:
    """A per-axis setting as a list of ``count`` entries, one entry repeated."""
    entries = [value] if isinstance(value, int) else list(value)
    return entries * count if len(entries) == 1 else entries
