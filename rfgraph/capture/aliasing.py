"""Writes through views: the functional operators that put a changed view back into its base.

What ``torch.func.functionalize`` does in C++, for the recorder: a view remembers the operator
that made it, a write to the view becomes a new base (``slice_scatter`` and its kin), and other
views of that base are made again from it when they are next read.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import fx
from torch._ops import OpOverload

from rfgraph.capture.recording import TensorSpec
from rfgraph.capture.shapes import contiguous_strides

aten = torch.ops.aten

Emit = Callable[[OpOverload, tuple[Any, ...], TensorSpec], fx.Node]


@dataclass(frozen=True, slots=True)
class View:
    """How a view is made from its base: ``operator(base, *rest, **options)``.

    ``operator`` is None when the view has the base's own elements in the base's own geometry.
    """

    operator: OpOverload | None
    rest: tuple[Any, ...] = ()
    options: dict[str, Any] = field(default_factory=dict)


SAME = View(None)


def one_of_many(view: View, base: TensorSpec, index: int) -> View:
    """Return result ``index`` of a view operator with several results as a view by itself."""
    operator, rest = view.operator, view.rest
    if operator is aten.unbind.int:
        return View(aten.select.int, (rest[0] if rest else 0, index))
    if operator is aten.split.Tensor:
        size, dim = rest[0], rest[1] if len(rest) > 1 else 0
        total = base.shape[dim]
        return View(aten.slice.Tensor, (dim, index * size, min((index + 1) * size, total)))
    if operator is aten.split_with_sizes.default:
        sizes, dim = rest[0], rest[1] if len(rest) > 1 else 0
        start = sum(sizes[:index])
        return View(aten.slice.Tensor, (dim, start, start + sizes[index]))
    message = f"{operator} has no known way to write to one of its results"
    raise NotImplementedError(message)


def put_back(
    emit: Emit,
    view: View,
    base: tuple[fx.Node, TensorSpec],
    child: tuple[fx.Node, TensorSpec],
) -> fx.Node:
    """Return the node of the base after its view has become ``child``.

    Raises:
        NotImplementedError: When the view operator has no known inverse.
    """
    (base_node, base_spec), (child_node, child_spec) = base, child
    operator, rest = view.operator, view.rest
    if operator is None:
        return child_node
    scatter = _SCATTERS.get(operator)
    if scatter is not None:
        return emit(scatter, (base_node, child_node, *rest), _packed(base_spec))
    if operator in _RESHAPES:
        node = child_node
        if child_spec.stride != contiguous_strides(child_spec.shape):
            spec = _packed(child_spec)
            # A view may not merge axes that are not contiguous; a copy always may.
            node = emit(aten._unsafe_view.default, (node, list(child_spec.shape)), spec)
        return emit(aten.view.default, (node, list(base_spec.shape)), _packed(base_spec))
    if operator in _INVOLUTIONS:
        return emit(operator, (child_node, *rest), base_spec)
    if operator is aten.permute.default:
        order = [0] * len(rest[0])
        for new, old in enumerate(rest[0]):
            order[old] = new
        return emit(operator, (child_node, order), base_spec)
    if operator is aten.expand.default and child_spec.shape == base_spec.shape:
        return child_node
    if operator is aten.view_as_real.default:
        return emit(aten.view_as_complex.default, (child_node,), base_spec)
    if operator is aten.view_as_complex.default:
        return emit(aten.view_as_real.default, (child_node,), base_spec)
    if operator is aten.unfold.default and rest[2] >= rest[1]:
        strided = View(aten.as_strided.default, _strided_unfold(base_spec, *rest))
        return put_back(emit, strided, base, child)
    message = f"{operator} has no known inverse"
    raise NotImplementedError(message)


def _packed(spec: TensorSpec) -> TensorSpec:
    return TensorSpec(spec.shape, spec.dtype, contiguous_strides(spec.shape))


def _strided_unfold(base: TensorSpec, dim: int, size: int, step: int) -> tuple[Any, ...]:
    strides = contiguous_strides(base.shape)
    shape = list(base.shape)
    shape[dim] = (shape[dim] - size) // step + 1
    jumps = list(strides)
    jumps[dim] *= step
    return [*shape, size], [*jumps, strides[dim]], 0


_SCATTERS: dict[OpOverload, OpOverload] = {
    aten.slice.Tensor: aten.slice_scatter.default,
    aten.select.int: aten.select_scatter.default,
    aten.diagonal.default: aten.diagonal_scatter.default,
    aten.as_strided.default: aten.as_strided_scatter.default,
}
_RESHAPES = {
    aten.view.default,
    aten._reshape_alias.default,
    aten.squeeze.default,
    aten.squeeze.dim,
    aten.squeeze.dims,
    aten.unsqueeze.default,
}
_INVOLUTIONS = {
    aten.t.default,
    aten.transpose.int,
    aten._conj.default,
    aten._neg_view.default,
}
