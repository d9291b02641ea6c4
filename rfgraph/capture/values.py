"""Real values of nodes that do not depend on any input: masks, index tables, ``arange``."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

import torch
from torch import Tensor, fx
from torch._ops import OpOverload
from torch.nn import Parameter
from torch.utils._python_dispatch import _disable_current_modes
from torch.utils._pytree import tree_map

from rfgraph.capture.operators import describe, given, results_of, tensors_in

aten = torch.ops.aten

_UNSET = object()
_CONSTANT = "constant"
_FIXED = "fixed"
_DRAWN = "drawn"


def evaluate(node: fx.Node, *, learned: bool = True) -> Tensor | None:
    """Return the value of ``node`` on the CPU, or None when no single value exists.

    None means that the node depends on a model input, on random numbers, or on a parameter
    that holds no data (on any parameter, unless ``learned``); also for an operator with several
    results (ask its ``getitem`` nodes).
    Values are kept in ``node.meta``, so that asking again costs nothing. Elements of
    ``torch.empty`` that were never written count as zero.
    """
    return _tensor(_value(node, _CONSTANT if learned else _FIXED))


def draw(node: fx.Node) -> Tensor | None:
    """Return what `evaluate` returns, but let random operators draw a number.

    Python code that branches on a random number needs some answer; every node draws once.
    """
    return _tensor(_value(node, _DRAWN))


def _tensor(value: object) -> Tensor | None:
    return value if isinstance(value, Tensor) else None


def _value(node: fx.Node, memo: str) -> Any:
    found = node.meta.get(memo, _UNSET)
    if found is not _UNSET:
        return found
    pending = [node]
    while pending:
        current = pending[-1]
        if memo in current.meta:
            pending.pop()
            continue
        sources = current.all_input_nodes
        missing = [source for source in sources if memo not in source.meta]
        if missing and not any(source.meta.get(memo, _UNSET) is None for source in sources):
            pending.extend(missing)
            continue
        pending.pop()
        current.meta[memo] = _run(current, memo)
    return node.meta[memo]


def is_learned(value: Tensor) -> bool:
    """Return whether training changes the values: a parameter, or what was made of one."""
    base = value._base
    return value.requires_grad or isinstance(value, Parameter) or isinstance(base, Parameter)


def _run(node: fx.Node, memo: str) -> Any:
    if node.op == "get_attr":
        value = node.meta["value"]
        if value is None or (memo == _FIXED and is_learned(value)):
            return None
        with _undisturbed():
            return value.detach().to("cpu")
    if node.op != "call_function" or "opaque" in node.meta:
        return None
    target = node.target
    if target in _SHAPE_ONLY:
        return _run_on(node, _stand_in)
    if any(source.meta.get(memo) is None for source in node.all_input_nodes):
        return None
    if memo != _DRAWN and isinstance(target, OpOverload) and _is_random(target, node.args):
        return None
    return _run_on(node, lambda source: source.meta[memo])


def _is_random(target: OpOverload, args: tuple[Any, ...]) -> bool:
    """Whether this call of the operator draws numbers."""
    if target.overloadpacket not in _RECURRENT:
        return torch.Tag.nondeterministic_seeded in target.tags
    # Recurrent layers are tagged too, but draw only where they drop elements in training.
    names = [argument.name for argument in target._schema.arguments]
    given = dict(zip(names, args, strict=False))
    return bool(given["train"]) and given["dropout"] > 0


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Run what is inside without the modes that are active; outside a capture there are none."""
    modes = _disable_current_modes() if torch._C._len_torch_dispatch_stack() else nullcontext()
    with modes, torch._C.DisableTorchFunction():
        yield


def _run_on(node: fx.Node, value_of: Callable[[fx.Node], Tensor]) -> Any:
    """What the node's operator returns for values of its sources."""
    with _undisturbed(), torch.no_grad():
        args, kwargs = fx.node.map_arg((node.args, node.kwargs), value_of)
        return run_operator(node.target, _plain(args), kwargs)


def _stand_in(node: fx.Node) -> Tensor:
    """A tensor of the node's shape and type whose values nobody looks at."""
    spec = node.meta["spec"]
    return torch.empty((), dtype=spec.dtype).expand(spec.shape)


def _plain(value: Any) -> Any:
    """Return ``value`` with fx's immutable lists as ordinary ones, which operators demand."""
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, tuple):
        return tuple(_plain(item) for item in value)
    return value


def run_operator(target: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Return the result of a recorded operator on real tensors."""
    if target in _VIEWS:
        # A functional result may be laid out differently from the tensor that was written in
        # place, so that what was a view needs a copy here.
        return args[0].reshape(args[1])
    if isinstance(target, OpOverload) and (written := describe(target).written):
        return _returning_writes(target, args, kwargs, written)
    result = target(*args, **kwargs)
    return result.zero_() if target in _UNINITIALISED else result


def _returning_writes(
    func: OpOverload, args: tuple[Any, ...], kwargs: dict[str, Any], written: tuple[str, ...]
) -> Any:
    """What an operator returns and writes, as it is recorded; its operands are left alone."""
    copies = {
        name: tree_map(lambda a: a.clone() if isinstance(a, Tensor) else a, argument)
        if name in written
        else argument
        for name, argument in given(func, args, kwargs).items()
    }
    results = results_of(func, func(**copies))
    pairs = zip(results, func._schema.returns, strict=True)
    out = [result for result, kind in pairs if kind.alias_info is None]
    out += [tensor for name in written for tensor in tensors_in(copies.get(name))]
    return tuple(out) if len(out) > 1 else out[0]


_RECURRENT = frozenset((aten.lstm, aten.gru, aten.rnn_tanh, aten.rnn_relu))
_VIEWS = frozenset((aten.view.default, aten._unsafe_view.default, aten._reshape_alias.default))
_UNINITIALISED = frozenset(
    (
        aten.empty.memory_format,
        aten.empty_like.default,
        aten.empty_strided.default,
        aten.new_empty.default,
        aten.new_empty_strided.default,
    )
)
_SHAPE_ONLY = frozenset(
    (
        aten.empty_like.default,
        aten.full_like.default,
        aten.new_empty.default,
        aten.new_empty_strided.default,
        aten.new_full.default,
        aten.new_ones.default,
        aten.new_zeros.default,
        aten.ones_like.default,
        aten.zeros_like.default,
    )
)
"""Operators that take shape and type from a tensor, and no values: known whatever the input is."""
