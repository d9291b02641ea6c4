"""Layouts of operator results, computed without running the (slow, Python) meta kernels.

Every function takes an operator's own arguments and returns the `TensorSpec` of its result,
a tuple of them for several results, or None when the case is not an ordinary one: the real
meta kernel then decides, and raises where the arguments do not fit. A test compares each of
them with the real kernel over many models.
"""

# The functions below have the arguments of the ATen operators that they stand for.
# ruff: noqa: ARG001, FBT001, FBT002, PLR0917

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor
from torch._ops import OpOverload

from rfgraph.capture.recording import TensorSpec

Layouts = TensorSpec | tuple[TensorSpec, ...] | None
Direct = Callable[..., Layouts]

aten = torch.ops.aten

_STRIDES: dict[tuple[int, ...], tuple[int, ...]] = {}


def contiguous_strides(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return the strides of a contiguous tensor of ``shape``."""
    found = _STRIDES.get(shape)
    if found is None:
        strides, step = [], 1
        for size in reversed(shape):
            strides.append(step)
            step *= max(size, 1)
        found = tuple(reversed(strides))
        if len(_STRIDES) < 100_000:
            _STRIDES[shape] = found
    return found


def _fresh(shape: tuple[int, ...], dtype: torch.dtype) -> TensorSpec:
    return TensorSpec(shape, dtype, contiguous_strides(shape))


def _like(x: Tensor, dtype: torch.dtype) -> TensorSpec | None:
    """Return the layout of an elementwise result of ``x``: strides are kept when dense."""
    shape, stride = tuple(x.shape), x.stride()
    if stride == contiguous_strides(shape):
        return TensorSpec(shape, dtype, stride)
    if x.is_contiguous() or not _is_dense(shape, stride):
        # Packed, but with odd strides along axes of size 1: kernels differ in what they return.
        return None
    last = _CHANNELS_LAST.get(len(shape))
    if last is None or stride == _channels_last_strides(shape):
        return TensorSpec(shape, dtype, stride)
    if x.is_contiguous(memory_format=last):
        return None
    return TensorSpec(shape, dtype, stride)


def _packed(x: Tensor) -> TensorSpec | None:
    """Return the layout of an elementwise result of ``x`` alone, which may be strided."""
    return _like(x, x.dtype) or _ordered(x)


def _ordered(x: Tensor) -> TensorSpec | None:
    """Return the layout of an elementwise result where the strides of ``x`` order its axes.

    They do if ``x`` is the first operand, has the shape of the result and no two axes with the same
    stride: the result is packed in that order.
    """
    shape, stride = tuple(x.shape), x.stride()
    if stride == contiguous_strides(shape):
        return TensorSpec(shape, x.dtype, stride) if len(set(stride)) == len(stride) else None
    if len(set(stride)) < len(stride) or 0 in stride or min(shape) < 2:
        return None
    order = sorted(range(len(shape)), key=stride.__getitem__, reverse=True)
    steps = contiguous_strides(tuple(shape[axis] for axis in order))
    packed = [0] * len(shape)
    for axis, step in zip(order, steps, strict=True):
        packed[axis] = step
    return TensorSpec(shape, x.dtype, tuple(packed))


_CHANNELS_LAST = {4: torch.channels_last, 5: torch.channels_last_3d}


def _channels_last_strides(shape: tuple[int, ...]) -> tuple[int, ...]:
    batch, channels, *space = contiguous_strides((shape[0], *shape[2:], shape[1]))
    return (batch, space[-1], channels, *space[:-1])


def _is_dense(shape: tuple[int, ...], stride: tuple[int, ...]) -> bool:
    """Return True when the strides are those of a packed tensor with its axes permuted."""
    step = 1
    for jump, size in sorted(zip(stride, shape, strict=True)):
        if jump != step:
            return False
        step *= size
    return True


def _keep(x: Tensor, *_: Any, **__: Any) -> TensorSpec | None:
    return _like(x, x.dtype)


def _keep_float(x: Tensor, *_: Any, **__: Any) -> TensorSpec | None:
    return _like(x, x.dtype) if x.dtype.is_floating_point else None


def _number(value: object) -> bool:
    return type(value) is int or type(value) is float


def _binary(x: Any, y: Any, *, alpha: object = 1) -> TensorSpec | None:
    if not isinstance(x, Tensor):
        return None
    dtype = x.dtype
    if not dtype.is_floating_point:
        return None
    if not isinstance(y, Tensor):
        return _packed(x) if _number(y) else None
    if y.dtype is not dtype:
        return None
    shape, other = tuple(x.shape), tuple(y.shape)
    if shape == other:
        return _packed(x) if x.stride() == y.stride() else _ordered(x)
    if x.numel() >= y.numel():
        return _broadcast(x, shape, y, other, dtype)
    return _broadcast(y, other, x, shape, dtype)


def _broadcast(
    big: Tensor, shape: tuple[int, ...], small: Tensor, other: tuple[int, ...], dtype: torch.dtype
) -> TensorSpec | None:
    """Return the layout when ``small`` spreads over ``big`` and cannot change its axis order."""
    missing = len(shape) - len(other)
    if missing < 0 or 1 in shape[1:]:
        return None
    if shape[0] == 1 and big.stride()[0] != big.numel():
        return None
    wide = 0
    for size, total in zip(other, shape[missing:], strict=True):
        if size == 1:
            continue
        if size != total:
            return None
        wide += 1
    if wide > 1 or (missing == 0 and shape[0] == 1):
        # Both could decide the order of the axes; they agree when both are packed.
        packed = contiguous_strides(shape), contiguous_strides(other)
        if (big.stride(), small.stride()) != packed:
            return None
    return _like(big, dtype)


def _convolution(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    stride: Sequence[int],
    padding: Sequence[int],
    dilation: Sequence[int],
    transposed: bool,
    output_padding: Sequence[int],
    groups: int,
) -> TensorSpec | None:
    shape, kernel = x.shape, weight.shape
    rank = len(shape) - 2
    if rank < 1 or len(kernel) != rank + 2:
        return None
    dtype = x.dtype
    if weight.dtype is not dtype or (bias is not None and bias.dtype is not dtype):
        side, other = ("weight", weight) if weight.dtype is not dtype else ("bias", bias)
        message = f"Input type ({dtype}) and {side} type ({other.dtype}) should be the same"  # type: ignore[union-attr]
        raise RuntimeError(message)
    if transposed:
        return None
    channels = kernel[1] * groups
    if shape[1] != channels:
        message = (
            f"Given groups={groups}, weight of size {list(kernel)}, expected input "
            f"{list(shape)} to have {channels} channels, but got {shape[1]} channels instead"
        )
        raise RuntimeError(message)
    if kernel[0] % groups or (bias is not None and bias.shape != kernel[:1]):
        return None
    out = _convolved(shape, kernel, tuple(stride), tuple(padding), tuple(dilation))
    return None if out is None else _fresh(out, dtype)


@lru_cache(maxsize=4096)
def _convolved(
    shape: tuple[int, ...],
    kernel: tuple[int, ...],
    stride: tuple[int, ...],
    padding: tuple[int, ...],
    dilation: tuple[int, ...],
) -> tuple[int, ...] | None:
    out = [shape[0], kernel[0]]
    for axis in range(len(shape) - 2):
        step = stride[axis] if len(stride) > 1 else stride[0]
        pad = padding[axis] if len(padding) > 1 else padding[0]
        gap = dilation[axis] if len(dilation) > 1 else dilation[0]
        reach = shape[axis + 2] + 2 * pad - gap * (kernel[axis + 2] - 1) - 1
        if reach < 0 or pad < 0:
            return None
        out.append(reach // step + 1)
    return None if 0 in out else tuple(out)


def _native_batch_norm(
    x: Tensor,
    weight: Tensor | None,
    bias: Tensor | None,
    mean: Tensor | None,
    var: Tensor | None,
    training: bool,
    momentum: float,
    eps: float,
) -> tuple[TensorSpec, ...] | None:
    shape = tuple(x.shape)
    if len(shape) < 2 or not x.dtype.is_floating_point or 0 in shape:
        return None
    if x.dtype not in (torch.float32, torch.float64):
        return None
    channels = shape[1]
    for side in (weight, bias, mean, var):
        if side is not None and (tuple(side.shape) != (channels,) or side.dtype is not x.dtype):
            return None
    if (mean is None or var is None) and not training:
        return None
    if training and x.numel() == channels:
        return None
    out = _like(x, x.dtype)
    if out is None:
        return None
    stat = TensorSpec((channels,), x.dtype, (1,))
    return out, stat, stat


def _native_layer_norm(
    x: Tensor, normalized: Sequence[int], weight: Tensor | None, bias: Tensor | None, eps: float
) -> tuple[TensorSpec, ...] | None:
    shape = tuple(x.shape)
    tail = tuple(normalized)
    lead = len(shape) - len(tail)
    if lead < 0 or shape[lead:] != tail or x.dtype not in (torch.float32, torch.float64):
        return None
    if x.stride() != contiguous_strides(shape) and x.is_contiguous():
        # Axes of size 1 with odd strides keep them; other layouts are packed first.
        return None
    for side in (weight, bias):
        if side is not None and (tuple(side.shape) != tail or side.dtype is not x.dtype):
            return None
    stat = _fresh(shape[:lead] + (1,) * len(tail), x.dtype)
    return _fresh(shape, x.dtype), stat, stat


def _native_group_norm(
    x: Tensor,
    weight: Tensor | None,
    bias: Tensor | None,
    batch: int,
    channels: int,
    rest: int,
    groups: int,
    eps: float,
) -> tuple[TensorSpec, ...] | None:
    shape = tuple(x.shape)
    if x.dtype not in (torch.float32, torch.float64) or len(shape) < 2:
        return None
    if shape[:2] != (batch, channels) or math.prod(shape[2:]) != rest or channels % groups:
        return None
    if x.stride() != contiguous_strides(shape):
        return None
    for side in (weight, bias):
        if side is not None and (tuple(side.shape) != (channels,) or side.dtype is not x.dtype):
            return None
    stat = _fresh((batch, groups), x.dtype)
    return TensorSpec(shape, x.dtype, x.stride()), stat, stat


def _matrices(*operands: Tensor) -> torch.dtype | None:
    dtype = operands[0].dtype
    for operand in operands:
        if operand.dtype is not dtype:
            message = f"mat1 and mat2 must have the same dtype, but got {dtype} and {operand.dtype}"
            raise RuntimeError(message)
    return dtype


def _mm(x: Tensor, y: Tensor) -> TensorSpec | None:
    if len(x.shape) != 2 or len(y.shape) != 2 or x.shape[1] != y.shape[0]:
        return None
    dtype = _matrices(x, y)
    return _fresh((x.shape[0], y.shape[1]), dtype) if dtype is not None else None


def _addmm(
    bias: Tensor, x: Tensor, y: Tensor, *, beta: object = 1, alpha: object = 1
) -> TensorSpec | None:
    out = _mm(x, y)
    if out is None or bias.dtype is not out.dtype:
        return None
    return out if tuple(bias.shape) in (out.shape[1:], out.shape) else None


def _bmm(x: Tensor, y: Tensor) -> TensorSpec | None:
    if len(x.shape) != 3 or len(y.shape) != 3:
        return None
    if x.shape[0] != y.shape[0] or x.shape[2] != y.shape[1]:
        return None
    dtype = _matrices(x, y)
    shape = (x.shape[0], x.shape[1], y.shape[2])
    return _fresh(shape, dtype) if dtype is not None else None


def _reduce(
    x: Tensor,
    dims: Sequence[int] | None = None,
    keepdim: bool = False,
    *,
    dtype: torch.dtype | None = None,
) -> TensorSpec | None:
    if not dims or dtype is not None or not x.dtype.is_floating_point:
        return None
    shape = tuple(x.shape)
    rank = len(shape)
    gone = {dim + rank if dim < 0 else dim for dim in dims}
    if len(gone) != len(dims) or min(gone) < 0 or max(gone) >= rank:
        return None
    if x.stride() != contiguous_strides(shape):
        return None
    if keepdim:
        out = tuple(1 if axis in gone else size for axis, size in enumerate(shape))
    else:
        out = tuple(size for axis, size in enumerate(shape) if axis not in gone)
    return _fresh(out, x.dtype)


def _linalg_vector_norm(
    x: Tensor,
    order: float = 2,
    dims: Sequence[int] | None = None,
    keepdim: bool = False,
    *,
    dtype: torch.dtype | None = None,
) -> TensorSpec | None:
    return _reduce(x, dims, keepdim, dtype=dtype)


def _softmax(x: Tensor, dim: int, half_to_float: bool) -> TensorSpec | None:
    if half_to_float or not -x.ndim <= dim < x.ndim or not x.is_contiguous():
        return None
    return _keep_float(x)


def _safe_softmax(x: Tensor, dim: int, dtype: torch.dtype | None = None) -> TensorSpec | None:
    if dtype is not None or not -x.ndim <= dim < x.ndim or not x.is_contiguous():
        return None
    return _keep_float(x)


def _cat(tensors: Sequence[Tensor], dim: int = 0) -> TensorSpec | None:
    first = tensors[0]
    shape = tuple(first.shape)
    rank = len(shape)
    if not -rank <= dim < rank:
        return None
    dim %= rank
    total = 0
    for tensor in tensors:
        other = tuple(tensor.shape)
        if len(other) != rank or tensor.dtype is not first.dtype:
            return None
        if other[:dim] != shape[:dim] or other[dim + 1 :] != shape[dim + 1 :]:
            return None
        if tensor.stride() != contiguous_strides(other):
            return None
        total += other[dim]
    return _fresh((*shape[:dim], total, *shape[dim + 1 :]), first.dtype)


def _stack(tensors: Sequence[Tensor], dim: int = 0) -> TensorSpec | None:
    first = tensors[0]
    shape = tuple(first.shape)
    rank = len(shape) + 1
    if not -rank <= dim < rank:
        return None
    dim %= rank
    for tensor in tensors:
        if tuple(tensor.shape) != shape or tensor.dtype is not first.dtype:
            return None
        if tensor.stride() != contiguous_strides(shape):
            return None
    return _fresh((*shape[:dim], len(tensors), *shape[dim:]), first.dtype)


def _pooled(size: int, kernel: int, stride: int, pad: int, dilation: int, ceil: bool) -> int:
    reach = size + 2 * pad - dilation * (kernel - 1) - 1
    if reach < 0 or stride < 1 or pad < 0 or pad > kernel // 2:
        return 0
    out = (reach + (stride - 1 if ceil else 0)) // stride + 1
    # With ceil_mode, the last window must start inside the input or its left padding.
    return out - 1 if ceil and (out - 1) * stride >= size + pad else out


def _pool(
    x: Tensor,
    rank: int,
    kernel: Sequence[int],
    stride: Sequence[int],
    padding: Sequence[int],
    dilation: Sequence[int],
    ceil: bool,
) -> TensorSpec | None:
    shape = tuple(x.shape)
    if len(shape) != rank + 2 or 0 in shape or not x.dtype.is_floating_point:
        return None
    if x.stride() != contiguous_strides(shape):
        return None
    stride = stride or kernel
    sizes = []
    for axis, size in enumerate(shape[2:]):
        k, s, p, d = (
            values[axis] if len(values) > 1 else values[0]
            for values in (kernel, stride, padding, dilation)
        )
        sizes.append(_pooled(size, k, s, p, d, ceil))
    if min(sizes) < 1:
        return None
    return _fresh(shape[:2] + tuple(sizes), x.dtype)


def _max_pool2d(
    x: Tensor,
    kernel: Sequence[int],
    stride: Sequence[int] = (),
    padding: Sequence[int] = (0, 0),
    dilation: Sequence[int] = (1, 1),
    ceil_mode: bool = False,
) -> tuple[TensorSpec, ...] | None:
    out = _pool(x, 2, kernel, stride, padding, dilation, ceil_mode)
    if out is None:
        return None
    return out, TensorSpec(out.shape, torch.int64, out.stride)


def _avg_pool2d(
    x: Tensor,
    kernel: Sequence[int],
    stride: Sequence[int] = (),
    padding: Sequence[int] = (0, 0),
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> TensorSpec | None:
    return _pool(x, 2, kernel, stride, padding, (1, 1), ceil_mode)


def _adaptive_avg_pool2d(x: Tensor, size: Sequence[int]) -> TensorSpec | None:
    shape = tuple(x.shape)
    if len(shape) != 4 or 0 in shape or not x.is_contiguous() or min(size) < 1:
        return None
    if shape[1] == 1 or not x.dtype.is_floating_point:
        return None
    return _fresh((*shape[:2], *size), x.dtype)


def _upsample2d(x: Tensor, size: Sequence[int], *_: Any, **__: Any) -> TensorSpec | None:
    shape = tuple(x.shape)
    if len(shape) != 4 or 0 in shape or min(size) < 1 or not x.dtype.is_floating_point:
        return None
    if shape[1] == 1 or x.stride() != contiguous_strides(shape):
        return None
    return _fresh((*shape[:2], *size), x.dtype)


def _roll(x: Tensor, shifts: Sequence[int], dims: Sequence[int] = ()) -> TensorSpec | None:
    shape = tuple(x.shape)
    if not dims or len(shifts) != len(dims) or x.stride() != contiguous_strides(shape):
        return None
    return TensorSpec(shape, x.dtype, x.stride())


def _unsafe_view(x: Tensor, size: Sequence[int]) -> TensorSpec | None:
    shape, out = tuple(x.shape), tuple(size)
    if -1 in out or math.prod(out) != math.prod(shape) or x.stride() != contiguous_strides(shape):
        return None
    return _fresh(out, x.dtype)


def _clone(x: Tensor, *, memory_format: torch.memory_format | None = None) -> TensorSpec | None:
    if memory_format is torch.contiguous_format:
        return _fresh(tuple(x.shape), x.dtype)
    if memory_format not in (None, torch.preserve_format):
        return None
    return _like(x, x.dtype)


def _compared(x: Tensor, value: object) -> TensorSpec | None:
    return _like(x, torch.bool) if _number(value) and x.dtype.is_floating_point else None


def _masked_fill(x: Tensor, mask: Tensor, value: object) -> TensorSpec | None:
    shape, over = tuple(x.shape), tuple(mask.shape)
    if mask.dtype is not torch.bool or not _number(value) or not x.dtype.is_floating_point:
        return None
    missing = len(shape) - len(over)
    if missing < 0 or any(o not in (1, n) for o, n in zip(over, shape[missing:], strict=True)):
        return None
    if x.stride() != contiguous_strides(shape) or mask.stride() != contiguous_strides(over):
        return None
    return _fresh(shape, x.dtype)


def _index(x: Tensor, indices: Sequence[Tensor | None]) -> TensorSpec | None:
    """Rows of a table."""
    shape, (rows, *others) = tuple(x.shape), indices
    if others or rows is None or rows.dtype is not torch.int64 or not shape or 0 in shape:
        return None
    taken = tuple(rows.shape)
    packed = contiguous_strides(shape), contiguous_strides(taken)
    if not taken or (x.stride(), rows.stride()) != packed:
        return None
    return _fresh((*taken, *shape[1:]), x.dtype)


def _recurrent(
    x: Tensor,
    state: Tensor,
    cell: Tensor | None,
    weights: Sequence[Tensor],
    biased: bool,
    layers: int,
    ways: int,
    gates: int,
) -> tuple[TensorSpec, ...] | None:
    """Return the layouts of a recurrent layer's features and last states, tokens first."""
    states = [state] if cell is None else [state, cell]
    dtype, hidden = x.dtype, state.shape[-1]
    projected = cell is not None and cell.shape[-1] != hidden
    each = 2 + 2 * biased + projected
    inner = hidden if cell is None else cell.shape[-1]
    rows = gates * inner
    if 0 in x.shape or x.ndim < 2 or len(weights) != each * layers * ways:
        return None
    for tensor in (*states, *weights):
        if tensor.dtype is not dtype:
            return None
    for tensor in states:
        if tensor.ndim != 3 or tensor.shape[:2] != (layers * ways, state.shape[1]):
            return None
    for place in range(layers * ways):
        own = weights[place * each : (place + 1) * each]
        width = x.shape[-1] if place < ways else hidden * ways
        if own[0].shape != (rows, width) or own[1].shape != (rows, hidden):
            return None
        if any(bias.shape != (rows,) for bias in own[2 : 2 + 2 * biased]):
            return None
        if projected and own[-1].shape != (hidden, inner):
            return None
    out = _fresh((*x.shape[:-1], hidden * ways), dtype)
    return out, *(_fresh(tuple(tensor.shape), dtype) for tensor in states)


def _padded(
    x: Tensor,
    state: Tensor,
    cell: Tensor | None,
    weights: Sequence[Tensor],
    biased: bool,
    layers: int,
    bidirectional: bool,
    batch_first: bool,
    gates: int,
) -> tuple[TensorSpec, ...] | None:
    if x.ndim != 3 or x.shape[0 if batch_first else 1] != state.shape[1]:
        return None
    found = _recurrent(x, state, cell, weights, biased, layers, 1 + bidirectional, gates)
    if found is None or not batch_first:
        return found
    # The layer runs tokens first; its features are a transposed view of that.
    out, *states = found
    batch, _, width = out.shape
    return TensorSpec(out.shape, out.dtype, (width, batch * width, 1)), *states


def _lstm(
    x: Tensor,
    states: Sequence[Tensor],
    weights: Sequence[Tensor],
    biased: bool,
    layers: int,
    dropout: float,
    train: bool,
    bidirectional: bool,
    batch_first: bool,
) -> tuple[TensorSpec, ...] | None:
    state, cell = states
    return _padded(x, state, cell, weights, biased, layers, bidirectional, batch_first, 4)


def _gru(
    x: Tensor,
    state: Tensor,
    weights: Sequence[Tensor],
    biased: bool,
    layers: int,
    dropout: float,
    train: bool,
    bidirectional: bool,
    batch_first: bool,
) -> tuple[TensorSpec, ...] | None:
    return _padded(x, state, None, weights, biased, layers, bidirectional, batch_first, 3)


def _rnn(
    x: Tensor,
    state: Tensor,
    weights: Sequence[Tensor],
    biased: bool,
    layers: int,
    dropout: float,
    train: bool,
    bidirectional: bool,
    batch_first: bool,
) -> tuple[TensorSpec, ...] | None:
    return _padded(x, state, None, weights, biased, layers, bidirectional, batch_first, 1)


_KEEP_FLOAT = (
    aten.relu.default,
    aten.gelu.default,
    aten.silu.default,
    aten.sigmoid.default,
    aten.tanh.default,
    aten.hardswish.default,
    aten.hardsigmoid.default,
    aten.hardtanh.default,
    aten.leaky_relu.default,
    aten.elu.default,
    aten.softplus.default,
    aten.mish.default,
    aten.exp.default,
    aten.cos.default,
    aten.sin.default,
    aten.neg.default,
    aten.sqrt.default,
    aten.rsqrt.default,
    aten.abs.default,
)


_COMPARED = (
    aten.eq.Scalar,
    aten.ne.Scalar,
    aten.lt.Scalar,
    aten.le.Scalar,
    aten.gt.Scalar,
    aten.ge.Scalar,
)


def _clamp(x: Tensor, low: object = None, high: object = None) -> TensorSpec | None:
    if low is None and high is None:
        return None
    if all(bound is None or _number(bound) for bound in (low, high)):
        return _keep_float(x)
    return None


def _scalar(x: Tensor, value: object, *_: object) -> TensorSpec | None:
    return _keep_float(x) if _number(value) else None


def _grouped_mm(
    x: Tensor,
    weights: Tensor,
    offsets: Tensor | None = None,
    bias: Tensor | None = None,
    out_dtype: torch.dtype | None = None,
) -> TensorSpec | None:
    """Of numbers that the CPU multiplies and the kernel without data refuses."""
    if x.dtype in (torch.bfloat16, torch.float16) or x.dtype is not weights.dtype:
        return None
    rows, columns = x.shape[-2], weights.shape[-1]
    if x.ndim == weights.ndim == 2:
        groups: tuple[int, ...] = () if offsets is None else (offsets.shape[0],)
    else:
        groups = (x.shape[0],) if x.ndim == weights.ndim else ()
    return _fresh((*groups, rows, columns), out_dtype or x.dtype)


DIRECT: dict[OpOverload, Direct] = {
    **dict.fromkeys(_KEEP_FLOAT, _keep_float),
    aten.add.Tensor: _binary,
    aten.sub.Tensor: _binary,
    aten.mul.Tensor: _binary,
    aten.div.Tensor: _binary,
    aten.add.Scalar: _scalar,
    aten.mul.Scalar: _scalar,
    aten.rsub.Scalar: _scalar,
    aten.pow.Tensor_Scalar: _scalar,
    aten.clamp.default: _clamp,
    aten.clamp_min.default: _clamp,
    aten.clamp_max.default: _clamp,
    aten.convolution.default: _convolution,
    aten.native_batch_norm.default: _native_batch_norm,
    aten.native_layer_norm.default: _native_layer_norm,
    aten.native_group_norm.default: _native_group_norm,
    aten.mm.default: _mm,
    aten.addmm.default: _addmm,
    aten.bmm.default: _bmm,
    aten._grouped_mm.default: _grouped_mm,
    aten.mean.dim: _reduce,
    aten.sum.dim_IntList: _reduce,
    aten.amax.default: _reduce,
    aten.linalg_vector_norm.default: _linalg_vector_norm,
    aten._softmax.default: _softmax,
    aten._safe_softmax.default: _safe_softmax,
    aten.cat.default: _cat,
    aten.stack.default: _stack,
    aten.max_pool2d_with_indices.default: _max_pool2d,
    aten.avg_pool2d.default: _avg_pool2d,
    aten._adaptive_avg_pool2d.default: _adaptive_avg_pool2d,
    aten.upsample_nearest2d.default: _upsample2d,
    aten.upsample_bilinear2d.default: _upsample2d,
    aten.upsample_bicubic2d.default: _upsample2d,
    aten.roll.default: _roll,
    aten._unsafe_view.default: _unsafe_view,
    aten.clone.default: _clone,
    aten.masked_fill.Scalar: _masked_fill,
    aten.index.Tensor: _index,
    **dict.fromkeys(_COMPARED, _compared),
    aten.lstm.input: _lstm,
    aten.gru.input: _gru,
    aten.rnn_tanh.input: _rnn,
    aten.rnn_relu.input: _rnn,
}
