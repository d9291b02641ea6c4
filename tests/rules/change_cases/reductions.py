"""Reductions whose results are integers or several at once."""

from __future__ import annotations

import torch

from ._row import row, tried

ROWS = tried(
    row("any-dim", lambda x: (x > 1.3).any(2), 1, 1, 4, 3),
    row("any-dims", lambda x: torch.any(x > 1.4, (2, 3)), 1, 1, 3, 2),
    row("all", lambda x: (x > 0.6).all().reshape(1, 1), 1, 1, 4),
    row("all-dim", lambda x: (x > 0.7).all(3), 1, 1, 2, 4),
    row("_is_all_true", lambda x: torch.ops.aten._is_all_true(x > 0.6).reshape(1, 1), 1, 1, 4),
    row("_is_any_true", lambda x: torch.ops.aten._is_any_true(x > 1.4).reshape(1, 1), 1, 1, 4),
    row("count_nonzero", lambda x: (x > 1).count_nonzero().reshape(1, 1), 1, 1, 4),
    row("count_nonzero-dim", lambda x: (x > 1).count_nonzero(2), 1, 1, 4, 2),
    row("aminmax", lambda x: x.aminmax(dim=2).min, 1, 1, 4, 2),
    row("aminmax-all", lambda x: x.aminmax()[1].reshape(1, 1), 1, 1, 4),
    row("_aminmax", lambda x: torch.ops.aten._aminmax(x)[0].reshape(1, 1), 1, 1, 4, real=True),
    row("amin", lambda x: x.amin((2, 3)), 1, 1, 3, 2),
    row("max-all", lambda x: x.max().reshape(1, 1), 1, 1, 4),
    row("min-all", lambda x: x.min().reshape(1, 1), 1, 1, 4),
    row("nansum", lambda x: x.nansum(2), 1, 1, 4, 2),
    row("norm", lambda x: torch.ops.aten.norm.ScalarOpt_dim(x, 1, [2], True), 1, 1, 4, 2),
    row("linalg__powsum", lambda x: torch.ops.aten.linalg__powsum(x, 2, [2]), 1, 1, 4, 2),
    row("hash_tensor", lambda x: torch.hash_tensor(x, 2), 1, 1, 4, 2),
    row("var_mean", lambda x: torch.var_mean(x, 2)[1], 1, 1, 4, 2),
    row("std_mean", lambda x: torch.std_mean(x, (2, 3), keepdim=True)[0], 1, 1, 4, 2),
    row("dist", lambda x: torch.dist(x[:, :, :2], x[:, :, 2:]).reshape(1, 1), 1, 1, 4),
    row("segment_reduce", lambda x: torch.segment_reduce(
        x[0, 0], "sum", lengths=torch.tensor([2, 1, 2]), axis=0).reshape(1, 1, 3), 1, 1, 5,
        real=True, bound="where the segments begin is not followed"),
)  # fmt: skip
