"""Diagonals and triangles of matrices."""

from __future__ import annotations

from math import prod

import numpy as np
import numpy.typing as npt

from rfgraph.geometry.tensor_map import Chain, Lookup, Masked, Shape
from rfgraph.rules.axes import reduced
from rfgraph.rules.call import Call, Read, Reads, Rule, shape

Places = npt.NDArray[np.int64]


def _numbered(shape_: Shape) -> Places:
    return np.arange(prod(shape_), dtype=np.int64).reshape(shape_)


def _diagonal(shape_: Shape, offset: int, dim1: int, dim2: int) -> Lookup:
    return Lookup(shape_, lambda: np.diagonal(_numbered(shape_), offset, dim1, dim2).copy())


def diagonal(call: Call) -> Reads:
    """The diagonal of two axes becomes a new last axis."""
    source = call["self"]
    return [
        Read(source, _diagonal(shape(source), call["offset"], call["dim1"], call["dim2"])),
    ]


def trace(call: Call) -> Reads:
    """The sum of the diagonal; what stands beside it is not read."""
    source = call["self"]
    in_shape = shape(source)
    count = min(in_shape)
    return [
        Read(
            source,
            Chain(
                ((_diagonal(in_shape, 0, 0, 1), (count,)), (reduced(1, (0,), keepdim=False), ()))
            ),
        )
    ]


def diag_embed(call: Call) -> Reads:
    """The last axis becomes the diagonal of two new axes, zero beside it."""
    source = call["self"]
    in_shape, out_shape = shape(source), call.out
    return [
        Read(
            source,
            Lookup(
                in_shape,
                lambda: _written(in_shape, out_shape, call["offset"], call["dim1"], call["dim2"]),
            ),
        )
    ]


def _written(in_shape: Shape, out_shape: Shape, offset: int, dim1: int, dim2: int) -> Places:
    """For each output element the element that is written there, -1 beside the diagonal."""
    found = np.full(prod(out_shape), -1, np.int64)
    found[np.diagonal(_numbered(out_shape), offset, dim1, dim2).reshape(-1)] = np.arange(
        prod(in_shape)
    )
    return found.reshape(out_shape)


def diagonal_scatter(call: Call) -> Reads:
    """On the diagonal the source, beside it the target."""
    target, source = call["self"], call["src"]
    setting = (call["offset"], call["dim1"], call["dim2"])
    written = _written(shape(source), call.out, *setting)
    return [
        Read(target, Masked(written < 0)),
        Read(source, Lookup(shape(source), lambda: written)),
    ]


def triangle(call: Call) -> Reads:
    """One side of a diagonal of the last two axes; the other side reads nothing."""
    source = call["self"]
    in_shape = shape(source)
    keep = np.ones(in_shape[-2:], dtype=bool)
    below = "tril" in str(call.node.target)
    keep = (np.tril if below else np.triu)(keep, call["diagonal"])
    return [Read(source, Masked(keep.reshape((1,) * (len(in_shape) - 2) + keep.shape)))]


RULES: dict[str, Rule] = {
    "aten.diagonal": diagonal,
    "aten.trace": trace,
    "aten.diag_embed": diag_embed,
    "aten.diagonal_scatter": diagonal_scatter,
    "aten.tril": triangle,
    "aten.triu": triangle,
}
