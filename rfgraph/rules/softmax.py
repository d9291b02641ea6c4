"""Softmax: the axis as a whole, or what a constant mask of -inf leaves of it."""

from __future__ import annotations

import math

from rfgraph.geometry.matrix import uniform
from rfgraph.geometry.tensor_map import Chain, Masked, MaskedMix, identity
from rfgraph.rules.attention_mask import cut_scores
from rfgraph.rules.axes import mixing
from rfgraph.rules.call import Call, Read, Reads, Rule, shape


def softmax(call: Call) -> Reads:
    """The axis as a whole; the element is no separate local path.

    Where the scores are -inf for all inputs the weight is zero and nothing is read.
    """
    source = call["self"]
    rank = len(shape(source))
    if not rank:
        return [Read(source, identity(0))]
    axis = call["dim"] % rank
    cut = cut_scores(call, source)
    if cut is None:
        return [Read(source, mixing(rank, (axis,)))]
    keep = uniform(~cut.numpy())
    steps = ((MaskedMix(axis, keep), call.out), (Masked(keep), call.out))
    return [Read(source, Chain(steps))]


def is_cut(call: Call) -> Reads:
    """Whether scores are -inf: true where a constant mask says so, elementwise elsewhere.

    A decomposed safe softmax asks for it, to find rows without any score.
    """
    source = call["self"]
    rank = len(shape(source))
    cut = cut_scores(call, source) if call["other"] == -math.inf else None
    kept = identity(rank) if cut is None else Masked(uniform(~cut.numpy()))
    return [Read(source, kept)]


RULES: dict[str, Rule] = {
    "aten.eq.Scalar": is_cut,
    "aten._softmax": softmax,
    "aten._safe_softmax": softmax,
    "aten._log_softmax": softmax,
    "aten.softmax": softmax,
    "aten.log_softmax": softmax,
}
