"""The exact set of input positions that can change each output position, from the eager model.

One input position at a time is set to NaN and the plain eager model is run: whatever comes out as
NaN depends on that position. NaN is carried by arithmetic for free, except where an operator
multiplies by a weight that is exactly zero, compares, or leaves floating point. A dispatch mode
watches every ATen operator that the eager model executes and repairs exactly those:

* resampling and `grid_sample`: the values are computed without NaN, the taint goes through the
  operator's own weights, obtained from one-hot inputs in float64 (a weight counts above 1e-9);
* pointwise operators (PyTorch's own `pointwise` tag): the output is tainted where an operand is,
  whatever the kernel does with NaN (`sign` drops it, for one);
* booleans and integers, which cannot hold NaN, carry their taint in a shadow beside the storage;
* `-inf` masks cut: `score + (-inf)` is `-inf`, softmax gives a *structural zero* there, and a
  product with a structural zero carries nothing;
* a zero in a tensor that neither an input nor a parameter has touched is structural too, and so is
  what a product with it, a triangle or padding makes of a parameter. Convolutions and matrix
  products carry nothing through it;
* `where` and `masked_fill` with a condition that depends on the input read all branches; with a
  constant condition only the selected one.

Operators are admitted by name. An operator that is neither pointwise, nor a view, nor in the
lists below raises `UnsupportedOperatorError` as soon as it meets a tainted tensor: nothing is
swallowed silently. The lists themselves are checked against Jacobians in `test_oracle.py`.

Blind spots (read before trusting a difference):

* a softmax with a single unmasked entry is the constant 1, but is reported as dependent;
* `x - x` is a dependence;
* structural zeros that have met an input or a parameter survive only views, copies, `mul`, `mm`,
  `bmm`, the numerator of `div`, sums of zeros and functions of one operand that keep zero;
* positions selected by values (`argmax`, `sort`, `topk`, indices or sampling grids that depend
  on the input, `.item()`) are not analysed: they raise.
"""

from __future__ import annotations

import contextlib
import copy
import itertools
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils._python_dispatch import TorchDispatchMode, _disable_current_modes
from torch.utils._pytree import tree_leaves, tree_map, tree_map_only

BoolArray = npt.NDArray[np.bool_]
IntArray = npt.NDArray[np.int64]
Model = nn.Module | Callable[..., Any]
Inputs = Tensor | Sequence[Tensor]
Axes = tuple[int, ...]

WEIGHT_THRESHOLD = 1e-9


class UnsupportedOperatorError(NotImplementedError):
    """An operator met a tainted tensor and no verified way exists to carry the taint on."""


class OracleError(RuntimeError):
    """The model breaks an assumption of the oracle (mixes samples, makes NaN by itself, ...)."""


@dataclass(frozen=True)
class Reach:
    """Which input positions reach which output positions of one tensor.

    Attributes:
        name: "output", "output.0", "output.name" or a module path ("path", "path_1", ...).
        mask: `mask[o..., i...]` is true when output position `o` (any channel, any sample)
            depends on input position `i` (any channel). With `reach_channels` the first axis
            is the output's channel: `mask[c, o..., i...]`.
        shape: shape of the tensor for the caller's input (the batch axis of one sample where
            samples were computed independently).
        output_axes: axes of the tensor that `o` runs over.
        input_axes: axes of the input that `i` runs over.
        input_extent: lengths of those input axes.
        has_channels: whether the mask starts with a channel axis.
    """

    name: str
    mask: BoolArray
    shape: tuple[int, ...]
    output_axes: Axes
    input_axes: Axes
    input_extent: tuple[int, ...]
    has_channels: bool = False

    @property
    def output_extent(self) -> tuple[int, ...]:
        """Lengths of the axes before the input axes (channel first where resolved)."""
        return self.mask.shape[: self.mask.ndim - len(self.input_axes)]


# --------------------------------------------------------------------------------------------
# Hulls


def hull(mask: BoolArray) -> tuple[tuple[int, int], ...] | None:
    """The smallest box around the true entries: one inclusive `(lo, hi)` per axis.

    Args:
        mask: `mask[i...]` for one output position.

    Returns:
        None when nothing is true.
    """
    if not mask.any():
        return None
    bounds = []
    for axis in range(mask.ndim):
        others = tuple(a for a in range(mask.ndim) if a != axis)
        hits = np.flatnonzero(mask.any(axis=others))
        bounds.append((int(hits[0]), int(hits[-1])))
    return tuple(bounds)


@dataclass(frozen=True)
class Hulls:
    """The hull of every output position at once.

    Attributes:
        lo: `lo[o..., a]` is the first input index along input axis `a` (0-based, inclusive).
        hi: `hi[o..., a]` is the last one, inclusive. Both are -1 where `empty`.
        empty: `empty[o...]` is true when output position `o` depends on no input at all.
    """

    lo: IntArray
    hi: IntArray
    empty: BoolArray


def hulls(reach: Reach) -> Hulls:
    """The inclusive hulls of all output positions of `reach`, vectorised."""
    rank = len(reach.input_axes)
    mask = reach.mask
    lead = mask.ndim - rank
    empty: BoolArray = np.asarray(~mask.any(axis=tuple(range(lead, mask.ndim))))
    lo = np.full((*mask.shape[:lead], rank), -1, dtype=np.int64)
    hi = np.full((*mask.shape[:lead], rank), -1, dtype=np.int64)
    for axis in range(rank):
        others = tuple(lead + a for a in range(rank) if a != axis)
        line: BoolArray = np.asarray(mask.any(axis=others))
        last = line.shape[-1] - 1
        lo[..., axis] = np.where(empty, -1, line.argmax(axis=-1))
        hi[..., axis] = np.where(empty, -1, last - line[..., ::-1].argmax(axis=-1))
    return Hulls(lo, hi, empty)


# --------------------------------------------------------------------------------------------
# Operator classes

