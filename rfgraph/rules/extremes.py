"""Maxima and sums of exponentials: what is -inf for all inputs is not among what they read."""

from __future__ import annotations

from torch import fx

from rfgraph.geometry.axis_map import SAME
from rfgraph.geometry.matrix import uniform
from rfgraph.geometry.movement import fixed
from rfgraph.geometry.tensor_map import Axes, AxisRead, Chain, Masked, MaskedMix, TensorMap
from rfgraph.rules.attention_mask import cut_scores
from rfgraph.rules.axes import normal_axes, reduced
from rfgraph.rules.call import Call, PerOutput, Read, Reads, Rule, shape


def past_cut(call: Call, source: fx.Node, plain: TensorMap) -> TensorMap:
    """How a source is read, without its elements that are lowest for all inputs.

    Args:
        call: The call that reads it.
        source: The source.
        plain: How it is read when nothing is cut.
    """
    cut = cut_scores(call, source)
    if cut is None:
        return plain
    return Chain(((Masked(uniform(~cut.numpy())), shape(source)), (plain, call.out)))


def extreme(call: Call) -> Reads:
    """The axes in ``dim`` (all when None or empty), or what a constant mask of -inf leaves.

    One axis under a mask is not mixed as a whole: like a softmax, it stays local.
    """
    source = call.node.all_input_nodes[0]
    rank = len(shape(source))
    axes, keepdim = normal_axes(call.get("dim"), rank), bool(call.get("keepdim", False))
    cut = cut_scores(call, source) if len(axes) == 1 else None
    if cut is None or not rank:
        return [Read(source, past_cut(call, source, reduced(rank, axes, keepdim)))]
    (axis,) = axes
    keep = uniform(~cut.numpy())
    mixed = (MaskedMix(axis, keep), shape(source))
    return [Read(source, Chain((mixed, (_first(rank, axis, keepdim=keepdim), call.out))))]


def _first(rank: int, axis: int, *, keepdim: bool) -> Axes:
    """The first position of an axis, which goes or is left with that position alone."""
    reads = []
    for k in range(rank):
        place = k - (k > axis and not keepdim)
        reads.append(AxisRead(None, fixed(0)) if k == axis else AxisRead(place, SAME))
    return Axes(tuple(reads))


def extreme_twice(call: Call) -> PerOutput:
    """Values and indices."""
    return PerOutput((extreme(call),) * 2)


RULES: dict[str, Rule] = {
    **dict.fromkeys(["aten.amax", "aten.logsumexp", "aten.max.default"], extreme),
    "aten.max.dim": extreme_twice,
}
