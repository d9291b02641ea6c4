"""Notes the operators that read NaN and do not show it.

An operator may swallow NaN in three ways: its result cannot hold any (a comparison, a cast), its
numbers are right in spite of it (`nan_to_num`, sorting), or a second result holds what it read
(the indices of a maximum). The last matters only once somebody reads that result.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor
from torch._ops import OpOverload
from torch.utils._pytree import tree_leaves
from torch.utils.weak import WeakTensorKeyDictionary

SELECTIONS = frozenset({"where", "masked_fill"})
"""What they leave out is constant, if the condition is; the comparison that made it is noted."""

SWALLOWING = frozenset({"nan_to_num", "sort", "topk", "kthvalue", "median", "nanmedian", "mode",
    "nansum", "unique", "searchsorted", "bucketize"})  # fmt: skip

_PARTS = frozenset({"index", "_unsafe_index", "_unsafe_masked_index", "index_select", "gather",
    "take", "masked_select", "slice", "select", "narrow", "embedding", "slice_copy", "select_copy",
    "narrow_copy", "diagonal_copy", "unfold_copy", "as_strided", "as_strided_copy", "diag", "trace",
    "triu", "tril", "constant_pad_nd", "im2col", "col2im"})  # fmt: skip
"""They read part of a tensor, and NaN may lie in the rest."""

_OVERWRITES = frozenset({"copy", "index_put", "_index_put_impl", "_unsafe_index_put", "index_copy",
    "index_fill", "index_reduce", "put", "scatter", "scatter_reduce", "masked_scatter", "fill",
    "zero", "fill_diagonal", "slice_scatter", "select_scatter", "diagonal_scatter",
    "as_strided_scatter", "set", "resize", "resize_as", "normal", "uniform", "bernoulli", "random",
    "exponential", "cauchy", "log_normal", "geometric"})  # fmt: skip
"""They put something else where NaN was."""

_LENGTHS = frozenset({"_pack_padded_sequence", "_pad_packed_sequence"})
"""Their integers come from integers."""

_SHAPES = ("new_", "empty", "zeros", "ones", "full", "rand", "_assert")
_WINDOWS = ("convolution", "_convolution", "mkldnn_convolution", "conv_", "upsample_", "_upsample_",
    "grid_sampler_")  # fmt: skip
"""Strides and dilation may step over NaN."""


class LostNaN:
    """The operators of one run that NaN did not get through.

    Args:
        everywhere: Whether the input is NaN everywhere, so that an operator that reads any and
            shows none has swallowed it.

    Attributes:
        names: Of the operators, in order.
    """

    def __init__(self, *, everywhere: bool) -> None:
        self.names: dict[str, None] = {}
        self._everywhere = everywhere
        self._indices = WeakTensorKeyDictionary()

    def read(self, name: str, reads: Sequence[Tensor]) -> None:
        """Note whose indices an operator reads."""
        if not self._indices or _reads_shapes(name):
            return
        for tensor in reads:
            if tensor in self._indices:
                self.names[self._indices[tensor]] = None

    def viewed(self, func: OpOverload, reads: Sequence[Tensor], out: Any) -> None:
        """Note what a view hides: bits seen as other numbers; views of indices are indices."""
        results = _tensors(out)
        if self._indices:
            for tensor in reads:
                if tensor in self._indices:
                    self._indices.update(dict.fromkeys(results, self._indices[tensor]))
        is_cast = func._overloadname == "dtype"
        if is_cast and any(_holds_nan(tensor) for tensor in reads):
            self.names[f"view as {results[0].dtype}"] = None

    def returned(self, name: str, func: OpOverload, out: Any) -> None:
        """Note an operator that read NaN."""
        if name in SELECTIONS:
            return
        results = _tensors(out)
        floats = [t for t in results if _can_hold_nan(t)]
        if name in SWALLOWING or (not floats and not name.startswith(_SHAPES)):
            self.names[name] = None
            return
        for tensor in results:
            if not _can_hold_nan(tensor) and name not in _LENGTHS:
                self._indices[tensor] = f"the indices of {name}"
        is_telling = self._everywhere and not _may_leave_out(name, func)
        if is_telling and not any(_holds_nan(tensor) for tensor in floats):
            self.names[name] = None


def _may_leave_out(name: str, func: OpOverload) -> bool:
    """Whether an operator may read a tensor without the NaN in it."""
    return (
        name in _PARTS
        or name in _OVERWRITES
        or name.startswith(_WINDOWS)
        or "_pool" in name
        or func.namespace == "torchvision"
        or _reads_shapes(name)
    )


def _reads_shapes(name: str) -> bool:
    return name.startswith(_SHAPES) or name.endswith("_like")


def _tensors(out: Any) -> list[Tensor]:
    return [t for t in tree_leaves(out) if isinstance(t, Tensor)]


def _can_hold_nan(tensor: Tensor) -> bool:
    return tensor.is_floating_point() or tensor.is_complex()


def _holds_nan(tensor: Tensor) -> bool:
    return _can_hold_nan(tensor) and bool(tensor.isnan().any())
