"""Where a tensor is zero whatever the inputs and the parameters are: masked weights.

A weight times a constant mask (PixelCNN, MADE), a lower triangle, a kernel assembled from parts and
zeros, attention behind a mask of -inf: what is multiplied by such a zero is not read.

Each tensor gets a mark per element: may it be other than zero? Sums and products of marks, and
copies of them, are found by running the operator itself on the marks: they are 0 and 1, so that
nothing cancels, in double precision, so that small factors do not become zero.
"""

from __future__ import annotations

import operator
from math import prod
from typing import Any

import torch
from torch import Tensor, fx
from torch.nn import Parameter

from rfgraph.rules.attention_mask import cut_scores, zero_after_softmax
from rfgraph.rules.call import Call, shape
from rfgraph.rules.lowest_scores import operator_name

FARTHEST = 12
"""Operators looked through between a product and the mask on one of its factors."""

LARGEST = 1 << 24
"""Elements of a tensor beyond which it is not marked: all of it counts as other than zero."""


def zero_weights(call: Call, weights: fx.Node) -> Tensor | None:
    """Where weights are zero for all inputs and parameters.

    Args:
        call: The call that reads the weights.
        weights: Their node.

    Returns:
        Booleans of the weights' shape, or None if there are none.
    """
    if weights.op == "get_attr" and isinstance(weights.meta["value"], Parameter):
        return None
    live = _live(call, weights, FARTHEST)
    return None if live is None or bool(live.all()) else ~live.expand(shape(weights))


def infinite_divisor(call: Call, divisor: Any) -> Tensor | None:
    """Where a divisor is infinite whatever the inputs and the parameters are; None for nowhere."""
    known = call.value(divisor, learned=False) if isinstance(divisor, fx.Node) else divisor
    infinite = None if known is None else torch.as_tensor(known).isinf()
    return None if infinite is None or not infinite.any() else infinite


def _live(call: Call, node: fx.Node, farthest: int) -> Tensor | None:
    """Where the tensor may be other than zero, broadcastable to it; None for everywhere."""
    if farthest == 0:
        return None
    known = node.meta.get("live")
    if known is not None and (known[0] >= farthest or known[1] is not None):
        kept: Tensor | None = known[1]
        return kept
    found = _found(call, node, farthest)
    node.meta["live"] = (farthest, found)
    return found


def _found(call: Call, node: fx.Node, farthest: int) -> Tensor | None:
    value = call.value(node, learned=False)
    if value is not None:
        # A buffer of zeros alone is a state that is filled later, not a mask.
        return None if not value.any() and _reads_empty(call, node) else value != 0
    if node.op != "call_function" or "opaque" in node.meta or _elements(node) > LARGEST:
        return None
    if node.target is operator.getitem:
        return _part(call, node, farthest)
    name = operator_name(node)
    if name in _SOFTMAX:
        scores, axis = node.args[:2]
        assert isinstance(scores, fx.Node)
        assert isinstance(axis, int)
        zero = zero_after_softmax(call, scores, axis)
        return None if zero is None else ~zero
    if name in _ZERO_AT_MINUS_INFINITY:
        source = node.args[0]
        cut = cut_scores(call, source) if isinstance(source, fx.Node) else None
        if cut is not None or name not in _ZERO_AT_ZERO:
            return None if cut is None else ~cut
    if name == "zeros_like" or (name in ("full_like", "fill") and node.args[1] == 0):
        return torch.zeros((), dtype=torch.bool)
    if name == "pow" and not (isinstance(node.args[1], (int, float)) and node.args[1] > 0):
        return None
    if name == "mul" and 0 in [a for a in node.args if not isinstance(a, fx.Node)]:
        return torch.zeros((), dtype=torch.bool)
    if name == "div" and node.kwargs.get("rounding_mode") is None:
        infinite = infinite_divisor(call, node.args[1])
        if infinite is not None:
            numerator = _of(call, node.args[0], farthest)
            return ~infinite if numerator is None else numerator & ~infinite
    if name in _ZERO_AT_ZERO:
        return _of(call, node.args[0], farthest)
    if name in ("where", "masked_fill"):
        return _chosen(call, node, name, farthest)
    if name in _EITHER:
        sides = [_of(call, source, farthest) for source in node.args[:2]]
        return None if sides[0] is None or sides[1] is None else sides[0] | sides[1]
    if name in _RUN_ON_MARKS:
        return _run(call, node, farthest)
    return None


def _reads_empty(call: Call, node: fx.Node) -> bool:
    """Whether a tensor of the model that is all zero is among what a constant is computed from."""
    seen, pending = {node}, [node]
    while pending:
        current = pending.pop()
        if current.op == "get_attr":
            value = call.value(current, learned=False)
            if value is not None and not value.any():
                return True
        fresh = [source for source in current.all_input_nodes if source not in seen]
        seen.update(fresh)
        pending.extend(fresh)
    return False


def _elements(node: fx.Node) -> int:
    """Elements of the node's tensor; more than are marked if it has several."""
    spec = node.meta.get("spec")
    return LARGEST + 1 if spec is None or type(spec) is tuple else prod(spec.shape)


def _of(call: Call, source: Any, farthest: int) -> Tensor | None:
    """The marks of an operand, which may be a number."""
    if isinstance(source, fx.Node):
        return _live(call, source, farthest - 1)
    return torch.zeros((), dtype=torch.bool) if source == 0 else None


