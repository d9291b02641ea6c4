"""Sorting, choosing by value, looking up rows, and pooling at computed places."""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: N812 - its usual name
import torchvision
from torch import Tensor

from ._row import row, tried

_COMPUTED = "positions are computed"


def _table(x: Tensor, rows: int, columns: int) -> Tensor:
    values = torch.arange(rows * columns, dtype=torch.float64, device=x.device)
    return values.reshape(rows, columns) + 1.0


def _boxes(x: Tensor) -> Tensor:
    corner = x * 4
    return torch.cat([corner[:, :2], corner[:, :2] + corner[:, 2:] + 0.5], 1)


def _kept(x: Tensor) -> Tensor:
    boxes = _boxes(x)
    kept = torchvision.ops.nms(boxes, x[:, 0], 0.9)
    return torch.zeros_like(x[:, 0]).index_fill(0, kept, 1.0)


ROWS = tried(
    row("sort", lambda x: x.sort(2).values, 1, 2, 5),
    row("sort-stable", lambda x: torch.sort(x, dim=2, stable=True).indices, 1, 2, 5),
    row("sort-first-axis", lambda x: x.sort(2).indices, 1, 1, 3, 2),
    row("topk", lambda x: x.topk(2, 2).values, 1, 2, 5),
    row("topk-indices", lambda x: x.topk(2, 2, largest=False).indices, 1, 1, 4, 2),
    row("argmax", lambda x: x.argmax(3), 1, 1, 3, 4),
    row("argmin-keepdim", lambda x: x.argmin(2, keepdim=True), 1, 1, 4, 3),
    row("argmax-all", lambda x: x.argmax().reshape(1, 1), 1, 1, 2, 3),
    row("argsort", lambda x: x.argsort(2, descending=True), 1, 1, 4, 3),
    row("kthvalue", lambda x: x.kthvalue(2, 2).values, 1, 1, 4, 3),
    row("median-dim", lambda x: x.median(2).values, 1, 1, 5, 2),
    row("nanmedian-dim", lambda x: x.nanmedian(3).indices, 1, 1, 2, 5),
    row("median", lambda x: x.median().reshape(1, 1), 1, 1, 5),
    row("nanmedian", lambda x: x.nanmedian().reshape(1, 1), 1, 1, 5),
    row("mode", lambda x: (x * 4).floor().mode(2).values, 1, 1, 4, 2, trials=60),
    row("cummin", lambda x: x.cummin(2).values, 1, 1, 5, trials=80),
    row("cummax", lambda x: x.cummax(2).values, 1, 1, 5, trials=80),
    row("gather-computed", lambda x: x.gather(2, x.argsort(2)), 1, 1, 4, bound=_COMPUTED),
    row("take_along_dim", lambda x: torch.take_along_dim(x, x.argmax(2, True), 2), 1, 1, 4,
        bound=_COMPUTED),
    row("index-computed", lambda x: x[:, :, x[0, 0].argsort()[:2]], 1, 1, 4, bound=_COMPUTED),
    row("_unsafe_index", lambda x: torch.ops.aten._unsafe_index(
        x, [None, None, torch.tensor([3, 0, 3], device=x.device)]), 1, 1, 5),
    row("_unsafe_index_put", lambda x: torch.ops.aten._unsafe_index_put(
        x, [None, None, torch.tensor([3, 0], device=x.device)], x[:, :, 1:3]), 1, 1, 5),
    row("masked_select", lambda x: x.masked_select(
        torch.tensor([True, False, True, True], device=x.device)).reshape(1, 1, 3), 1, 1, 4),
    row("embedding", lambda x: F.embedding(x, _table(x, 4, 2)), 1, 5, below=4),
    row("embedding-of-the-table", lambda x: F.embedding(
        torch.tensor([[2, 0], [2, 3]], device=x.device), x), 4, 2, axes=(0,)),
    row("embedding_bag", lambda x: F.embedding_bag(x, _table(x, 4, 2), mode="mean"), 3, 4, below=4,
        axes=(0, 1)),
    row("embedding_bag-max", lambda x: F.embedding_bag(
        x, _table(x, 4, 2), torch.tensor([0, 3, 3], device=x.device), mode="max"), 6, below=4,
        axes=(0,)),
    row("_embedding_bag", lambda x: torch.ops.aten._embedding_bag(
        _table(x, 4, 2), x, torch.tensor([0, 3], device=x.device))[0], 6, below=4, axes=(0,)),
    row("embedding-norm", lambda x: F.embedding(x, _table(x, 4, 2), max_norm=1.0), 1, 5, below=4,
        bound="renormed rows are those of all tokens"),
    row("box_iou_rotated", lambda x: torch.ops.torchvision.box_iou_rotated(x * 40, x.flip(0) * 41),
        3, 5, axes=(0,), real=True),
    row("max_unpool3d", lambda x: F.max_unpool3d(
        *F.max_pool3d(x, 2, return_indices=True), 2), 1, 1, 2, 4, 2, trials=20,
        bound="places are values"),
    row("fractional_max_pool2d", lambda x: F.fractional_max_pool2d(x, 2, 2), 1, 1, 5, 5,
        bound="windows are drawn"),
    row("fractional_max_pool3d", lambda x: F.fractional_max_pool3d(x, 2, 2), 1, 1, 4, 4, 4,
        trials=2, bound="windows are drawn"),
    row("nms", _kept, 5, 4, axes=(0,), real=True, bound="which boxes are kept is computed"),
    row("ps_roi_pool", lambda x: torchvision.ops.ps_roi_pool(
        x, [torch.tensor([[0.5, 0.5, 3.0, 3.0]], dtype=x.dtype, device=x.device)], 2),
        1, 4, 5, 5, bound="which region is pooled is computed"),
)  # fmt: skip
