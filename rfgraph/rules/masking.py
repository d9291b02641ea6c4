"""Choosing elements by a mask: a constant mask cuts for good, a computed one is read itself."""

from __future__ import annotations

from typing import Any

import torch
from torch import fx

from rfgraph.geometry.tensor_map import Chain, Masked
from rfgraph.rules.attention_mask import cut_scores
from rfgraph.rules.axes import broadcast
from rfgraph.rules.call import Call, Read, Reads, Rule, shape
from rfgraph.rules.pointwise import pointwise
from rfgraph.rules.structural_zeros import zero_weights


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


def product(call: Call) -> Reads:
    """Elementwise; where one factor is zero for all inputs the other is not read."""
    factors = (call["self"], call["other"])
    zeros = [zero_weights(call, f) if isinstance(f, fx.Node) else None for f in factors]
    if zeros == [None, None]:
        return pointwise(call)
    reads: list[Read] = []
    for factor, zero in zip(factors, reversed(zeros), strict=True):
        keep = torch.ones((), dtype=torch.bool) if zero is None else ~zero
        reads.extend(_chosen(call, factor, keep))
    return reads


def quotient(call: Call) -> Reads:
    """Elementwise; where the numerator is zero for all inputs the denominator is not read."""
    numerator, denominator = call["self"], call["other"]
    zero = zero_weights(call, numerator) if isinstance(numerator, fx.Node) else None
    if zero is None:
        return pointwise(call)
    every = torch.ones((), dtype=torch.bool)
    return [*_chosen(call, numerator, every), *_chosen(call, denominator, ~zero)]


def zero_at_minus_infinity(call: Call) -> Reads:
    """Elementwise; a score of -inf gives zero and is not read."""
    source = call["self"]
    cut = cut_scores(call, source)
    return pointwise(call) if cut is None else _chosen(call, source, ~cut)


def _chosen(call: Call, source: Any, keep: torch.Tensor) -> Reads:
    if not isinstance(source, fx.Node):
        return ()
    spread = broadcast(shape(source), call.out)
    if bool(keep.all()):
        return [Read(source, spread)]
    lifted = keep.reshape((1,) * (len(call.out) - keep.ndim) + tuple(keep.shape))
    cut = Masked(lifted.cpu().numpy().astype(bool))
    return [Read(source, Chain(((spread, call.out), (cut, call.out))))]


RULES: dict[str, Rule] = {
    "aten.mul.Tensor": product,
    "aten.div.Tensor": quotient,
    "aten.div.Tensor_mode": quotient,
    "aten.exp": zero_at_minus_infinity,
    "aten.exp2": zero_at_minus_infinity,
    "aten.sigmoid": zero_at_minus_infinity,
    "aten.masked_fill": masked_fill,
    "aten.where.self": where,
    "aten.where.ScalarSelf": where,
    "aten.where.ScalarOther": where,
    "aten.where.Scalar": where,
}
