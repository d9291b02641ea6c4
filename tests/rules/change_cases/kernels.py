"""Operators beneath the public ones, and copies and views that only compilers write."""

from __future__ import annotations

import torch
from torch import Tensor

from ._row import row

aten = torch.ops.aten


def _ones(x: Tensor) -> Tensor:
    return torch.ones(2, dtype=x.dtype, device=x.device)


def _strided(x: Tensor) -> Tensor:
    y = x * 2
    y.as_strided((1, 1, 2), (6, 6, 2), 1).mul_(x[:, :, 4:])
    return y


ROWS = (
    row("_convolution", lambda x: torch._convolution(
        x, torch.ones(2, 2, 3, dtype=x.dtype, device=x.device), None, [1], [1], [2], False, [0], 1,
        False, False, False, False), 1, 2, 8),
    row("batch_norm-legit-train", lambda x: aten._native_batch_norm_legit.no_stats(
        x, None, None, True, 0.1, 1e-5)[0], 2, 2, 3, axes=(0, 2)),
    row("batch_norm-legit-functional", lambda x: aten._native_batch_norm_legit_functional(
        x, None, None, _ones(x), _ones(x), True, 0.1, 1e-5)[0], 2, 2, 3, axes=(0, 2)),
    row("batch_norm-update-functional", lambda x: aten._batch_norm_with_update_functional(
        x, None, None, _ones(x), _ones(x), 0.1, 1e-5)[0], 2, 2, 3, axes=(0, 2), real=True),
    row("batch_norm-running-mean", lambda x: aten._native_batch_norm_legit_functional(
        x, None, None, _ones(x), _ones(x), True, 0.1, 1e-5)[3].reshape(1, 2), 2, 2, 3,
        axes=(0, 2)),
    row("batch_norm-no-training", lambda x: aten._native_batch_norm_legit_no_training(
        x, None, None, _ones(x), _ones(x), 0.1, 1e-5)[0], 2, 2, 3, axes=(0, 2)),
    row("batch_norm-no-update", lambda x: aten._batch_norm_no_update(
        x, None, None, _ones(x), _ones(x), 0.1, 1e-5)[0], 2, 2, 3, axes=(0, 2), real=True),
    row("weight_norm", lambda x: aten._weight_norm_interface(x, x[:, :1].contiguous(), 0)[0], 3, 4,
        axes=(0, 1)),
    row("_euclidean_dist", lambda x: torch._euclidean_dist(
        x[0], x[0].flip(0) * 2)[None, None], 1, 4, 2, axes=(1,)),
    row("unsafe_split_with_sizes", lambda x: torch.unsafe_split_with_sizes(x, [2, 3], 2)[1],
        1, 1, 5),
    row("_reshape_alias", lambda x: aten._reshape_alias(x, [1, 2, 6], [12, 6, 1]), 1, 2, 2, 3),
    row("_reshape_alias_copy", lambda x: aten._reshape_alias_copy(x, [1, 2, 6], [12, 6, 1]),
        1, 2, 2, 3),
    row("_reshape_copy", lambda x: aten._reshape_copy(x, [1, 2, 6]), 1, 2, 2, 3),
    row("view-dtype", lambda x: x.view(torch.int64), 1, 1, 4),
    row("view-dtype-narrower", lambda x: x.view(torch.int32), 1, 1, 4,
        bound="elements are regrouped as another type"),
    row("view_as_real_copy", lambda x: aten.view_as_real_copy(torch.complex(x, x)).sum(-1),
        1, 1, 4),
    row("view_as_complex_copy", lambda x: aten.view_as_complex_copy(x).abs(), 1, 1, 4, 2,
        axes=(2,)),
    row("_neg_view", lambda x: torch.complex(x, x).conj().imag * 2, 1, 1, 4),
    row("_neg_view_copy", aten._neg_view_copy, 1, 1, 4),
    row("_conj_copy", lambda x: aten._conj_copy(torch.complex(x, x)).abs(), 1, 1, 4),
    row("t", lambda x: x.t(), 3, 4, axes=(0, 1)),
    row("lift_fresh_copy", aten.lift_fresh_copy, 1, 1, 4),
    row("_lazy_clone", aten._lazy_clone, 1, 1, 4, real=True),
    row("narrow_copy", lambda x: aten.narrow_copy(x, 2, 1, 2), 1, 1, 4),
    row("as_strided_scatter", lambda x: aten.as_strided_scatter(
        x, x[:, :, :2] * 3, [1, 1, 2], [6, 6, 2], 1), 1, 1, 6),
    row("as_strided-written", _strided, 1, 1, 6),
    row("rsub-tensor", lambda x: aten.rsub.Tensor(x, x.flip(2)), 1, 1, 4),
    row("_add_relu", lambda x: aten._add_relu(x, x.flip(2)), 1, 1, 4),
    row("_stack", lambda x: aten._stack([x, x.flip(2)], 3), 1, 1, 4),
    row("_logcumsumexp", lambda x: aten._logcumsumexp(x, 2), 1, 1, 4, real=True),
    row("_unsafe_masked_index", lambda x: aten._unsafe_masked_index(
        x, torch.tensor([True, False, True], device=x.device),
        [None, None, torch.tensor([3, 0, 1], device=x.device)], 0.0), 1, 1, 4),
    row("_unsafe_masked_index-mask", lambda x: aten._unsafe_masked_index(
        x, x[:, :, :3] > 1, [None, None, torch.tensor([3, 0, 1], device=x.device)], 0.0), 1, 1, 4),
    row("_masked_softmax", lambda x: aten._masked_softmax(
        x, torch.tensor([[[False, True, False]]], device=x.device), 2, 2), 1, 1, 3,
        real=True,
        bound="the mask of a fused softmax is not followed"),
    row("_functional_assert_async", lambda x: x + aten._functional_assert_async.msg(
        x[0, 0, 0] > 0, "positive", torch.zeros((), dtype=x.dtype, device=x.device)), 1, 1, 3),
)  # fmt: skip
