"""Constant masks of -inf on attention scores: what they cut.

A score of -inf is a weight of exactly zero, whatever the inputs are: the position is not read, and
a product with the weights does not read it either (:mod:`rfgraph.rules.structural_zeros`).

The lowest finite number of the type cuts too: adding a score to it changes nothing, and libraries
write it where they mean -inf. The two differ in a row of which nothing is left: -inf alone gives
no weights at all, the lowest number gives equal weights to all that have it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache
from typing import Any

import torch
from torch import Tensor, fx

from rfgraph.rules.call import Call, shape

FARTHEST = 12
"""Operators looked through between a softmax and its mask."""

Find = Callable[[Call, fx.Node, int], "Tensor | None"]


def cut_scores(call: Call, scores: fx.Node) -> Tensor | None:
    """Where scores are -inf, or the lowest number of their type, for all inputs.

    Args:
        call: The call that reads the scores.
        scores: Their node.

    Returns:
        Booleans of the scores' shape, or None if nothing is cut.
    """
    lowest = _lowest_scores(call, scores, FARTHEST)
    return None if lowest is None else ~lowest.isnan()


def zero_after_softmax(call: Call, scores: fx.Node, axis: int) -> Tensor | None:
    """Where a softmax along ``axis`` gives zero, or nothing, for all inputs.

    Args:
        call: The call that reads the weights.
        scores: The node of what the softmax reads.
        axis: Its axis; may count from the end.

    Returns:
        Booleans of the scores' shape, or None if nothing is cut.
    """
    lowest = _lowest_scores(call, scores, FARTHEST)
    if lowest is None:
        return None
    cut = ~lowest.isnan()
    if not cut.ndim:
        return cut & lowest.isinf()
    return cut & ~(cut.all(axis, keepdim=True) & lowest.isfinite())


def _lowest_scores(call: Call, scores: fx.Node, farthest: int) -> Tensor | None:
    """The scores that are cut, and NaN where they are not; None if none is."""
    value = call.value(scores, learned=False)
    if value is not None:
        return _lowest(value)
    if farthest == 0 or scores.op != "call_function":
        return None
    name = operator_name(scores)
    if name in _VIEWS:
        return _viewed(call, scores, _lowest_scores, farthest)
    if name == "add":
        factors: tuple[Any, Any] = (1, scores.kwargs.get("alpha", 1))
        found = [
            lowest
            for source, factor in zip(scores.args[:2], factors, strict=True)
            if (lowest := _scaled(call, source, factor, farthest - 1)) is not None
        ]
        return _sum(found, scores)
    # A mask plus the product of queries and keys; with a factor of zero the mask is not read.
    if name in ("addmm", "baddbmm") and scores.kwargs.get("beta", 1) == 1:
        mask = scores.args[0]
        lowest = _lowest_scores(call, mask, farthest - 1) if isinstance(mask, fx.Node) else None
        return None if lowest is None else lowest.expand(shape(scores))
    if name == "masked_fill":
        source, mask, fill = scores.args
        return _chosen(call, scores, mask, fill, source, farthest)
    if name == "where":
        condition, source, other = scores.args
        return _chosen(call, scores, condition, source, other, farthest)
    return None


_VIEWS = frozenset(
    [
        "_to_copy",
        "_unsafe_view",
        "alias",
        "clone",
        "expand",
        "permute",
        "select",
        "slice",
        "squeeze",
        "t",
        "transpose",
        "unsqueeze",
        "view",
    ]
)
"""Operators that move or copy elements and can be run on the mask itself."""


def operator_name(node: fx.Node) -> str:
    """The name of an ATen operator without namespace and overload."""
    return _name_of(node.target)


@cache
def _name_of(target: object) -> str:
    return str(getattr(target, "overloadpacket", None)).removeprefix("aten.")


def _lowest(value: Tensor) -> Tensor | None:
    if not value.is_floating_point() or not value.numel():
        return None
    is_lowest = value <= torch.finfo(value.dtype).min / 2
    return value.masked_fill(~is_lowest, math.nan) if bool(is_lowest.any()) else None


def _viewed(call: Call, node: fx.Node, find: Find, farthest: int) -> Tensor | None:
    source = node.args[0]
    assert isinstance(source, fx.Node)
    found = find(call, source, farthest - 1)
    if found is None:
        return None
    name = operator_name(node)
    if name == "_to_copy":
        return found.to(node.meta["spec"].dtype)
    if name in ("clone", "alias"):
        return found
    if name in ("view", "_unsafe_view"):
        return found.reshape(shape(node))
    assert callable(node.target)
    seen: Tensor = node.target(found, *map(_plain, node.args[1:]), **node.kwargs)
    return seen


def _plain(argument: Any) -> Any:
    return list(argument) if isinstance(argument, (list, tuple)) else argument


def _scaled(call: Call, source: Any, factor: float, farthest: int) -> Tensor | None:
    """What is cut of a term of a sum that is multiplied by a number first."""
    lowest = _lowest_scores(call, source, farthest) if isinstance(source, fx.Node) else None
    return lowest if lowest is None or factor == 1 else _lowest(lowest * factor)


def _sum(found: list[Tensor], node: fx.Node) -> Tensor | None:
    if not found:
        return None
    total, *others = (lowest.to(node.meta["spec"].dtype) for lowest in found)
    for other in others:
        # Twice the lowest number overflows to -inf.
        both = torch.where(other.isnan(), total, total + other)
        total = torch.where(total.isnan(), other, both)
    return total.expand(shape(node))


def _chosen(
    call: Call, node: fx.Node, condition: Any, chosen: Any, other: Any, farthest: int
) -> Tensor | None:
    """The cuts of a selection: those of one source where the condition holds, else the other's."""
    decided = call.value(condition, learned=False)
    if decided is None:
        return None
    out = shape(node)
    dtype = node.meta["spec"].dtype
    sides = [_side(call, source, dtype, farthest) for source in (chosen, other)]
    if sides == [None, None]:
        return None
    nowhere = torch.full((), math.nan, dtype=dtype)
    yes, no = (nowhere if side is None else side.to(dtype) for side in sides)
    return torch.where(decided.cpu(), yes, no).expand(out)


def _side(call: Call, source: Any, dtype: torch.dtype, farthest: int) -> Tensor | None:
    if isinstance(source, fx.Node):
        return _lowest_scores(call, source, farthest - 1)
    return _lowest(torch.tensor(source, dtype=dtype)) if isinstance(source, (int, float)) else None
