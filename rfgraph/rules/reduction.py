"""Reductions over axes: sums, means, extrema, norms, variances."""

from __future__ import annotations

from collections.abc import Callable

from rfgraph.geometry.tensor_map import Chain, Everything, Masked
from rfgraph.rules.axes import mixing, normal_axes, reduced
from rfgraph.rules.call import Call, PerOutput, Read, Reads, Rule, shape
from rfgraph.rules.structural_zeros import zero_weights


def _over(call: Call, axes: tuple[int, ...], keepdim: bool) -> Reads:
    source = call.node.all_input_nodes[0]
    return [Read(source, reduced(len(shape(source)), axes, keepdim))]


def over_axes(call: Call) -> Reads:
    """The axes in ``dim`` (all when None or empty) are read whole."""
    source = call.node.all_input_nodes[0]
    axes = normal_axes(call.get("dim"), len(shape(source)))
    return _over(call, axes, bool(call.get("keepdim", False)))


def product(call: Call) -> Reads:
    """The axis in ``dim``, or all; nothing where an element is zero for all inputs."""
    source = call["self"]
    (read,) = over_axes(call)
    zero = zero_weights(call, source)
    if zero is None:
        return [read]
    gone = zero.any(normal_axes(call.get("dim"), zero.ndim), keepdim=bool(call.get("keepdim")))
    return [Read(source, Chain(((read.map, call.out), (Masked(~gone.numpy()), call.out))))]


def over_axes_twice(call: Call) -> PerOutput:
    """Two outputs, such as values and indices, over the same axes."""
    reads = over_axes(call)
    return PerOutput(tuple(reads for _ in call.outs()))


def _all_or_one(call: Call) -> Reads:
    dim = call.get("dim")
    rank = len(shape(call["self"]))
    axes = tuple(range(rank)) if dim is None else normal_axes(dim, rank)
    return _over(call, axes, bool(call.get("keepdim", False)))


def segments(call: Call) -> Reads:
    """Stretches of one axis, each reduced: a bound by the whole of the axis."""
    source = call["data"]
    over = mixing(len(shape(source)), (call["axis"],))
    found = [Read(source, over, "where the segments begin is not followed")]
    rest = [node for node in call.tensors() if node is not source]
    return [*found, *(Read(node, Everything(), "segments are computed") for node in rest)]


def _named(names: str, rule: Callable[[Call], Reads | PerOutput]) -> dict[str, Rule]:
    return dict.fromkeys((f"aten.{name}" for name in names.split()), rule)


RULES: dict[str, Rule] = {
    **_named(
        "mean sum nansum nanmean amin any all var std norm linalg_vector_norm"
        " linalg__powsum hash_tensor count_nonzero min.default _is_all_true _is_any_true",
        over_axes,
    ),
    "aten.prod": product,
    "aten.segment_reduce": segments,
    **_named("argmax argmin", _all_or_one),
    **_named(
        "min.dim var_mean std_mean median.dim nanmedian.dim mode kthvalue aminmax _aminmax",
        over_axes_twice,
    ),
    **_named("median.default nanmedian.default", over_axes),
}
