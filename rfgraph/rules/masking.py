"""Choosing elements by a mask: a constant mask cuts for good, a computed one is read itself."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, fx

from rfgraph.geometry.tensor_map import Chain, Masked
from rfgraph.rules.attention_mask import cut_scores
from rfgraph.rules.axes import broadcast
from rfgraph.rules.call import Call, Read, Reads, Rule, shape
from rfgraph.rules.pointwise import pointwise
from rfgraph.rules.structural_zeros import infinite_divisor, zero_weights


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
    first, second = call["self"], call["other"]
    zeros = _zeros(call, first), _zeros(call, second)
    if zeros == (None, None):
        return pointwise(call)
    return [*_unless(call, first, zeros[1]), *_unless(call, second, zeros[0])]


def sum_with_product(call: Call) -> Reads:
    """A tensor plus a product of two, of which a zero for all inputs cuts the other."""
    first, second = call["tensor1"], call["tensor2"]
    if call["value"] == 0:
        zeros: tuple[Tensor | None, Tensor | None] = (torch.ones((), dtype=torch.bool),) * 2
    else:
        zeros = _zeros(call, first), _zeros(call, second)
    if zeros == (None, None):
        return pointwise(call)
    return [
        *_unless(call, call["self"], None),
        *_unless(call, first, zeros[1]),
        *_unless(call, second, zeros[0]),
    ]


def quotient(call: Call) -> Reads:
    """Elementwise; a numerator that is zero, or a denominator of constant infinity, cuts the other.

    Rounding down makes of a small negative number over infinity -1, and is left alone.
    """
    numerator, denominator = call["self"], call["other"]
    infinite = None if call.get("rounding_mode") else infinite_divisor(call, denominator)
    zeros = _zeros(call, numerator)
    if infinite is None and zeros is None:
        return pointwise(call)
    return [*_unless(call, numerator, infinite), *_unless(call, denominator, zeros)]


def mixture(call: Call) -> Reads:
    """Elementwise; with a constant weight of zero or one, one end of the two alone."""
    weight = call["weight"]
    known = call.value(weight, learned=False) if isinstance(weight, fx.Node) else weight
    only_end = None if known is None else torch.as_tensor(known == 1)
    only_start = _zeros(call, weight)
    if only_start is None and (only_end is None or not only_end.any()):
        return pointwise(call)
    return [
        *_unless(call, call["self"], only_end),
        *_unless(call, call["end"], only_start),
        *_unless(call, weight, None),
    ]


def _zeros(call: Call, factor: Any) -> Tensor | None:
    """Where a factor is zero for all inputs; None for nowhere."""
    if isinstance(factor, fx.Node):
        return zero_weights(call, factor)
    return torch.ones((), dtype=torch.bool) if factor == 0 else None


def _unless(call: Call, source: Any, cut: Tensor | None) -> Reads:
    """Elementwise but where it is cut."""
    return _chosen(call, source, torch.ones((), dtype=torch.bool) if cut is None else ~cut)


def zero_at_minus_infinity(call: Call) -> Reads:
    """Elementwise; a score of -inf gives zero and is not read."""
    source = call["self"]
    cut = cut_scores(call, source)
    return pointwise(call) if cut is None else _chosen(call, source, ~cut)


def _chosen(call: Call, source: Any, keep: Tensor) -> Reads:
    if not isinstance(source, fx.Node):
        return ()
    spread = broadcast(shape(source), call.out)
    if bool(keep.all()):
        return [Read(source, spread)]
    lifted = keep.reshape((1,) * (len(call.out) - keep.ndim) + tuple(keep.shape))
    cut = Masked(lifted.cpu().numpy().astype(bool))
    return [Read(source, Chain(((spread, call.out), (cut, call.out))))]


RULES: dict[str, Rule] = {
    "aten.mul": product,
    "aten.div": quotient,
    "aten.addcmul": sum_with_product,
    "aten.lerp": mixture,
    "aten.exp": zero_at_minus_infinity,
    "aten.exp2": zero_at_minus_infinity,
    "aten.sigmoid": zero_at_minus_infinity,
    "aten.masked_fill": masked_fill,
    "aten.where.self": where,
    "aten.where.ScalarSelf": where,
    "aten.where.ScalarOther": where,
    "aten.where.Scalar": where,
}