# Copies without arithmetic: NaN moves with the element. Shadows move by running the same
# operator on them when every tensor argument is data (`_MOVES`) or when just the first is and
# the others are constant indices (`_INDEXED_MOVES`); with the rest (`_FLOAT_MOVES`) they raise.
_MOVES = frozenset({
    "clone", "cat", "stack", "constant_pad_nd", "roll", "flip", "repeat", "rot90",
    "slice_scatter", "select_scatter", "diagonal_scatter", "unsafe_split",
    "pixel_shuffle", "pixel_unshuffle", "channel_shuffle",
})  # fmt: skip
_INDEXED_MOVES = frozenset({"index", "index_select", "gather"})
_FLOAT_MOVES = frozenset({
    "reflection_pad1d", "reflection_pad2d", "reflection_pad3d",
    "replication_pad1d", "replication_pad2d", "replication_pad3d",
    "im2col", "index_put", "index_fill", "index_add", "scatter_add", "fill", "zero",
    "_unsafe_view",
})  # fmt: skip

# They read the shape of their tensor, never its elements.
_SHAPE_READERS = frozenset({
    "empty_like", "zeros_like", "ones_like", "full_like", "rand_like", "randn_like",
    "new_zeros", "new_ones", "new_empty", "new_full", "new_empty_strided",
})  # fmt: skip

# No element changes or moves in memory, also in their in-place forms.
_RELABELS = frozenset({
    "alias", "detach", "lift_fresh", "transpose", "t", "squeeze", "unsqueeze", "swapaxes",
    "swapdims", "as_strided",
})  # fmt: skip

# Sums, products, extrema and statistics: verified to carry NaN to exactly the elements that
# read it (`test_oracle.py` compares each with a Jacobian).
_ARITHMETIC = frozenset({
    "convolution", "mm", "bmm", "addmm", "baddbmm", "mv",
    "mean", "sum", "prod", "var", "std", "amax", "amin", "max", "min", "logsumexp",
    "linalg_vector_norm", "cumsum", "cumprod", "logcumsumexp", "cummax", "cummin",
    "native_batch_norm", "native_layer_norm", "native_group_norm",
    "max_pool2d_with_indices", "max_pool3d_with_indices", "adaptive_max_pool2d",
    "adaptive_max_pool3d", "avg_pool2d", "avg_pool3d",
    "_adaptive_avg_pool2d", "_adaptive_avg_pool3d", "col2im", "unfold_backward", "glu",
})  # fmt: skip

# What they write beside their operand may be a structural zero.
_ZERO_MAKERS = frozenset({"tril", "triu", "constant_pad_nd", "where", "masked_fill"})

_RESAMPLING = frozenset({
    "upsample_nearest1d", "upsample_nearest2d", "upsample_nearest3d",
    "_upsample_nearest_exact1d", "_upsample_nearest_exact2d", "_upsample_nearest_exact3d",
    "upsample_linear1d", "upsample_bilinear2d", "upsample_trilinear3d", "upsample_bicubic2d",
    "_upsample_bilinear2d_aa", "_upsample_bicubic2d_aa",
})  # fmt: skip

_MATMUL_OPERANDS = {
    "mm": (None, 0, 1),
    "bmm": (None, 0, 1),
    "addmm": (0, 1, 2),
    "baddbmm": (0, 1, 2),
}

_SUMS = frozenset({"cumsum", "index_add", "mean", "scatter_add", "sum"})

# Not tagged pointwise by PyTorch in every version, but elementwise all the same.
_ELEMENTWISE = frozenset({
    "hardswish", "log_sigmoid_forward", "_prelu_kernel", "rrelu_with_noise", "rsub",
    "floor_divide", "isnan", "isinf", "dropout", "hardtanh", "leaky_relu", "elu", "hardsigmoid",
    "selu", "celu",
})  # fmt: skip


def _base_name(func: Any) -> str:
    """The operator's name without namespace, overload and the in-place underscore."""
    name: str = func._schema.name.rpartition("::")[2]
    return name[:-1] if name.endswith("_") and not name.endswith("__") else name


def _is_float(tensor: Tensor) -> bool:
    return tensor.is_floating_point() or tensor.is_complex()


def _or(masks: Sequence[Tensor | None]) -> Tensor | None:
    """The broadcast union of masks; None stands for an all-false one."""
    union: Tensor | None = None
    for mask in masks:
        if mask is not None:
            union = mask if union is None else union | mask
    return union


class _Shadows:
    """A bool beside every element of chosen storages, found again through any view."""

    def __init__(self) -> None:
        # The owner is kept alive, so that its address cannot be given to another tensor.
        self._flat: dict[int, tuple[Tensor, Tensor]] = {}

    def read(self, tensor: Tensor) -> Tensor | None:
        """The mask of `tensor`, in its shape, or None when nothing was ever marked."""
        entry = self._flat.get(tensor.untyped_storage().data_ptr())
        if entry is None:
            return None
        owner, flat = entry
        if owner.element_size() != tensor.element_size():
            message = "a view changes the element size of a tensor with a taint shadow"
            raise UnsupportedOperatorError(message)
        return flat.as_strided(tensor.size(), tensor.stride(), tensor.storage_offset())

    def write(self, tensor: Tensor, mask: Tensor | None) -> None:
        """Mark `tensor` with `mask` (None clears); other parts of the storage stay."""
        pointer = tensor.untyped_storage().data_ptr()
        if pointer == 0 or tensor.numel() == 0:
            return
        if pointer not in self._flat:
            if mask is None or not bool(mask.any()):
                return
            count = tensor.untyped_storage().nbytes() // tensor.element_size()
            self._flat[pointer] = (tensor, torch.zeros(count, dtype=torch.bool))
        view = self._flat[pointer][1].as_strided(
            tensor.size(), tensor.stride(), tensor.storage_offset()
        )
        if mask is None:
            view.fill_(False)
        else:
            view.copy_(mask.expand(tensor.shape))

    def clear(self) -> None:
        self._flat.clear()


# What the tests must have met before any of it may be trusted.
VERIFIED = _MOVES | _INDEXED_MOVES | _FLOAT_MOVES | _ARITHMETIC | _RESAMPLING