def _chosen(call: Call, node: fx.Node, name: str, farthest: int) -> Tensor | None:
    """The marks of a selection; of either source where the condition is computed."""
    condition, yes, no = node.args if name == "where" else (node.args[i] for i in (1, 2, 0))
    sides = [_of(call, source, farthest) for source in (yes, no)]
    if sides == [None, None]:
        return None
    everywhere = torch.ones((), dtype=torch.bool)
    first, second = (everywhere if side is None else side for side in sides)
    decided = call.value(condition, learned=False) if isinstance(condition, fx.Node) else None
    return first | second if decided is None else torch.where(decided.bool(), first, second)


def _part(call: Call, node: fx.Node, farthest: int) -> Tensor | None:
    """The marks of one of the tensors that an operator cuts its operand into."""
    cut, place = node.args
    assert isinstance(cut, fx.Node)
    if operator_name(cut) not in _CUTS:
        return None
    parts = _on_marks(call, cut, farthest)
    return None if parts is None else _unless_everywhere(parts[place])


def _run(call: Call, node: fx.Node, farthest: int) -> Tensor | None:
    """The marks of what an operator on one or several tensors gives."""
    seen = _on_marks(call, node, farthest)
    return None if seen is None else _unless_everywhere(seen)


def _unless_everywhere(seen: Tensor) -> Tensor | None:
    live: Tensor = seen != 0
    return None if live.all() else live


def _on_marks(call: Call, node: fx.Node, farthest: int) -> Any:
    """The operator on the marks of its operands; constant indices are given as they are.

    Returns:
        What the operator returns; None if no operand is limited.
    """
    # Integers and truth values are factors of a product, and indices elsewhere.
    has_factors = operator_name(node) == "mul"
    marks = {
        source: _live(call, source, farthest - 1)
        for source in node.all_input_nodes
        if has_factors or source.meta["spec"].dtype.is_floating_point
    }
    limited = any(live is not None for live in marks.values())
    if not limited and not _puts_zeros(node):
        return None

    def mark(source: fx.Node) -> Any:
        if source not in marks:
            value = call.value(source, learned=False)
            if value is None:
                raise _UnknownIndexError
            return value
        live = marks[source]
        seen = torch.ones((), dtype=torch.bool) if live is None else live
        return seen.to(torch.float64).expand(shape(source))

    args: Any
    kwargs: Any
    try:
        args, kwargs = fx.node.map_arg((node.args, node.kwargs), mark)
    except _UnknownIndexError:
        return None
    if operator_name(node) in ("view", "_unsafe_view"):
        return args[0].reshape(shape(node))
    # What is subtracted is there all the same; as a negative mark it would cancel others.
    kwargs = {key: value for key, value in kwargs.items() if key != "alpha"}
    assert callable(node.target)
    return node.target(*map(_plain, args), **kwargs)


def _puts_zeros(node: fx.Node) -> bool:
    """Whether the operator writes zeros beside what it reads."""
    name = operator_name(node)
    if name == "constant_pad_nd":
        # Models pad to a multiple of their windows, most often by nothing.
        return any(amount > 0 for amount in node.args[1])  # type: ignore[union-attr, operator]
    return name in _MAKES_ZEROS or (name == "scatter" and bool(node.args[-1] == 0))


class _UnknownIndexError(Exception):
    """An index among the operands is computed from an input."""


def _plain(argument: Any) -> Any:
    """Immutable lists of fx as ordinary ones, which operators demand."""
    return [_plain(a) for a in argument] if isinstance(argument, (list, tuple)) else argument


_SOFTMAX = frozenset(["_softmax", "_safe_softmax", "softmax"])
_ZERO_AT_MINUS_INFINITY = frozenset(["exp", "exp2", "hardsigmoid", "relu", "sigmoid", "softplus"])

_ZERO_AT_ZERO = frozenset(
    [
        "_to_copy",
        "abs",
        "alias",
        "asin",
        "atan",
        "ceil",
        "clone",
        "detach",
        "div",
        "elu",
        "erf",
        "expm1",
        "floor",
        "gelu",
        "leaky_relu",
        "hardswish",
        "log1p",
        "mish",
        "nan_to_num",
        "neg",
        "pow",
        "relu",
        "round",
        "sign",
        "silu",
        "sin",
        "sinh",
        "sqrt",
        "square",
        "tan",
        "tanh",
        "trunc",
    ]
)
"""Operators that map zero to zero, element by element; of a quotient the numerator decides."""

_EITHER = frozenset(["add", "lerp", "maximum", "minimum", "sub"])
"""Zero where both operands are."""

_MAKES_ZEROS = frozenset(["block_diag", "constant_pad_nd", "diag_embed", "tril", "triu"])
"""Operators that put zeros beside what they read."""

_CUTS = frozenset(["chunk", "split", "split_with_sizes", "unbind", "unsafe_chunk", "unsafe_split"])
"""Operators that return a list of parts of their operand."""

_RUN_ON_MARKS = _MAKES_ZEROS | frozenset(
    [
        "_unsafe_view",
        "amax",
        "bmm",
        "cat",
        "copy",
        "cumprod",
        "cumsum",
        "diagonal",
        "diagonal_scatter",
        "embedding",
        "expand",
        "flip",
        "gather",
        "index",
        "index_add",
        "index_copy",
        "index_put",
        "index_select",
        "mean",
        "mm",
        "mul",
        "mv",
        "permute",
        "prod",
        "repeat",
        "roll",
        "scatter",
        "scatter_add",
        "select",
        "select_scatter",
        "slice",
        "slice_scatter",
        "squeeze",
        "stack",
        "sum",
        "t",
        "transpose",
        "unfold",
        "unsqueeze",
        "view",
    ]
)
"""Sums, products, maxima and copies: what they give for marks is the marks of what they give."""
