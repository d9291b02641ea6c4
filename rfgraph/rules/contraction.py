"""Matrix products: each operand is read along its free axes and over its whole contracted axis."""

from __future__ import annotations

import numpy as np
from torch import fx

from rfgraph.geometry.axis_map import SAME
from rfgraph.geometry.matrix import rows, uniform
from rfgraph.geometry.tensor_map import (
    Axes,
    AxisRead,
    Chain,
    Masked,
    MaskedProduct,
    Reshape,
    Shape,
    TensorMap,
)
from rfgraph.rules.axes import broadcast, permuted, placed
from rfgraph.rules.call import Call, Read, Reads, Rule, shape
from rfgraph.rules.structural_zeros import zero_weights


def mm(call: Call) -> Reads:
    """(i, k) times (k, j)."""
    return _product(call, call["self"], call["mat2"], 0)


def bmm(call: Call) -> Reads:
    """(b, i, k) times (b, k, j)."""
    return _product(call, call["self"], call["mat2"], 1)


def _product(call: Call, left: fx.Node, right: fx.Node, batch: int) -> Reads:
    """Rows of the left and columns of the right factor, after ``batch`` common axes.

    Where one factor is zero for all inputs the other is not read.
    """
    i, j = batch, batch + 1
    common = range(batch)
    return [
        _factor(call, left, placed([*common, i, None]), j, right, (j, i)),
        _factor(call, right, placed([*common, None, j]), i, left, (i, j)),
    ]


def _factor(
    call: Call, source: fx.Node, plain: Axes, out_axis: int, other: fx.Node, order: tuple[int, int]
) -> Read:
    """One factor: whole along the contracted axis, or where the other factor is not zero.

    Args:
        call: The product.
        source: The factor.
        plain: How it is read when nothing is zero.
        out_axis: The output axis that the other factor gives.
        other: The other factor.
        order: The other factor's axes: the one it gives, the contracted one.
    """
    zero = zero_weights(call, other)
    if zero is None:
        return Read(source, plain)
    rest = tuple(axis for axis in range(zero.ndim) if axis not in order)
    keep = uniform(~zero.permute(*rest, *order).numpy())
    axis = next(a for a, read in enumerate(plain.reads) if read.out_axis is None)
    sizes = (call.out[out_axis], shape(source)[axis])
    keep = np.broadcast_to(keep, (*keep.shape[:-2], *sizes))
    reads = list(plain.reads)
    matrix = np.asarray(keep.any(axis=tuple(range(keep.ndim - 2))))
    reads[axis] = AxisRead(out_axis, rows(matrix))
    joined = Axes(tuple(reads))
    if keep.ndim == len(order) or keep.shape[0] == 1:
        return Read(source, joined)
    return Read(source, MaskedProduct(joined, keep, out_axis, axis))


def addmm(call: Call) -> Reads:
    """A bias plus (i, k) times (k, j)."""
    return [*_bias(call), *_product(call, call["mat1"], call["mat2"], 0)]


def baddbmm(call: Call) -> Reads:
    """A bias plus (b, i, k) times (b, k, j)."""
    return [*_bias(call), *_product(call, call["batch1"], call["batch2"], 1)]


def _bias(call: Call) -> Reads:
    """What is added to a product; with ``beta=0`` it is ignored, even where it is not finite."""
    bias = call["self"]
    return [Read(bias, broadcast(shape(bias), call.out))] if call["beta"] != 0 else []


def addbmm(call: Call) -> Reads:
    """A bias plus the sum over b of (b, i, k) times (b, k, j)."""
    left, right = call["batch1"], call["batch2"]
    return [
        *_bias(call),
        _stacked(call, left, placed([None, 0, None]), right, (1, 0, 2), (2, 0, 1)),
        _stacked(call, right, placed([None, None, 1]), left, (2, 0, 1), (1, 0, 2)),
    ]


def _stacked(
    call: Call,
    source: fx.Node,
    plain: Axes,
    other: fx.Node,
    order: tuple[int, ...],
    other_order: tuple[int, ...],
) -> Read:
    """One factor of a product over two axes: both whole, or where the other factor is not zero.

    Args:
        call: The product.
        source: The factor.
        plain: How it is read when nothing is zero.
        other: The other factor.
        order: The factor's axes: the one it gives, the contracted ones.
        other_order: The same of the other factor.
    """
    zero = zero_weights(call, other)
    if zero is None:
        return Read(source, plain)
    given = plain.reads[order[0]].out_axis
    assert given is not None
    lifted = tuple(shape(source)[axis] for axis in order)
    flat = (lifted[0], lifted[1] * lifted[2])
    matrix = (~zero.permute(other_order)).reshape(call.out[1 - given], flat[1]).numpy()
    product = Axes((AxisRead(given, SAME), AxisRead(1 - given, rows(matrix))))
    steps = ((permuted(order), lifted), (Reshape(lifted, flat), flat), (product, call.out))
    return Read(source, Chain(steps))


def mv(call: Call) -> Reads:
    """(i, k) times (k)."""
    return _matrix_times_vector(call, call["self"], call["vec"])


def addmv(call: Call) -> Reads:
    """A bias plus (i, k) times (k)."""
    return [*_bias(call), *_matrix_times_vector(call, call["mat"], call["vec"])]


def _matrix_times_vector(call: Call, matrix: fx.Node, vector: fx.Node) -> Reads:
    return [
        Read(matrix, _where_other_is(call, vector, placed([0, None]), shape(matrix))),
        _factor(call, vector, placed([None]), 0, matrix, (0, 1)),
    ]


def dot(call: Call) -> Reads:
    """(k) times (k)."""
    first, second = call.arguments()
    pairs = ((first, second), (second, first))
    return [
        Read(one, _where_other_is(call, other, placed([None]), shape(one))) for one, other in pairs
    ]


def _where_other_is(call: Call, other: fx.Node, plain: Axes, in_shape: Shape) -> TensorMap:
    """A factor where the vector that stands along its last axis is not zero."""
    zero = zero_weights(call, other)
    if zero is None:
        return plain
    keep = ~zero.reshape((1,) * (len(in_shape) - 1) + (-1,)).numpy()
    return Chain(((Masked(keep), in_shape), (plain, call.out)))


def linear(call: Call) -> Reads:
    """(…, k) times (j, k), plus a bias (j)."""
    source, weight, bias = call["input"], call["weight"], call["bias"]
    rank = len(shape(source))
    reads = [Read(source, placed([*range(rank - 1), None]))]
    if len(shape(weight)) == 1:
        return [*reads, Read(weight, placed([None]))]
    reads.append(Read(weight, placed([rank - 1, None])))
    if bias is not None:
        reads.append(Read(bias, broadcast(shape(bias), call.out)))
    return reads


def outer(call: Call) -> Reads:
    """(i) times (j)."""
    return [Read(call["self"], placed([0])), Read(call["vec2"], placed([1]))]


RULES: dict[str, Rule] = {
    "aten.mm": mm,
    "aten._int_mm": mm,
    "aten.bmm": bmm,
    "aten.addmm": addmm,
    "aten.baddbmm": baddbmm,
    "aten.addbmm": addbmm,
    "aten.mv": mv,
    "aten.addmv": addmv,
    "aten.dot": dot,
    "aten.vdot": dot,
    "aten.linear": linear,
    "aten.ger": outer,
    "aten.outer": outer,
}