class TaintMode(TorchDispatchMode):
    """Carries NaN taint through every ATen operator of an eager forward, or raises.

    Attributes:
        dynamic: ordinal numbers of the `where`/`masked_fill` calls whose condition depends on
            the input. Filled by a forward on an all-NaN input (`learning`), used by the others.
        seen: base names of the operators that met a tainted tensor.
    """

    def __init__(self) -> None:
        super().__init__()
        self.dynamic: set[int] = set()
        self.seen: set[str] = set()
        self.learning = False
        self._selections = 0
        self._taints = _Shadows()  # of tensors that cannot hold NaN
        self._zeros = _Shadows()  # structural zeros of floating tensors
        # Storages that an input or a parameter has touched, kept alive.
        self._derived: dict[int, Tensor] = {}

    def begin(self, model: Model, inputs: Sequence[Tensor], *, learning: bool) -> None:
        """Start a new forward of the model on the given inputs."""
        self.learning = learning
        self.end()
        self._derive(inputs)
        if isinstance(model, nn.Module):
            self._derive(list(model.parameters()))

    def end(self) -> None:
        """Forget the shadows of the last forward, and with them its tensors."""
        self._selections = 0
        self._taints.clear()
        self._zeros.clear()
        self._derived.clear()

    def _derive(self, tensors: Sequence[Tensor]) -> None:
        for tensor in tensors:
            self._derived.setdefault(tensor.untyped_storage().data_ptr(), tensor)

    def _touch(self, target: Tensor) -> None:
        """Note the zeros of a constant before an operator writes into some part of it."""
        if not self._is_derived(target):
            if _is_float(target):
                count = target.untyped_storage().nbytes() // target.element_size()
                whole = target.as_strided((count,), (1,), 0)
                self._zeros.write(whole, whole == 0)
            self._derive([target])

    def _is_derived(self, tensor: Tensor) -> bool:
        return tensor.untyped_storage().data_ptr() in self._derived

    def _zeros_of(self, tensor: Tensor) -> Tensor | None:
        """Where a floating tensor is zero for all inputs and parameters; None for nowhere."""
        if not _is_float(tensor):
            return None
        zeros = self._zeros.read(tensor) if self._is_derived(tensor) else tensor == 0
        return zeros if zeros is not None and bool(zeros.any()) else None

    def taint(self, tensor: Tensor) -> Tensor | None:
        """Where `tensor` depends on the tainted input position; None for nowhere."""
        if _is_float(tensor):
            mask = torch.isnan(tensor)
            return mask if bool(mask.any()) else None
        mask_or_none = self._taints.read(tensor)
        return mask_or_none if mask_or_none is not None and bool(mask_or_none.any()) else None

    def __torch_dispatch__(
        self,
        func: Any,
        types: Sequence[type],
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        kwargs = kwargs or {}
        name = _base_name(func)
        self._selections += name in {"where", "masked_fill"}
        if name == "_assert_async":
            return None  # an assertion on values says nothing about structure
        if func.is_view or name in _RELABELS or name in _SHAPE_READERS:
            return func(*args, **kwargs)
        sources, targets = _operands(func, args, kwargs)
        handler = self._handler(name, func, sources)
        if any(self._is_derived(source) for source in sources):
            for target in targets:
                self._touch(target)
            if handler is None:
                out = self._plain(func, args, kwargs, targets)
            else:
                out = handler(name, func, args, kwargs)
            self._derive([leaf for leaf in tree_leaves(out) if isinstance(leaf, Tensor)])
            return out
        return func(*args, **kwargs)

    # ---- choice

    def _handler(self, name: str, func: Any, sources: list[Tensor]) -> Callable[..., Any] | None:
        """What carries the taint of these operands on; None when there is none to carry."""
        tainted = any(self.taint(source) is not None for source in sources)
        zeros = any(self._zeros_of(s) is not None for s in sources)
        minus_inf = name in {"_softmax", "_safe_softmax", "_log_softmax", "exp", "softmax"}
        if name == "copy":
            return self._copy
        makes_zeros = name in _ZERO_MAKERS and all(map(_is_float, sources[:1]))
        if not (tainted or zeros or minus_inf or makes_zeros):
            return None
        if tainted:
            self.seen.add(name)
        if name in _RESAMPLING:
            return self._resample
        if name in {"grid_sampler_2d", "grid_sampler_3d"}:
            return self._grid_sample
        if name in {"_softmax", "_safe_softmax", "_log_softmax"}:
            return self._softmax
        if name in {"where", "masked_fill"}:
            return self._select
        if name in {"tril", "triu"}:
            return self._triangle
        if name in _MATMUL_OPERANDS and (zeros or bool((sources[0] == -math.inf).any())):
            return self._matmul
        if name == "convolution" and zeros:
            return self._convolve
        if name in _MOVES or name in _INDEXED_MOVES or name == "_to_copy":
            return self._move
        if name in _FLOAT_MOVES or name in _ARITHMETIC:
            return self._native
        if torch.Tag.pointwise in func.tags or name in _ELEMENTWISE:
            return self._pointwise
        if not tainted:
            return self._native
        message = f"{func} met a tainted tensor; the oracle has no verified rule for it"
        raise UnsupportedOperatorError(message)

    # ---- handlers

    def _plain(
        self, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any], targets: list[Tensor]
    ) -> Any:
        """An operator without tainted operands: what it overwrites becomes untainted."""
        out = func(*args, **kwargs)
        for target in targets:
            self._taints.write(target, None)
            self._zeros.write(target, None)
        return out

    def _native(self, name: str, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Operators whose kernels carry NaN right; their integer results follow the values."""
        sources, targets = _operands(func, args, kwargs)
        for source in sources:
            if not _is_float(source) and self.taint(source) is not None:
                message = f"{func} reads an integer or bool tensor that depends on the input"
                raise UnsupportedOperatorError(message)
        zeros = self._zero_sums(name, func, args, kwargs)
        out = func(*args, **kwargs)
        for target in targets:
            self._zeros.write(target, None)
            if not _is_float(target):
                self._taints.write(target, None)
        if zeros is not None:
            self._zeros.write(out, zeros)
        results = [r for r in tree_leaves(out) if isinstance(r, Tensor)]
        if results and _is_float(results[0]):
            for result in results[1:]:
                if not _is_float(result) and result.shape == results[0].shape:
                    self._taints.write(result, self.taint(results[0]))
        elif results and not _is_float(results[0]) and name in _ARITHMETIC:
            message = f"{func} has no floating result to carry the taint"
            raise UnsupportedOperatorError(message)
        return out

    def _zero_sums(
        self, name: str, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Tensor | None:
        """Where sums are of structural zeros only: those of marks that are 1 elsewhere are 0."""
        if name not in _SUMS:
            return None
        leaves = [leaf for leaf in tree_leaves(args) if isinstance(leaf, Tensor)]
        if all(self._zeros_of(leaf) is None for leaf in leaves if _is_float(leaf)):
            return None

        def live(leaf: Any) -> Any:
            if not isinstance(leaf, Tensor) or not _is_float(leaf):
                return leaf
            zeros = self._zeros_of(leaf)
            return torch.ones_like(leaf) if zeros is None else (~zeros).to(leaf.dtype)

        marks: Tensor = func(*tree_map(live, args), **kwargs)
        return marks == 0

    def _move(self, name: str, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Copies: NaN moves by itself, shadows by running the same copy on the masks."""
        if name in _INDEXED_MOVES:
            for leaf in tree_leaves(args[1:]):
                if isinstance(leaf, Tensor) and self.taint(leaf) is not None:
                    message = f"{func} reads positions that depend on the input"
                    raise UnsupportedOperatorError(message)
        out = func(*args, **kwargs)
        for shadows, read in ((self._taints, self._taints.read), (self._zeros, self._zeros_of)):
            data: Any = args[:1] if name in _INDEXED_MOVES else args
            pads_zero = shadows is self._zeros and name == "constant_pad_nd" and not any(args[2:])
            if not pads_zero and all(
                read(leaf) is None for leaf in tree_leaves(data) if isinstance(leaf, Tensor)
            ):
                continue

            def as_mask(tensor: Tensor, read: Callable[[Tensor], Tensor | None] = read) -> Tensor:
                mask = read(tensor)
                return torch.zeros_like(tensor, dtype=torch.bool) if mask is None else mask.clone()

            if name == "_to_copy":
                moved: Any = as_mask(args[0])
            elif name == "clone":
                moved = as_mask(args[0])
            elif name in _INDEXED_MOVES:
                moved = func(as_mask(args[0]), *args[1:], **kwargs)
            else:
                if name == "constant_pad_nd":
                    mapped: Any = (as_mask(args[0]), args[1], int(pads_zero))
                else:
                    mapped = tree_map_only(Tensor, as_mask, args)
                moved = func(*mapped)
            results = [r for r in tree_leaves(out) if isinstance(r, Tensor)]
            for result, mask in zip(results, tree_leaves(moved), strict=True):
                shadows.write(result, mask)
        if name == "_to_copy" and not _is_float(out):
            self._taints.write(out, self.taint(args[0]))
        if name == "_to_copy" and _is_float(out):
            mask = self.taint(args[0])
            if mask is not None:
                out.masked_fill_(mask, math.nan)
        return out

    def _copy(self, _name: str, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """`target.copy_(source)`: the target's old taint is overwritten."""
        target, source = args[0], args[1]
        taint, zeros = self.taint(source), self._zeros_of(source)
        taint = None if taint is None else taint.clone()
        zeros = None if zeros is None else zeros.clone()
        out = func(*args, **kwargs)
        result = target if func._schema.is_mutable else out
        if _is_float(result):
            if taint is not None:
                result.masked_fill_(taint, math.nan)
            self._zeros.write(result, zeros)
        else:
            self._taints.write(result, taint)
        return out

    def _pointwise(
        self, name: str, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        """Elementwise: an output element is tainted where a broadcast operand is."""
        sources, _ = _operands(func, args, kwargs)
        taint = _or([self.taint(source) for source in sources])
        keep: Tensor | None = None  # elements that a -inf operand fixes
        zeros: Tensor | None = None  # elements that a structural zero fixes
        if name in {"add", "sub"}:
            sign = -1 if name == "sub" else 1
            minus_inf = [
                source == (-math.inf if position == 0 else -math.inf * sign)
                for position, source in enumerate(sources)
                if _is_float(source)
            ]
            keep = _or([mask for mask in minus_inf if bool(mask.any())])
        elif name == "mul":
            zeros = _or([self._zeros_of(source) for source in sources])
        elif name == "div" and isinstance(args[0], Tensor):
            zeros = self._zeros_of(args[0])
        elif name == "exp":
            zeros = args[0] == -math.inf
        if name in {"add", "sub"} and len(sources) == 2:
            each = [self._zeros_of(source) for source in sources]
            zeros = each[0] & each[1] if each[0] is not None and each[1] is not None else None
        elif len(sources) == 1 and name not in {"div", "exp"} and _is_float(sources[0]):
            zeros = self._zeros_of(sources[0])
            if zeros is not None and not _keeps_zero(func, args, kwargs):
                zeros = None
        zeros = None if zeros is None else zeros.clone()
        out = func(*args, **kwargs)
        for result in tree_leaves(out):
            if not isinstance(result, Tensor):
                continue
            mask = taint
            for cut, value in ((keep, -math.inf), (zeros, 0.0)):
                if cut is not None and _is_float(result):
                    if mask is not None:
                        mask = mask & ~cut
                    result.masked_fill_(cut, value)
            if _is_float(result):
                if mask is not None:
                    result.masked_fill_(mask, math.nan)
                self._zeros.write(result, zeros)
            else:
                self._taints.write(result, mask)
        return out

    def _select(self, name: str, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """`where(condition, a, b)` and `masked_fill(a, condition, b)`."""
        condition = args[0] if name == "where" else args[1]
        branches = [args[1], args[2]] if name == "where" else [args[0], args[2]]
        condition_taint = self.taint(condition)
        if self.learning and condition_taint is not None:
            self.dynamic.add(self._selections)
        if condition_taint is not None and self._selections not in self.dynamic:
            message = f"{func}: the condition is tainted, but was not with an all-NaN input"
            raise OracleError(message)
        chosen = condition if name == "where" else ~condition
        taints = [self.taint(b) if isinstance(b, Tensor) else None for b in branches]
        zeros = [self._zeros_of(b) if isinstance(b, Tensor) else None for b in branches]
        none = torch.zeros((), dtype=torch.bool)
        first, second = (none if t is None else t for t in taints)
        if self._selections in self.dynamic:
            union = _or([condition_taint, *taints])
            mask = none if union is None else union.clone()
            zero = none
        else:
            mask = torch.where(chosen, first, second)
            zero_first, zero_second = (none if z is None else z for z in zeros)
            fill = args[2] if name == "masked_fill" else None
            if fill is not None and not isinstance(fill, Tensor) and fill == 0:
                zero_second = torch.ones((), dtype=torch.bool)
            zero = torch.where(chosen, zero_first, zero_second)
        out = func(*args, **kwargs)
        if _is_float(out):
            out.masked_fill_(mask.expand(out.shape), math.nan)
            self._zeros.write(out, zero.expand(out.shape))
        else:
            self._taints.write(out, mask.expand(out.shape))
        return out

    def _triangle(self, name: str, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """`tril`/`triu`: what is cut away is zero whatever the input is."""
        kept = torch.ones(args[0].shape, dtype=torch.bool)
        kept = getattr(torch, name)(kept, *args[1:], **kwargs)
        before = self._zeros_of(args[0])
        cut = ~kept if before is None else before | ~kept
        out = func(*args, **kwargs)
        if not _is_float(out):
            message = f"{func} on an integer or bool tensor that depends on the input"
            raise UnsupportedOperatorError(message)
        self._zeros.write(out, cut)
        return out

    def _softmax(self, name: str, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Entries at `-inf` are out, the others depend on each other along the axis."""
        scores, dim = args[0], args[1]
        tainted = torch.isnan(scores)
        dead = scores == -math.inf
        out = func(torch.where(tainted, torch.zeros_like(scores), scores), *args[1:], **kwargs)
        row = tainted.any(dim=dim, keepdim=True)
        out.masked_fill_(dead, -math.inf if name == "_log_softmax" else 0.0)
        out.masked_fill_(row & ~dead, math.nan)
        if name != "_log_softmax":
            self._zeros.write(out, dead)
        return out

    def _matmul(self, name: str, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Products in which an operand has structural zeros: those terms carry nothing."""
        bias_at, left_at, right_at = _MATMUL_OPERANDS[name]
        left, right = args[left_at], args[right_at]

        def clean(tensor: Tensor) -> Tensor:
            return torch.where(torch.isnan(tensor), torch.zeros_like(tensor), tensor)

        def live(tensor: Tensor) -> Tensor:
            zeros = self._zeros_of(tensor)
            return torch.ones_like(tensor) if zeros is None else (~zeros).to(tensor.dtype)

        replaced = list(args)
        replaced[left_at], replaced[right_at] = clean(left), clean(right)
        reach = torch.isnan(left).to(left.dtype) @ live(right)
        reach = reach + live(left) @ torch.isnan(right).to(right.dtype)
        out = func(*replaced, **kwargs)
        mask = reach > 0.5
        if bias_at is not None:
            mask = (mask | torch.isnan(args[bias_at])) & (args[bias_at] != -math.inf)
        out.masked_fill_(mask, math.nan)
        if bias_at is None:
            # A sum of nothing but structural zeros is one.
            self._zeros.write(out, live(left) @ live(right) < 0.5)
        return out

    def _convolve(
        self, _name: str, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        """Convolutions in which an operand has structural zeros: those terms carry nothing."""
        image, weight, bias, *rest = args

        def marks(tensor: Tensor) -> tuple[Tensor, Tensor]:
            zeros = self._zeros_of(tensor)
            live = torch.ones_like(tensor) if zeros is None else (~zeros).to(tensor.dtype)
            return torch.isnan(tensor).to(tensor.dtype), live

        (image_taint, image_live), (weight_taint, weight_live) = marks(image), marks(weight)
        reach = func(image_taint, weight_live, None, *rest, **kwargs)
        reach = reach + func(image_live, weight_taint, None, *rest, **kwargs)
        mask = reach > 0.5
        if bias is not None:
            mask = mask | torch.isnan(bias).reshape(-1, *(1 for _ in weight.shape[2:]))
        return func(
            torch.nan_to_num(image), torch.nan_to_num(weight), bias, *rest, **kwargs
        ).masked_fill_(mask, math.nan)

    def _resample(
        self, _name: str, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        """Separable resampling: one weight matrix per axis, from one-hot inputs."""
        x = args[0]
        tainted = torch.isnan(x)
        out = func(torch.where(tainted, torch.zeros_like(x), x), *args[1:], **kwargs)
        reach = tainted.to(torch.float64)
        for axis in range(2, x.ndim):
            matrix = _axis_weights(func, x, axis - 2, args[1:], kwargs)
            counted = (matrix.abs() > WEIGHT_THRESHOLD).to(torch.float64)
            reach = torch.tensordot(reach, counted, dims=([axis], [1])).movedim(-1, axis)
        return out.masked_fill_(reach > 0.5, math.nan)

    def _grid_sample(
        self, _name: str, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        """Sampling at constant places: the weights are what one-hot images give."""
        x, grid = args[0], args[1]
        if self.taint(grid) is not None:
            message = f"{func} reads positions that depend on the input"
            raise UnsupportedOperatorError(message)
        tainted = torch.isnan(x)
        out = func(torch.where(tainted, torch.zeros_like(x), x), *args[1:], **kwargs)
        count = math.prod(x.shape[2:])
        images = torch.eye(count, dtype=torch.float64).reshape(1, count, *x.shape[2:])
        for sample in range(x.shape[0]):
            one = grid[sample : sample + 1].to(torch.float64)
            weights = func(images, one, *args[2:], **kwargs)[0]  # [pixel, *places]
            counted = (weights.abs() > WEIGHT_THRESHOLD).to(torch.float64).reshape(count, -1)
            reach = tainted[sample].reshape(x.shape[1], count).to(torch.float64) @ counted
            out[sample].masked_fill_(reach.reshape(out[sample].shape) > 0.5, math.nan)
        return out


def _keeps_zero(func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
    """Whether a function of one tensor maps zero to zero."""
    none = tree_map_only(Tensor, torch.zeros_like, args)
    with _disable_current_modes():
        out = func(*none, **kwargs)
    return isinstance(out, Tensor) and _is_float(out) and not bool((out != 0).any())


def _operands(
    func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[list[Tensor], list[Tensor]]:
    """The tensors that `func` reads, and those that it overwrites."""
    sources: list[Tensor] = []
    targets: list[Tensor] = []
    arguments = func._schema.arguments
    values = [*args, *(None for _ in range(len(arguments) - len(args)))]
    for position, argument in enumerate(arguments):
        value = values[position] if position < len(args) else kwargs.get(argument.name)
        tensors = [leaf for leaf in tree_leaves(value) if isinstance(leaf, Tensor)]
        if argument.is_out:
            targets += tensors
            continue
        sources += tensors
        if argument.alias_info is not None and argument.alias_info.is_write:
            targets += tensors
    return sources, targets


def _axis_weights(
    func: Any, x: Tensor, axis: int, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Tensor:
    """`weights[o, i]` of a separable resampling of `x` along one axis, in float64."""
    extent = x.shape[2:]
    count = extent[axis]
    lines = torch.eye(count, dtype=torch.float64)
    shape = [count, 1, *(1 for _ in extent)]
    shape[2 + axis] = count
    # The layout decides which kernel runs, and kernels do not all read the same elements.
    layout = {4: torch.channels_last, 5: torch.channels_last_3d}.get(x.ndim)
    if layout is None or not x.is_contiguous(memory_format=layout):
        layout = torch.contiguous_format
    images = lines.reshape(shape).expand(count, min(x.shape[1], 4), *extent)
    images = images.contiguous(memory_format=layout)
    out = func(images, *args, **kwargs)
    for other in reversed(range(len(extent))):
        if other != axis:
            out = out.select(2 + other, 0)
    return out[:, 0, :].T


# --------------------------------------------------------------------------------------------
# Running the model


def _first_tensor(value: Any) -> Tensor | None:
    for leaf in tree_leaves(value):
        if isinstance(leaf, Tensor):
            return leaf
    return None


def _named_outputs(value: Any, name: str = "output") -> Iterator[tuple[str, Tensor]]:
    """The tensors of an output: "output", "output.0", "output.name", "output.0.name", ..."""
    if isinstance(value, Tensor):
        yield name, value
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from _named_outputs(item, f"{name}.{key}")
    elif isinstance(value, Sequence) and not isinstance(value, str):
        for position, item in enumerate(value):
            yield from _named_outputs(item, f"{name}.{position}")


@contextlib.contextmanager
def single_thread() -> Iterator[None]:
    """One thread inside: tensors here are so small that threads only wait for each other."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


@contextlib.contextmanager
def _plain_eager(default_dtype: torch.dtype) -> Iterator[None]:
    """No fused attention, no fast paths, one thread, and new tensors in the given precision."""
    fast_path = torch.backends.mha.get_fastpath_enabled()
    previous = torch.get_default_dtype()
    torch.backends.mha.set_fastpath_enabled(False)
    torch.set_default_dtype(default_dtype)
    try:
        with single_thread(), sdpa_kernel([SDPBackend.MATH]), torch.random.fork_rng(devices=[]):
            yield
    finally:
        torch.set_default_dtype(previous)
        torch.backends.mha.set_fastpath_enabled(fast_path)


class _Probe:
    """Runs a model and hands each named tensor, at the moment it exists, to a callback."""

    def __init__(self, model: Model, modules: Sequence[str]) -> None:
        self.model = model
        self.modules = modules
        self._calls: dict[str, int] = {}

    def run(self, inputs: Sequence[Tensor], visit: Callable[[str, Tensor], None]) -> None:
        self._calls = dict.fromkeys(self.modules, 0)
        handles = []
        if self.modules:
            if not isinstance(self.model, nn.Module):
                message = "`modules` needs an nn.Module"
                raise TypeError(message)
            for path in self.modules:
                module = self.model.get_submodule(path)
                handles.append(module.register_forward_hook(self._hook(path, visit)))
        try:
            value = self.model(*inputs)
        finally:
            for handle in handles:
                handle.remove()
        named = list(_named_outputs(value))
        if not named:
            message = "the model returns no tensor"
            raise OracleError(message)
        visit("output", named[0][1])
        for name, tensor in named:
            if name != "output":
                visit(name, tensor)

    def _hook(self, path: str, visit: Callable[[str, Tensor], None]) -> Callable[..., None]:
        def hook(_module: nn.Module, _inputs: Any, value: Any) -> None:
            number = self._calls[path]
            self._calls[path] += 1
            tensor = _first_tensor(value)
            if tensor is not None:
                visit(path if number == 0 else f"{path}_{number}", tensor)

        return hook


def _prepare(model: Model, dtype: torch.dtype) -> Model:
    if isinstance(model, nn.Module):
        return copy.deepcopy(model).to(dtype).eval()
    return model


def _input_axes(x: Tensor, axes: Axes | None) -> Axes:
    if axes is None:
        axes = tuple(range(2, x.ndim)) if x.ndim > 2 else tuple(range(1, x.ndim))
    return tuple(axis % x.ndim for axis in axes)


def _output_axes(name: str, rank: int, wanted: Axes | Mapping[str, Axes] | None) -> Axes:
    chosen = wanted.get(name) if isinstance(wanted, Mapping) else wanted
    if chosen is None:
        return tuple(range(2, rank))
    return tuple(axis % rank for axis in chosen)


def _as_tuple(x: Inputs) -> tuple[Tensor, ...]:
    return (x,) if isinstance(x, Tensor) else tuple(x)


def _cast(tensor: Tensor, dtype: torch.dtype) -> Tensor:
    return tensor.detach().to(dtype) if tensor.is_floating_point() else tensor.detach()


def operators_met(model: Model, x: Inputs) -> set[str]:
    """Base names of the ATen operators that a taint meets in `model`, as the oracle runs it."""
    everything = [
        torch.full_like(_cast(tensor, torch.float64), math.nan)
        if tensor.is_floating_point()
        else tensor
        for tensor in _as_tuple(x)
    ]
    mode = TaintMode()
    with torch.no_grad(), _plain_eager(torch.float64):
        prepared = _prepare(model, torch.float64)
        mode.begin(prepared, everything, learning=True)
        with mode:
            prepared(*everything)
    mode.end()
    return mode.seen


class _Collector:
    """Gathers per-run taint of each named tensor into masks."""

    def __init__(
        self,
        *,
        output_axes: Axes | Mapping[str, Axes] | None,
        channels: bool,
        channel_axis: int,
    ) -> None:
        self._wanted = output_axes
        self._channels = channels
        self._channel_axis = channel_axis
        self.parts: dict[str, list[BoolArray]] = {}
        self.shapes: dict[str, tuple[int, ...]] = {}
        self.axes: dict[str, Axes] = {}

    def add(self, name: str, tainted: Tensor, *, runs: int | None) -> None:
        """Record `tainted` (shape of the tensor).

        Args:
            name: of the tensor.
            tainted: where it depends on the tainted position of each run.
            runs: number of runs stacked on axis 0, the last being untainted; None for one run
                that used the whole batch.
        """
        axes = _output_axes(name, tainted.ndim, self._wanted)
        keep = ((self._channel_axis % tainted.ndim,) if self._channels else ()) + axes
        shape = tuple(tainted.shape)
        if runs is None:
            part = _any_except(tainted, keep)[None]
        else:
            if tainted.ndim == 0 or shape[0] % runs or 0 in axes:
                message = f"{name}: axis 0 of {shape} is not the batch; use batched=False"
                raise OracleError(message)
            folded = tainted.reshape(runs, shape[0] // runs, *shape[1:])
            part = _any_except(folded, (0, *(axis + 1 for axis in keep)))
            if bool(part[-1].any()):
                message = (
                    f"{name}: a clean sample is tainted: the model mixes samples "
                    "(use batched=False) or makes NaN by itself"
                )
                raise OracleError(message)
            part = part[:-1]
            shape = (shape[0] // runs, *shape[1:])
        self.parts.setdefault(name, []).append(part.cpu().numpy())
        self.shapes[name] = shape
        self.axes[name] = axes

    def reach(self, name: str, input_axes: Axes, extent: tuple[int, ...]) -> Reach:
        mask = np.concatenate(self.parts[name])  # [input position, o...]
        mask = np.moveaxis(mask, 0, -1)
        return Reach(
            name=name,
            mask=np.ascontiguousarray(mask.reshape(*mask.shape[:-1], *extent)),
            shape=self.shapes[name],
            output_axes=self.axes[name],
            input_axes=input_axes,
            input_extent=extent,
            has_channels=self._channels,
        )


def _any_except(mask: Tensor, keep: Axes) -> Tensor:
    """`any` over all axes but `keep`, which come out in the order given."""
    drop = [axis for axis in range(mask.ndim) if axis not in keep]
    order = [*keep, *drop]
    moved = mask.permute(order)
    return moved.flatten(len(keep)).any(dim=-1) if drop else moved


def reach(
    model: Model,
    x: Inputs,
    *,
    modules: Sequence[str] = (),
    axes: Axes | None = None,
    output_axes: Axes | Mapping[str, Axes] | None = None,
    scope: str = "total",
    batched: bool = True,
    chunk: int = 256,
    reach_channels: bool = False,
    channel_axis: int = 1,
    source: int = 0,
    dtype: torch.dtype = torch.float64,
) -> dict[str, Reach]:
    """Which input positions can change which output positions, by NaN taint.

    Args:
        model: the eager model (a float64 copy in eval mode is run) or a plain function.
        x: its input tensor, or several.
        modules: paths of modules whose returned tensor (the first, if several) is wanted too.
            A module called again gives "path_1", "path_2", ...
        axes: input axes to resolve. Default: all from 2 on; axis 1 for a 2-dimensional input.
        output_axes: axes of the outputs to resolve, one choice for all or one per name.
            Default: all from 2 on, none for tensors of 2 dimensions or fewer.
        scope: only "total": local and global paths together.
        batched: whether samples are independent, so that positions can be tried along the batch
            axis (then only sample 0 of `x` is used). A clean sample that comes out tainted
            raises. With False, each position is tried in a forward of its own, in all samples
            at once, and axis 0 may be among `axes` and `output_axes`.
        chunk: number of positions per forward when `batched`.
        reach_channels: resolve the output's channel axis, as first axis of the mask.
        channel_axis: which axis that is.
        source: which of several inputs is tainted.
        dtype: precision of the run.

    Returns:
        "output" (first tensor), "output.0", "output.name", ... where the output is a structure,
        and each module path.

    Raises:
        UnsupportedOperatorError: a tainted tensor met an operator without a verified rule.
        OracleError: the model mixes samples under `batched`, or makes NaN by itself.
    """
    if scope != "total":
        message = f"scope must be 'total', not {scope!r}: taint cannot tell local from global"
        raise ValueError(message)
    inputs = [_cast(tensor, dtype) for tensor in _as_tuple(x)]
    chosen = _input_axes(inputs[source], axes)
    if batched and 0 in chosen:
        message = "axis 0 can only be resolved with batched=False"
        raise ValueError(message)
    if not inputs[source].is_floating_point():
        message = "only floating inputs can be tainted"
        raise TypeError(message)
    extent = tuple(inputs[source].shape[axis] for axis in chosen)
    positions = list(itertools.product(*(range(length) for length in extent)))
    probe = _Probe(_prepare(model, dtype), modules)
    collector = _Collector(
        output_axes=output_axes, channels=reach_channels, channel_axis=channel_axis
    )
    mode = TaintMode()
    runs: int | None = None

    def visit(name: str, tensor: Tensor) -> None:
        with _disable_current_modes():
            mask = mode.taint(tensor)
            mask = torch.zeros(tensor.shape, dtype=torch.bool) if mask is None else mask
            if not mode.learning:
                collector.add(name, mask, runs=runs)

    def check_clean(name: str, tensor: Tensor) -> None:
        with _disable_current_modes():
            if tensor.is_floating_point() and bool(torch.isnan(tensor).any()):
                message = f"{name}: NaN on a clean input"
                raise OracleError(message)

    with torch.no_grad(), _plain_eager(dtype):
        if batched:
            inputs = [tensor[:1] for tensor in inputs]
        else:
            # The mode replaces NaN that the model makes of fully masked softmax rows.
            clean = [tensor.clone() for tensor in inputs]
            mode.begin(probe.model, clean, learning=True)
            with mode:
                probe.run(clean, check_clean)
        everything = [tensor.clone() for tensor in inputs]
        everything[source].fill_(math.nan)
        mode.begin(probe.model, everything, learning=True)
        with mode:
            probe.run(everything, visit)
        for group in _groups(positions, chunk if batched else 1):
            if batched:
                runs = len(group) + 1
                batch = [tensor.expand(runs, *tensor.shape[1:]).clone() for tensor in inputs]
            else:
                batch = [tensor.clone() for tensor in inputs]
            _poison(batch[source], group, chosen, batched=batched)
            mode.begin(probe.model, batch, learning=False)
            with mode:
                probe.run(batch, visit)
        mode.end()
    return {name: collector.reach(name, chosen, extent) for name in collector.parts}


def _groups(positions: Sequence[tuple[int, ...]], size: int) -> Iterator[Sequence[tuple[int, ...]]]:
    for begin in range(0, len(positions), size):
        yield positions[begin : begin + size]


def _poison(x: Tensor, positions: Sequence[tuple[int, ...]], axes: Axes, *, batched: bool) -> None:
    """Put NaN at one position per sample (`batched`) or at one position of all samples."""
    for run, position in enumerate(positions):
        view = x[run] if batched else x
        index: list[Any] = [slice(None)] * view.ndim
        for axis, value in zip(axes, position, strict=True):
            index[axis - 1 if batched else axis] = value
        view[tuple(index)] = math.nan


# --------------------------------------------------------------------------------------------
# The second oracle


def gradient_reach(
    model: Model,
    x: Inputs,
    *,
    modules: Sequence[str] = (),
    axes: Axes | None = None,
    output_axes: Axes | Mapping[str, Axes] | None = None,
    draws: int = 2,
    seed: int = 0,
    chunk: int = 256,
    source: int = 0,
    threshold: float = 1e-12,
) -> dict[str, Reach]:
    """The support of the gradient of every output position, over a few random inputs.

    Weights are replaced by their absolute values (plus a little, and scaled so that activations
    stay near 1) and inputs are positive, so that terms do not cancel and ReLU-like gates are
    open. Samples must be independent.

    Blind spots, all towards *too small* masks: max pooling routes to one input per draw,
    saturated gates (`hardtanh`, `relu6`) have zero gradient, `sign`, `round`, comparisons and
    index computations have none, normalising statistics cancel in sums (LayerNorm with equal
    weights, softmax), weights of opposite sign (bicubic) can cancel exactly, and a gradient
    below `threshold` times the largest is taken for zero. Models that write with `out=` or
    into views of `split` cannot be differentiated: PyTorch's RuntimeError goes through.

    Args:
        model: as in `reach`.
        x: as in `reach`; only its shape and dtype matter for the tainted input.
        modules: as in `reach`.
        axes: as in `reach`.
        output_axes: as in `reach`.
        draws: number of random inputs; supports are united.
        seed: of the draws.
        chunk: output positions per backward pass.
        source: which of several inputs is differentiated.
        threshold: relative to the largest gradient of the same output position.

    Returns:
        The same names and meanings as `reach`.
    """
    dtype = torch.float64
    inputs = [_cast(tensor, dtype)[:1] for tensor in _as_tuple(x)]
    chosen = _input_axes(inputs[source], axes)
    extent = tuple(inputs[source].shape[axis] for axis in chosen)
    probe = _Probe(_prepare(model, dtype), modules)
    if isinstance(probe.model, nn.Module):
        with torch.no_grad():
            for parameter in probe.model.parameters():
                _make_positive(parameter)
    generator = torch.Generator().manual_seed(seed)
    shapes: dict[str, tuple[int, ...]] = {}
    result: dict[str, Reach] = {}
    with _plain_eager(dtype):
        with torch.no_grad():
            clean = [tensor.clone() for tensor in inputs]
            probe.run(clean, lambda name, tensor: shapes.update({name: tuple(tensor.shape)}))
        for name, shape in shapes.items():
            wanted = _output_axes(name, len(shape), output_axes)
            lengths = tuple(shape[axis] for axis in wanted)
            positions = list(itertools.product(*(range(length) for length in lengths)))
            rows: list[BoolArray] = []
            for group in _groups(positions, chunk):
                support: Tensor | None = None
                for _ in range(draws):
                    one = _gradient_support(
                        probe, inputs, name, group, wanted, chosen, source, generator, threshold
                    )
                    support = one if support is None else support | one
                assert support is not None
                rows.append(support.numpy())
            mask = np.concatenate(rows).reshape(*lengths, *extent)
            result[name] = Reach(name, mask, shape, wanted, chosen, extent)
    return result


def _make_positive(parameter: Tensor) -> None:
    """Positive entries; matrices and kernels average what they read."""
    size = parameter.abs()
    size += 0.1 * size.mean() + 1e-3
    if size.ndim >= 2:
        size /= size.flatten(1).sum(dim=1).reshape(-1, *(1 for _ in size.shape[1:]))
    parameter.copy_(size)


def _gradient_support(
    probe: _Probe,
    inputs: Sequence[Tensor],
    name: str,
    positions: Sequence[tuple[int, ...]],
    output_axes: Axes,
    input_axes: Axes,
    source: int,
    generator: torch.Generator,
    threshold: float,
) -> Tensor:
    """`support[p, i...]` is true when output position `p` has a gradient at input `i`."""
    count = len(positions)
    batch = [tensor.expand(count, *tensor.shape[1:]).clone() for tensor in inputs]
    shape = batch[source].shape
    leaf = 0.5 + torch.rand(shape, generator=generator, dtype=torch.float64)
    leaf.requires_grad_()
    batch[source] = leaf * 1.0
    found: dict[str, Tensor] = {}
    # A later in-place write must not change what was seen: hence the copy.
    with torch.enable_grad():
        probe.run(batch, lambda key, tensor: found.update({key: tensor * 1.0}))
        value = found[name]
        value = value.reshape(count, value.shape[0] // count, *value.shape[1:])
        total = torch.zeros((), dtype=torch.float64)
        for run, position in enumerate(positions):
            index: list[Any] = [slice(None)] * (value.ndim - 1)
            for axis, at in zip(output_axes, position, strict=True):
                index[axis] = at
            total = total + value[run][tuple(index)].sum()
        if not total.requires_grad:
            gradient = torch.zeros(shape, dtype=torch.float64)
        else:
            (grad,) = torch.autograd.grad(total, leaf, allow_unused=True)
            gradient = torch.zeros(shape, dtype=torch.float64) if grad is None else grad
    size = gradient.abs()
    largest = size.flatten(1).amax(dim=1).reshape(-1, *(1 for _ in shape[1:]))
    return _any_except((size > threshold * largest) & (size > 0), (0, *input_axes))
