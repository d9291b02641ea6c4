"""Constant masks of -inf on attention scores: what they cut.

A score of -inf is a weight of exactly zero, whatever the inputs are: the position is not read, and
a product with the weights does not read it either (:mod:`rfgraph.rules.structural_zeros`).

The lowest finite number of the type cuts too: adding a score to it changes nothing, and libraries
write it where they mean -inf. The two differ in a row of which nothing is left: -inf alone gives
no weights at all, the lowest number gives equal weights to all that have it.
"""

from __future__ import annotations

from torch import Tensor, fx

from rfgraph.rules.call import Call
from rfgraph.rules.lowest_scores import lowest_scores


def cut_scores(call: Call, scores: fx.Node) -> Tensor | None:
    """Where scores are -inf, or the lowest number of their type, for all inputs.

    Args:
        call: The call that reads the scores.
        scores: Their node.

    Returns:
        Booleans of the scores' shape, or None if nothing is cut.
    """
    lowest = lowest_scores(call, scores)
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
    lowest = lowest_scores(call, scores)
    if lowest is None:
        return None
    cut = ~lowest.isnan()
    if not cut.ndim:
        return cut & lowest.isinf()
    return cut & ~(cut.all(axis, keepdim=True) & lowest.isfinite())
