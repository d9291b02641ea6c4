"""Choosing elements by a mask: a constant mask cuts for good, a computed one is read itself."""

from __future__ import annotations

from typing import Any

import torch
from torch import fx

from rfgraph.geometry.tensor_map import Chain, Masked
from rfgraph.rules.axes import broadcast
from rfgraph.rules.call import Call, Read, Reads, Rule, shape
from rfgraph.rules.pointwise import pointwise


def masked_fill(call: Call) -> Reads:
    """The fill value under the mask, the source elsewhere."""
    mask = call.value(call["mask"])
    if mask is None:
        return pointwise(call)
    return [*_chosen(call, call["self"], ~mask), *_chosen(call, call["value"], mask)]


def where(call: Call) -> Reads:
    """One operand where the condition holds, the other elsewhere."""
    condition = call.value(call["condition"])
    if condition is None:
        return pointwise(call)
    return [
        *_chosen(call, call["self"], condition),
        *_chosen(call, call["other"], ~condition),
    ]


def _chosen(call: Call, source: Any, keep: torch.Tensor) -> Reads:
    if not isinstance(source, fx.Node):
        return ()
    spread = broadcast(shape(source), call.out)
    if bool(keep.all()):
        return [Read(source, spread)]
    lifted = keep.reshape((1,) * (len(call.out) - keep.ndim) + tuple(keep.shape))
    cut = Masked(lifted.cpu().numpy().astype(bool))
    return [Read(source, Chain(((spread, call.out), (cut, call.out))))]


_CARRIERS = frozenset(
    [
        "add",
        "clone",
        "div",
        "expand",
        "masked_fill",
        "mul",
        "permute",
        "reshape",
        "sub",
        "transpose",
        "unsafe_view",
        "unsqueeze",
        "view",
        "where",
    ]
)


def is_cut(call: Call, scores: fx.Node, depth: int = 8) -> bool:
    """Whether constant values of -inf enter scores, so that a softmax over them drops positions."""
    if depth == 0 or scores.op != "call_function":
        return False
    packet = getattr(scores.target, "overloadpacket", None)
    if str(packet).removeprefix("aten.").strip("_") not in _CARRIERS:
        return False
    if any(argument == float("-inf") for argument in scores.args if isinstance(argument, float)):
        return True
    for source in scores.all_input_nodes:
        value = call.value(source)
        if value is not None:
            if value.is_floating_point() and bool(torch.isneginf(value).any()):
                return True
        elif is_cut(call, source, depth - 1):
            return True
    return False


RULES: dict[str, Rule] = {
    "aten.masked_fill": masked_fill,
    "aten.where.self": where,
    "aten.where.ScalarSelf": where,
    "aten.where.ScalarOther": where,
    "aten.where.Scalar": where,
}
