"""Constant masks of -inf on attention scores: what they cut.

A score of -inf is a weight of exactly zero, whatever the inputs are: the position is not read, and
a product with the weights does not read it either (:mod:`rfgraph.rules.structural_zeros`).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, fx

from rfgraph.rules.call import Call, shape

FARTHEST = 12
"""Operators looked through between a softmax and its mask."""

Find = Callable[[Call, fx.Node, int], "Tensor | None"]


def cut_scores(call: Call, scores: fx.Node, farthest: int = FARTHEST) -> Tensor | None:
    """Where scores are -inf for all inputs.

    The lowest finite number of the type counts too: adding a score to it changes nothing, and
    libraries write it where they mean -inf.

    Args:
        call: The call that reads the scores.
        scores: Their node.
        farthest: How many operators to look through.

    Returns:
        Booleans of the scores' shape, or None if nothing is cut.
    """
    value = call.value(scores, learned=False)
    if value is not None:
        return _lowest(value)
    if farthest == 0 or scores.op != "call_function":
        return None
    name = operator_name(scores)
    if name in _VIEWS:
        return _viewed(call, scores, cut_scores, farthest)
    if name == "add":
        found = [
            cut
            for source in scores.args[:2]
            if isinstance(source, fx.Node)
            and (cut := cut_scores(call, source, farthest - 1)) is not None
        ]
        return _either(found, shape(scores))
    if name in ("addmm", "baddbmm"):  # a mask plus the product of queries and keys
        mask = scores.args[0]
        cut = cut_scores(call, mask, farthest - 1) if isinstance(mask, fx.Node) else None
        return None if cut is None else cut.expand(shape(scores))
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
    packet = getattr(node.target, "overloadpacket", None)
    return str(packet).removeprefix("aten.")


def _lowest(value: Tensor) -> Tensor | None:
    if not value.is_floating_point() or not value.numel():
        return None
    bound = torch.finfo(value.dtype).min / 2
    return value <= bound if float(value.min()) <= bound else None


def _viewed(call: Call, node: fx.Node, find: Find, farthest: int) -> Tensor | None:
    source = node.args[0]
    assert isinstance(source, fx.Node)
    found = find(call, source, farthest - 1)
    if found is None:
        return None
    name = operator_name(node)
    if name in ("_to_copy", "clone", "alias"):
        return found
    if name in ("view", "_unsafe_view"):
        return found.reshape(shape(node))
    assert callable(node.target)
    seen: Tensor = node.target(found, *map(_plain, node.args[1:]), **node.kwargs)
    return seen


def _plain(argument: Any) -> Any:
    return list(argument) if isinstance(argument, (list, tuple)) else argument


def _either(found: list[Tensor], out: tuple[int, ...]) -> Tensor | None:
    if not found:
        return None
    joined = found[0]
    for other in found[1:]:
        joined = joined | other
    return joined.expand(out)


def _chosen(
    call: Call, node: fx.Node, condition: Any, chosen: Any, other: Any, farthest: int
) -> Tensor | None:
    """The cuts of a selection: those of one source where the condition holds, else the other's."""
    decided = call.value(condition, learned=False)
    if decided is None:
        return None
    out = shape(node)
    sides = [_side(call, source, farthest) for source in (chosen, other)]
    if sides == [None, None]:
        return None
    nowhere = torch.zeros((), dtype=torch.bool)
    yes, no = (nowhere if side is None else side for side in sides)
    return torch.where(decided.cpu(), yes, no).expand(out)


def _side(call: Call, source: Any, farthest: int) -> Tensor | None:
    if isinstance(source, fx.Node):
        return cut_scores(call, source, farthest - 1)
    is_lowest = isinstance(source, (int, float)) and source <= -math.inf
    return torch.ones((), dtype=torch.bool) if is_lowest else None
