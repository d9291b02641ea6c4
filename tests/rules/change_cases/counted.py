"""Searching, counting, and telling apart."""

from __future__ import annotations

import torch
from torch import Tensor

from ._row import row, tried


def _edges(x: Tensor) -> Tensor:
    return torch.tensor([0.7, 0.9, 1.1, 1.3], dtype=x.dtype, device=x.device)


ROWS = tried(
    row("searchsorted-values", lambda x: torch.searchsorted(_edges(x), x), 1, 1, 5),
    row("searchsorted-sequence", lambda x: torch.searchsorted(
        x, torch.full((1, 1, 2), 1.0, dtype=x.dtype, device=x.device), sorter=x.argsort(2)),
        1, 1, 5),
    row("searchsorted-scalar", lambda x: torch.searchsorted(x[0, 0].cumsum(0), 3.0).reshape(1, 1),
        1, 1, 3),
    row("bucketize", lambda x: torch.bucketize(x, _edges(x)), 1, 1, 5),
    row("bucketize-boundaries", lambda x: torch.bucketize(
        torch.full((1, 1, 2), 3.0, dtype=x.dtype, device=x.device), x[0, 0].cumsum(0)), 1, 1, 3),
    row("bucketize-scalar", lambda x: torch.bucketize(3.0, x[0, 0].cumsum(0)).reshape(1, 1),
        1, 1, 3),
    row("isin", lambda x: torch.isin(x, torch.tensor([1, 2], device=x.device)), 1, 1, 5, below=4,
        axes=(2,)),
    row("isin-tested", lambda x: torch.isin(torch.arange(3, device=x.device), x), 4, below=4,
        axes=(0,), trials=80),
    row("isin-scalar", lambda x: torch.isin(x, 1), 1, 1, 5, below=4, axes=(2,)),
    row("histc", lambda x: torch.histc(x, 4, 0.5, 1.5).reshape(1, 4), 1, 1, 5),
    row("histogram", lambda x: torch.histogram(x, 3, range=(0.5, 1.5)).hist, 1, 1, 5, real=True),
    row("histogram-edges", lambda x: torch.histogram(x, _edges(x)).hist, 1, 1, 5, real=True),
    row("histogramdd", lambda x: torch.histogramdd(
        x, [2, 2], range=[0.5, 1.5, 0.5, 1.5]).hist, 5, 2, axes=(0,), real=True),
    row("histogramdd-edges", lambda x: torch.histogramdd(x, [_edges(x)] * 2).hist, 5, 2, axes=(0,),
        real=True),
    row("histogramdd-range", lambda x: torch.histogramdd(x, [2, 2]).bin_edges[0], 5, 2, axes=(0,),
        real=True),
    row("bincount", lambda x: torch.bincount(x, minlength=4), 5, below=4, axes=(0,), real=True),
    row("bincount-weights", lambda x: torch.bincount(
        torch.tensor([0, 2, 2, 1], device=x.device), x), 4, axes=(0,), real=True),
    row("nonzero", lambda x: x.nonzero(), 6, below=2, axes=(0,), real=True, trials=60),
    row("nonzero_static", lambda x: torch.nonzero_static(x, size=3), 6, below=2, axes=(0,)),
    row("unique", torch.unique, 6, below=4, axes=(0,), real=True, trials=60),
    row("unique-inverse", lambda x: torch.unique(x, return_inverse=True)[1], 5, below=4, axes=(0,),
        real=True, trials=60),
    row("_unique", lambda x: torch.ops.aten._unique(x)[0], 6, below=4, axes=(0,), real=True,
        trials=60),
    row("unique-counts", lambda x: torch.unique(x, return_counts=True)[1], 6, below=4, axes=(0,),
        real=True, trials=60),
    row("unique_dim", lambda x: torch.unique(x, dim=0), 5, 2, below=3, axes=(0,), real=True,
        trials=60),
    row("unique_consecutive", torch.unique_consecutive, 6, below=2, axes=(0,),
        real=True, trials=60),
    row("unique_dim_consecutive", lambda x: torch.unique_consecutive(x, dim=0), 5, 2, below=2,
        axes=(0,), real=True, trials=60),
    row("unique_dim_consecutive-columns", lambda x: torch.ops.aten.unique_dim_consecutive(x, 1)[0],
        2, 5, below=2, axes=(1,), real=True),
    row("repeat_interleave", torch.repeat_interleave, 4, below=3, axes=(0,),
        real=True, trials=60),
    row("repeat_interleave-constant", lambda x: x.repeat_interleave(
        torch.tensor([2, 0, 1], device=x.device), 2), 1, 1, 3),
)  # fmt: skip
