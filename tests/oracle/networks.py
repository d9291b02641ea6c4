"""Random small networks that use the operators real models use, reproducible from a seed.

`random_network(seed)` grows a chain of modules; a step is a layer, a data movement, or a block
with branches that are chains themselves. Every step prints as the call it makes, so that
`RandomNetwork.description` on a failure is enough to rebuild the network by hand.

No numeric accident hides a dependence: weights are positive, biases small and non-negative, all
operators pass NaN or are repaired by the taint oracle. Every step keeps the rank (batch, channel,
spatial axes in this order), whatever it does inside.
"""

from __future__ import annotations

import functools
import itertools
import math
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

import torch
import torch.nn.functional as F  # noqa: N812 (its usual name)
from torch import Tensor, nn

from .taint import single_thread

Shape = tuple[int, ...]
T = TypeVar("T")

MAX_CHANNELS = 12
MAX_EXTENT = {1: 40, 2: 22, 3: 10}
INPUT_EXTENT = {1: (9, 24), 2: (6, 13), 3: (4, 7)}
ATTEMPTS = 200


@dataclass(frozen=True)
class RandomNetwork:
    """A generated network.

    Attributes:
        seed: what it was made from.
        module: the network, in eval mode, float32.
        input_shape: batch, channel and spatial lengths.
        dims: number of spatial axes.
        description: one line per step, nested steps indented.
        modules: paths of submodules whose returned tensor has the input's layout (batch,
            channel, then the spatial axes), so that it is worth checking.
        kinds: names of the generator's kinds that occur, in order of drawing.
    """

    seed: int
    module: nn.Module
    input_shape: Shape
    dims: int
    description: list[str]
    modules: list[str]
    kinds: list[str]


class SkipKindError(Exception):
    """This kind of step does not apply to this shape, or the draw was unlucky."""


@dataclass
class Draw:
    """One stream of random choices, and what has been drawn so far.

    Attributes:
        random: the stream.
        kinds: names of the kinds drawn and kept.
        depth: nesting of the chain being grown.
        registry: the kinds to draw from.
    """

    random: random.Random
    registry: dict[str, Kind]
    kinds: list[str] = field(default_factory=list)
    depth: int = 0

    def integer(self, low: int, high: int) -> int:
        """An integer between both ends, inclusive."""
        if high < low:
            raise SkipKindError
        return self.random.randint(low, high)

    def choice(self, options: Sequence[T]) -> T:
        if not options:
            raise SkipKindError
        return self.random.choice(options)

    def chance(self, probability: float) -> bool:
        return self.random.random() < probability

    def axis(self, shape: Shape, *, at_least: int = 1) -> int:
        """A spatial axis of at least this length."""
        return self.choice([a for a in range(2, len(shape)) if shape[a] >= at_least])

    def divisor(self, number: int) -> int:
        """A divisor, more than 1 where there is one."""
        options = [d for d in range(2, number + 1) if number % d == 0]
        return self.choice(options) if options else 1


@dataclass(frozen=True)
class Kind:
    """A kind of step: how to draw one for a given shape."""

    name: str
    build: Callable[[Draw, Shape], nn.Module]
    dims: tuple[int, ...]
    weight: float
    allocates: bool  # never returns or writes into its input


KINDS: dict[str, Kind] = {}
RICH_KINDS: dict[str, Kind] = {}

Builder = Callable[[Draw, Shape], nn.Module]


def _kind(
    *dims: int,
    weight: float = 1.0,
    allocates: bool = False,
    registry: dict[str, Kind] | None = None,
) -> Callable[[Builder], Builder]:
    """Register a builder under its name, for these numbers of spatial axes (default: all)."""

    def register(build: Builder) -> Builder:
        name = build.__name__.removeprefix("_")
        table = KINDS if registry is None else registry
        if name in table:
            raise ValueError(f"kind {name} exists")
        table[name] = Kind(name, build, dims or (1, 2, 3), weight, allocates)
        return build

    return register


# --------------------------------------------------------------------------------------------
# Modules


class Call(nn.Module):
    """`function(x, **options)` as a module that prints as that call."""

    def __init__(self, function: Callable[..., Tensor], **options: Any) -> None:
        super().__init__()
        self.function = function
        self.options = options

    def forward(self, x: Tensor) -> Tensor:
        return self.function(x, **self.options)

    def __repr__(self) -> str:
        options = ", ".join(f"{key}={value!r}" for key, value in self.options.items())
        return f"{self.function.__name__}({options})"


class Combine(nn.Module):
    """`function(x, *(branch(x) for branch in branches), **options)`."""

    def __init__(
        self,
        function: Callable[..., Tensor],
        *branches: nn.Module,
        **options: Any,
    ) -> None:
        super().__init__()
        self.function = function
        self.branches = nn.ModuleList(branches)
        self.options = options

    def forward(self, x: Tensor) -> Tensor:
        return self.function(x, *(branch(x) for branch in self.branches), **self.options)

    def extra_repr(self) -> str:
        options = ", ".join(f"{key}={value!r}" for key, value in self.options.items())
        return f"{self.function.__name__}({options})"


class SplitApply(nn.Module):
    """Split the channels, send each part through its own branch, merge.

    Args:
        sizes: channels of each part.
        how: "split", "chunk" or "slice".
        cascade: add the previous branch's result to each part first (Res2Net).
    """

    def __init__(
        self, branches: Sequence[nn.Module], sizes: Sequence[int], *, how: str, cascade: bool
    ) -> None:
        super().__init__()
        self.branches = nn.ModuleList(branches)
        self.sizes = list(sizes)
        self.how = how
        self.cascade = cascade

    def forward(self, x: Tensor) -> Tensor:
        if self.how == "split":
            parts = list(torch.split(x, self.sizes, dim=1))
        elif self.how == "chunk":
            parts = list(x.chunk(len(self.sizes), dim=1))
        else:
            edges = [0, *itertools.accumulate(self.sizes)]
            parts = [x[:, low:high] for low, high in itertools.pairwise(edges)]
        results: list[Tensor] = []
        for part, branch in zip(parts, self.branches, strict=True):
            value = part + results[-1] if self.cascade and results else part
            results.append(branch(value))
        return torch.cat(results, dim=1)

    def extra_repr(self) -> str:
        return f"sizes={self.sizes}, how={self.how!r}, cascade={self.cascade}"


class Inner(nn.Module):
    """`after(inner(before(x)))` around modules that see another layout than the network's."""

    def __init__(
        self,
        before: Callable[[Tensor], Tensor],
        inner: nn.Module,
        after: Callable[[Tensor, Shape], Tensor],
    ) -> None:
        super().__init__()
        self.before = before
        self.inner = inner
        self.after = after

    def forward(self, x: Tensor) -> Tensor:
        return self.after(self.inner(self.before(x)), tuple(x.shape))

    def extra_repr(self) -> str:
        return f"{self.before.__name__} ... {self.after.__name__}"


class Twice(nn.Module):
    """The same module applied twice (shared weights, one path, two calls)."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, x: Tensor) -> Tensor:
        return self.inner(self.inner(x))


# --------------------------------------------------------------------------------------------
# Positive weights


def make_positive(module: nn.Module, seed: int) -> None:
    """Draw every parameter positive and of a size that keeps activations near 1."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in module.named_parameters():
            noise = torch.rand(parameter.shape, generator=generator)
            if name.rpartition(".")[2].startswith("bias"):
                parameter.copy_(0.1 * noise)
            elif parameter.ndim >= 2:
                fan = max(1, parameter[0].numel())
                parameter.copy_((0.3 + noise) / fan)
            else:
                parameter.copy_(0.5 + noise)
        for name, buffer in module.named_buffers():
            if name.endswith("running_mean"):
                buffer.copy_(0.1 * torch.rand(buffer.shape, generator=generator))
            elif name.endswith("running_var"):
                buffer.copy_(0.5 + torch.rand(buffer.shape, generator=generator))


# --------------------------------------------------------------------------------------------
# Growing


def _fits(shape: Shape, dims: int) -> bool:
    return (
        len(shape) == dims + 2
        and 1 <= shape[1] <= MAX_CHANNELS
        and all(1 <= extent <= MAX_EXTENT[dims] for extent in shape[2:])
    )


def _shape_after(module: nn.Module, shape: Shape) -> Shape:
    """The output's shape, from a run on positive numbers."""
    generator = torch.Generator().manual_seed(0)
    x = 0.5 + torch.rand(shape, generator=generator)
    with torch.no_grad():
        out = module.eval()(x)
    if out.shape[:1] != x.shape[:1] or not bool(torch.isfinite(out).all()):
        raise SkipKindError
    return tuple(out.shape)


def _step(draw: Draw, shape: Shape, *, allocates: bool = False) -> tuple[nn.Module, Shape]:
    """One more step that fits, and the shape after it."""
    dims = len(shape) - 2
    names = [
        kind
        for kind in draw.registry.values()
        if dims in kind.dims and (kind.allocates or not allocates)
    ]
    weights = [kind.weight for kind in names]
    for _ in range(ATTEMPTS):
        kind = draw.random.choices(names, weights)[0]
        before = len(draw.kinds)
        draw.kinds.append(kind.name)
        try:
            module = kind.build(draw, shape)
            make_positive(module, draw.integer(0, 2**31))
            after = _shape_after(module, shape)
        except (SkipKindError, RuntimeError, ValueError):
            del draw.kinds[before:]
            continue
        thin = any(new < 2 <= old for new, old in zip(after[2:], shape[2:], strict=False))
        if _fits(after, dims) and not (thin and draw.chance(0.8)):
            return module, after
        del draw.kinds[before:]
    raise SkipKindError


def _chain(
    draw: Draw, shape: Shape, steps: int, *, allocates: bool = False
) -> tuple[nn.Sequential, Shape]:
    """A chain of steps; channels are brought back when they grow."""
    if draw.depth > 2:
        raise SkipKindError
    modules: list[nn.Module] = []
    draw.depth += 1
    try:
        for number in range(steps):
            module, shape = _step(draw, shape, allocates=allocates and number == 0)
            modules.append(module)
            if shape[1] > 6:
                channels = draw.integer(2, 4)
                modules.append(_convolution_class(len(shape) - 2)(shape[1], channels, 1))
                shape = (shape[0], channels, *shape[2:])
    finally:
        draw.depth -= 1
    return nn.Sequential(*modules), shape


def _branch(draw: Draw, shape: Shape, *, steps: int | None = None) -> tuple[nn.Sequential, Shape]:
    return _chain(draw, shape, draw.integer(1, 2) if steps is None else steps)


def _fitted(draw: Draw, shape: Shape, target: Shape, *, steps: int | None = None) -> nn.Module:
    """A branch from `shape` whose result has the shape `target`."""
    branch, after = _branch(draw, shape, steps=steps)
    modules = list(branch)
    dims = len(shape) - 2
    if after[2:] != target[2:]:
        how = draw.choice(["fit_by_pad", "adaptive", "resize"])
        if how == "fit_by_pad":
            modules.append(Call(fit_by_pad, size=target[2:]))
        elif how == "adaptive":
            modules.append(_ADAPTIVE_AVG[dims](target[2:]))
        else:
            modules.append(nn.Upsample(size=target[2:], mode="nearest"))
    if after[1] != target[1]:
        modules.append(_convolution_class(dims)(after[1], target[1], 1))
    return nn.Sequential(*modules)


def fit_by_pad(x: Tensor, *, size: Shape) -> Tensor:
    """Crop or zero-pad at the end of every spatial axis."""
    pads: list[int] = []
    for have, want in zip(reversed(x.shape[2:]), reversed(size), strict=True):
        pads += [0, want - have]
    return F.pad(x, pads)


# --------------------------------------------------------------------------------------------
# Convolution

_CONVOLUTION = {1: nn.Conv1d, 2: nn.Conv2d, 3: nn.Conv3d}
_TRANSPOSED = {1: nn.ConvTranspose1d, 2: nn.ConvTranspose2d, 3: nn.ConvTranspose3d}
_MAX_POOL = {1: nn.MaxPool1d, 2: nn.MaxPool2d, 3: nn.MaxPool3d}
_AVG_POOL = {1: nn.AvgPool1d, 2: nn.AvgPool2d, 3: nn.AvgPool3d}
_LP_POOL = {1: nn.LPPool1d, 2: nn.LPPool2d, 3: nn.LPPool3d}
_ADAPTIVE_AVG = {1: nn.AdaptiveAvgPool1d, 2: nn.AdaptiveAvgPool2d, 3: nn.AdaptiveAvgPool3d}
_ADAPTIVE_MAX = {1: nn.AdaptiveMaxPool1d, 2: nn.AdaptiveMaxPool2d, 3: nn.AdaptiveMaxPool3d}
_BATCH_NORM = {1: nn.BatchNorm1d, 2: nn.BatchNorm2d, 3: nn.BatchNorm3d}
_LINEAR_MODE = {1: "linear", 2: "bilinear", 3: "trilinear"}


def _convolution_class(dims: int) -> Any:
    return _CONVOLUTION[dims]


def _each(draw: Draw, dims: int, low: int, high: int) -> Shape:
    return tuple(draw.integer(low, high) for _ in range(dims))


def _grouping(draw: Draw, channels: int) -> tuple[int, int]:
    """Output channels and groups."""
    groups = draw.divisor(channels) if draw.chance(0.25) else 1
    return groups * draw.integer(1, max(1, 4 // groups)), groups


@_kind(weight=5, allocates=True)
def _convolution(draw: Draw, shape: Shape) -> nn.Module:
    dims = len(shape) - 2
    kernel = _each(draw, dims, 1, 5 if dims < 3 else 3)
    out, groups = _grouping(draw, shape[1])
    return _convolution_class(dims)(
        shape[1],
        out,
        kernel,
        stride=_each(draw, dims, 1, 2) if draw.chance(0.4) else 1,
        dilation=_each(draw, dims, 1, 3) if draw.chance(0.3) else 1,
        padding=tuple(draw.integer(0, k) for k in kernel) if draw.chance(0.7) else 0,
        groups=groups,
        bias=draw.chance(0.5),
    )


@_kind(weight=1.5, allocates=True)
def _convolution_padding_mode(draw: Draw, shape: Shape) -> nn.Module:
    dims = len(shape) - 2
    kernel = _each(draw, dims, 1, 4)
    return _convolution_class(dims)(
        shape[1],
        draw.integer(1, 4),
        kernel,
        stride=draw.integer(1, 2),
        padding=tuple(
            draw.integer(0, min(k, extent - 1)) for k, extent in zip(kernel, shape[2:], strict=True)
        ),
        padding_mode=draw.choice(["reflect", "replicate", "circular"]),
    )


@_kind(allocates=True)
def _convolution_same(draw: Draw, shape: Shape) -> nn.Module:
    dims = len(shape) - 2
    return _convolution_class(dims)(
        shape[1],
        draw.integer(1, 4),
        _each(draw, dims, 1, 4),
        dilation=draw.integer(1, 2),
        padding=draw.choice(["same", "same", "valid"]),
        padding_mode=draw.choice(["zeros", "zeros", "replicate"]),
    )


@_kind()
def _convolution_asymmetric(draw: Draw, shape: Shape) -> nn.Module:
    dims = len(shape) - 2
    pads = [draw.integer(0, 3) for _ in range(2 * dims)]
    kernel = _each(draw, dims, 2, 4)
    convolution = _convolution_class(dims)(
        shape[1], draw.integer(1, 4), kernel, stride=draw.integer(1, 2)
    )
    return nn.Sequential(Call(pad, pads=pads, mode="constant"), convolution)


@_kind(allocates=True)
def _convolution_depthwise(draw: Draw, shape: Shape) -> nn.Module:
    dims = len(shape) - 2
    kernel = _each(draw, dims, 1, 4)
    return _convolution_class(dims)(
        shape[1],
        shape[1] * draw.choice([1, 1, 2]),
        kernel,
        groups=shape[1],
        dilation=draw.integer(1, 2),
        padding=tuple(k // 2 for k in kernel),
    )


@_kind(allocates=True)
def _convolution_pointwise(draw: Draw, shape: Shape) -> nn.Module:
    dims = len(shape) - 2
    stride = draw.choice([1, 1, 2])
    return _convolution_class(dims)(shape[1], draw.integer(2, 6), 1, stride=stride)


@_kind(weight=0.5)
def _convolution_shared(draw: Draw, shape: Shape) -> nn.Module:
    dims = len(shape) - 2
    kernel = _each(draw, dims, 1, 3)
    return Twice(_convolution_class(dims)(shape[1], shape[1], kernel, padding=1))


@_kind(weight=2.5, allocates=True)
def _transposed_convolution(draw: Draw, shape: Shape) -> nn.Module:
    dims = len(shape) - 2
    stride = _each(draw, dims, 1, 3)
    dilation = _each(draw, dims, 1, 2) if draw.chance(0.3) else (1,) * dims
    kernel = _each(draw, dims, 1, 4)
    out, groups = _grouping(draw, shape[1])
    output_padding = tuple(
        draw.integer(0, max(s, d) - 1) if draw.chance(0.4) else 0
        for s, d in zip(stride, dilation, strict=True)
    )
    return _TRANSPOSED[dims](
        shape[1],
        out,
        kernel,
        stride=stride,
        padding=tuple(draw.integer(0, k // 2) for k in kernel),
        output_padding=output_padding,
        dilation=dilation,
        groups=groups,
    )


# --------------------------------------------------------------------------------------------
# Pooling


@_kind(weight=2, allocates=True)
def _max_pool(draw: Draw, shape: Shape) -> nn.Module:
    dims = len(shape) - 2
    kernel = _each(draw, dims, 1, 4)
    return _MAX_POOL[dims](
        kernel,
        stride=_each(draw, dims, 1, 3),
        padding=tuple(draw.integer(0, k // 2) for k in kernel),
        dilation=_each(draw, dims, 1, 2) if draw.chance(0.4) else 1,
        ceil_mode=draw.chance(0.4),
    )


@_kind(weight=2, allocates=True)
def _avg_pool(draw: Draw, shape: Shape) -> nn.Module:
    dims = len(shape) - 2
    kernel = _each(draw, dims, 1, 4)
    return _AVG_POOL[dims](
        kernel,
        stride=_each(draw, dims, 1, 3),
        padding=tuple(draw.integer(0, k // 2) for k in kernel),
        ceil_mode=draw.chance(0.4),
        count_include_pad=draw.chance(0.5),
    )


@_kind(allocates=True)
def _lp_pool(draw: Draw, shape: Shape) -> nn.Module:
    dims = len(shape) - 2
    kernel: Any = draw.integer(1, 3) if dims == 1 else _each(draw, dims, 1, 3)
    stride: Any = draw.integer(1, 2) if dims == 1 else _each(draw, dims, 1, 2)
    return _LP_POOL[dims](2, kernel, stride=stride, ceil_mode=draw.chance(0.3))


def _target_size(draw: Draw, shape: Shape) -> Shape:
    return tuple(draw.integer(2, max(2, extent + 1)) for extent in shape[2:])


@_kind(allocates=True)
def _adaptive_avg_pool(draw: Draw, shape: Shape) -> nn.Module:
    return _ADAPTIVE_AVG[len(shape) - 2](_target_size(draw, shape))


@_kind(allocates=True)
def _adaptive_max_pool(draw: Draw, shape: Shape) -> nn.Module:
    return _ADAPTIVE_MAX[len(shape) - 2](_target_size(draw, shape))


# --------------------------------------------------------------------------------------------
# Resampling


def _resize(draw: Draw, shape: Shape, mode: str, *, align: bool) -> nn.Module:
    options: dict[str, Any] = {"mode": mode}
    if align:
        options["align_corners"] = draw.chance(0.5)
    if draw.chance(0.5):
        options["size"] = tuple(
            draw.integer(max(2, extent // 2), 2 * extent) for extent in shape[2:]
        )
    else:
        scales = (0.5, 0.75, 1.25, 1.5, 2.0, 2.0, 3.0, 0.6)
        options["scale_factor"] = tuple(draw.choice(scales) for _ in shape[2:])
        if draw.chance(0.3):
            options["recompute_scale_factor"] = True
    return Call(F.interpolate, **options)


@_kind(allocates=True)
def _resize_nearest(draw: Draw, shape: Shape) -> nn.Module:
    return _resize(draw, shape, "nearest", align=False)


@_kind(allocates=True)
def _resize_nearest_exact(draw: Draw, shape: Shape) -> nn.Module:
    return _resize(draw, shape, "nearest-exact", align=False)


@_kind(weight=1.5, allocates=True)
def _resize_linear(draw: Draw, shape: Shape) -> nn.Module:
    return _resize(draw, shape, _LINEAR_MODE[len(shape) - 2], align=True)


@_kind(2, weight=1.5, allocates=True)
def _resize_bicubic(draw: Draw, shape: Shape) -> nn.Module:
    return _resize(draw, shape, "bicubic", align=True)


@_kind(allocates=True)
def _resize_area(draw: Draw, shape: Shape) -> nn.Module:
    return _resize(draw, shape, "area", align=False)


# --------------------------------------------------------------------------------------------
# Padding and data movement


def pad(x: Tensor, *, pads: Sequence[int], mode: str) -> Tensor:
    """`F.pad`: pairs (before, after) from the last axis on."""
    return F.pad(x, list(pads), mode=mode)


@_kind()
def _pad_constant(draw: Draw, shape: Shape) -> nn.Module:
    pads = [draw.integer(0, 3) for _ in range(2 * draw.integer(1, len(shape) - 2))]
    return Call(pad, pads=pads, mode="constant")


@_kind()
def _crop(draw: Draw, shape: Shape) -> nn.Module:
    pads = [draw.integer(-2, 1) for _ in range(2 * draw.integer(1, len(shape) - 2))]
    return Call(pad, pads=pads, mode="constant")


def _pads_within(draw: Draw, shape: Shape, slack: int) -> list[int]:
    pads: list[int] = []
    for extent in reversed(shape[2:]):
        pads += [draw.integer(0, min(3, extent - slack)) for _ in range(2)]
    return pads


@_kind(allocates=True)
def _pad_reflect(draw: Draw, shape: Shape) -> nn.Module:
    return Call(pad, pads=_pads_within(draw, shape, 1), mode="reflect")


@_kind(allocates=True)
def _pad_replicate(draw: Draw, shape: Shape) -> nn.Module:
    return Call(pad, pads=_pads_within(draw, shape, 0), mode="replicate")


@_kind(allocates=True)
def _pad_circular(draw: Draw, shape: Shape) -> nn.Module:
    return Call(pad, pads=_pads_within(draw, shape, 0), mode="circular")


def slice_axis(x: Tensor, *, dim: int, start: int, stop: int | None, step: int) -> Tensor:
    index = [slice(None)] * x.ndim
    index[dim] = slice(start, stop, step)
    return x[tuple(index)]


@_kind(weight=1.5)
def _slice_step(draw: Draw, shape: Shape) -> nn.Module:
    axis = draw.axis(shape, at_least=4)
    stop = draw.choice([None, shape[axis] - 1, -1])
    start = draw.integer(0, 2)
    return Call(slice_axis, dim=axis, start=start, stop=stop, step=draw.integer(1, 3))


def flip(x: Tensor, *, dims: Sequence[int]) -> Tensor:
    return x.flip(tuple(dims))


@_kind()
def _flip(draw: Draw, shape: Shape) -> nn.Module:
    dims = [axis for axis in range(2, len(shape)) if draw.chance(0.6)]
    return Call(flip, dims=dims or [draw.axis(shape)])


def narrow(x: Tensor, *, dim: int, start: int, length: int) -> Tensor:
    return x.narrow(dim, start, length)


@_kind()
def _narrow(draw: Draw, shape: Shape) -> nn.Module:
    axis = draw.axis(shape, at_least=3)
    start = draw.integer(0, 2)
    return Call(narrow, dim=axis, start=start, length=draw.integer(2, shape[axis] - start))


def roll(x: Tensor, *, shifts: Sequence[int], dims: Sequence[int]) -> Tensor:
    return torch.roll(x, tuple(shifts), tuple(dims))


@_kind()
def _roll(draw: Draw, shape: Shape) -> nn.Module:
    dims = [axis for axis in range(2, len(shape)) if draw.chance(0.6)] or [draw.axis(shape)]
    return Call(roll, shifts=[draw.integer(-3, 3) for _ in dims], dims=dims)


def swap_axes(x: Tensor, *, first: int, second: int) -> Tensor:
    return x.transpose(first, second)


@_kind(2, 3)
def _swap_axes(draw: Draw, shape: Shape) -> nn.Module:
    first, second = draw.random.sample(range(2, len(shape)), 2)
    return Call(swap_axes, first=first, second=second)


def repeat(x: Tensor, *, times: Sequence[int]) -> Tensor:
    return x.repeat(*times)


@_kind()
def _repeat(draw: Draw, shape: Shape) -> nn.Module:
    times = [1] * len(shape)
    times[draw.integer(1, len(shape) - 1)] = 2
    return Call(repeat, times=times)


def repeat_interleave(x: Tensor, *, times: int, dim: int) -> Tensor:
    return x.repeat_interleave(times, dim=dim)


@_kind()
def _repeat_interleave(draw: Draw, shape: Shape) -> nn.Module:
    return Call(repeat_interleave, times=draw.integer(2, 3), dim=draw.integer(1, len(shape) - 1))


def expand_copies(x: Tensor, *, times: int) -> Tensor:
    """Each channel `times` times, by a new axis that is expanded and merged."""
    expanded = x.unsqueeze(2).expand(-1, -1, times, *x.shape[2:])
    return expanded.reshape(x.shape[0], -1, *x.shape[2:])


@_kind()
def _expand(draw: Draw, _shape: Shape) -> nn.Module:
    return Call(expand_copies, times=draw.integer(2, 3))


def select_broadcast(x: Tensor, *, dim: int, index: int) -> Tensor:
    """One row, given back to the whole axis."""
    return x.select(dim, index).unsqueeze(dim).expand_as(x)


def add_selected(x: Tensor, *, dim: int, index: int) -> Tensor:
    return x + select_broadcast(x, dim=dim, index=index)


@_kind()
def _select_broadcast(draw: Draw, shape: Shape) -> nn.Module:
    axis = draw.axis(shape)
    function = draw.choice([select_broadcast, add_selected, add_selected])
    return Call(function, dim=axis, index=draw.integer(-1, shape[axis] - 1))


def add_halves(x: Tensor, *, dim: int) -> Tensor:
    """Even plus odd positions (a lifting step)."""
    count = x.shape[dim] // 2
    even = slice_axis(x, dim=dim, start=0, stop=2 * count, step=2)
    odd = slice_axis(x, dim=dim, start=1, stop=None, step=2)
    return even + odd


@_kind()
def _add_halves(draw: Draw, shape: Shape) -> nn.Module:
    return Call(add_halves, dim=draw.axis(shape, at_least=4))


def interleave(x: Tensor, y: Tensor, *, dim: int) -> Tensor:
    """x0 y0 x1 y1 ... along an axis: stack and flatten."""
    return torch.stack([x, y], dim=dim + 1).flatten(dim, dim + 1)


@_kind()
def _stack_flatten(draw: Draw, shape: Shape) -> nn.Module:
    return Combine(interleave, _fitted(draw, shape, shape), dim=draw.integer(1, len(shape) - 1))


def stack_unbind(x: Tensor, y: Tensor, *, dim: int) -> Tensor:
    """Stack, unbind again, recombine crosswise."""
    first, second = torch.stack([x, y], dim=dim).unbind(dim)
    return torch.cat([second, first * second], dim=1)


@_kind()
def _stack_unbind(draw: Draw, shape: Shape) -> nn.Module:
    return Combine(stack_unbind, _fitted(draw, shape, shape), dim=draw.integer(0, len(shape)))


def unbind_stack(x: Tensor, *, dim: int, order: Sequence[int]) -> Tensor:
    rows = x.unbind(dim)
    return torch.stack([rows[index] for index in order], dim=dim)


@_kind()
def _unbind_stack(draw: Draw, shape: Shape) -> nn.Module:
    axis = draw.axis(shape)
    order = [draw.integer(0, shape[axis] - 1) for _ in range(draw.integer(2, shape[axis] + 1))]
    return Call(unbind_stack, dim=axis, order=order)


# --------------------------------------------------------------------------------------------
# Channels


def cat_with_input(x: Tensor, *others: Tensor, dim: int) -> Tensor:
    return torch.cat([x, *others], dim=dim)


def cat_branches(_x: Tensor, *others: Tensor, dim: int) -> Tensor:
    return torch.cat(others, dim=dim)


@_kind(weight=2)
def _cat_channels(draw: Draw, shape: Shape) -> nn.Module:
    if draw.chance(0.5):
        return Combine(cat_with_input, _fitted(draw, shape, shape), dim=1)
    first, after = _branch(draw, shape)
    return Combine(cat_branches, first, _fitted(draw, shape, after), dim=1)


@_kind(weight=1.5)
def _cat_space(draw: Draw, shape: Shape) -> nn.Module:
    axis = draw.axis(shape)
    if draw.chance(0.4):
        return Combine(cat_with_input, _fitted(draw, shape, shape), dim=axis)
    first, after = _branch(draw, shape)
    return Combine(cat_branches, first, _fitted(draw, shape, after), dim=axis)


def _parts(draw: Draw, channels: int) -> list[int]:
    first = draw.integer(1, channels - 1)
    rest = channels - first
    if rest >= 2 and draw.chance(0.4):
        second = draw.integer(1, rest - 1)
        return [first, second, rest - second]
    return [first, rest]


def _with_channels(shape: Shape, channels: int) -> Shape:
    return (shape[0], channels, *shape[2:])


@_kind(weight=1.5)
def _split_branches(draw: Draw, shape: Shape) -> nn.Module:
    """CSP: parts of the channels take different ways (one may be the identity)."""
    if draw.chance(0.3) and shape[1] % 2 == 0:
        sizes, how = [shape[1] // 2] * 2, "chunk"
    else:
        sizes, how = _parts(draw, shape[1]), draw.choice(["split", "slice"])
    branches: list[nn.Module] = []
    for number, size in enumerate(sizes):
        part = _with_channels(shape, size)
        identity = number == 0 and draw.chance(0.5)
        branches.append(nn.Identity() if identity else _fitted(draw, part, part))
    return SplitApply(branches, sizes, how=how, cascade=False)


@_kind()
def _res2net(draw: Draw, shape: Shape) -> nn.Module:
    dims = len(shape) - 2
    size = next((s for s in (1, 2) if shape[1] % s == 0 and shape[1] // s >= 2), 0)
    if not size:
        raise SkipKindError
    kernel = draw.choice([1, 3, 3])
    branches = [nn.Identity()] + [
        _convolution_class(dims)(size, size, kernel, padding=kernel // 2)
        for _ in range(shape[1] // size - 1)
    ]
    return SplitApply(branches, [size] * len(branches), how="split", cascade=True)


def take_channels(x: Tensor, *, start: int, stop: int, step: int) -> Tensor:
    return x[:, start:stop:step]


@_kind(weight=1.5)
def _inception_slice(draw: Draw, shape: Shape) -> nn.Module:
    """Branches concatenated, then some channels taken out again."""
    first, after = _branch(draw, shape)
    total = 2 * after[1]
    start = draw.integer(0, total - 1)
    stop = draw.integer(start + 1, total)
    take = Call(take_channels, start=start, stop=stop, step=draw.choice([1, 1, 2]))
    return nn.Sequential(Combine(cat_branches, first, _fitted(draw, shape, after), dim=1), take)


@_kind()
def _channel_slice(draw: Draw, shape: Shape) -> nn.Module:
    start = draw.integer(0, shape[1] - 2)
    return Call(take_channels, start=start, stop=draw.integer(start + 1, shape[1]), step=1)


def shuffle_channels(x: Tensor, *, groups: int) -> Tensor:
    batch, channels = x.shape[:2]
    grouped = x.view(batch, groups, channels // groups, *x.shape[2:])
    return grouped.transpose(1, 2).reshape(batch, channels, *x.shape[2:])


@_kind()
def _channel_shuffle(draw: Draw, shape: Shape) -> nn.Module:
    """Group convolution, shuffle, group convolution; or a bare shuffle."""
    dims = len(shape) - 2
    groups = draw.divisor(shape[1])
    if groups == 1:
        raise SkipKindError
    if draw.chance(0.3):
        return nn.ChannelShuffle(groups)
    convolution = functools.partial(
        _convolution_class(dims), shape[1], shape[1], 3, padding=1, groups=groups
    )
    return nn.Sequential(convolution(), Call(shuffle_channels, groups=groups), convolution())


@_kind(2, weight=2)
def _pixel_shuffle(draw: Draw, shape: Shape) -> nn.Module:
    if shape[1] % 4 == 0 and draw.chance(0.5):
        return nn.PixelShuffle(2)
    return nn.Sequential(nn.Conv2d(shape[1], 4 * draw.integer(1, 2), 1), nn.PixelShuffle(2))


@_kind(2, weight=2)
def _pixel_unshuffle(draw: Draw, shape: Shape) -> nn.Module:
    unshuffle = nn.PixelUnshuffle(2)
    if shape[2] % 2 == 0 and shape[3] % 2 == 0:
        return unshuffle
    pads = [draw.integer(0, 1) * 0, shape[3] % 2, 0, shape[2] % 2]
    return nn.Sequential(Call(pad, pads=pads, mode="constant"), unshuffle)


# --------------------------------------------------------------------------------------------
# Channels-last, norms, activations


def to_channels_last(x: Tensor) -> Tensor:
    return x.movedim(1, -1)


def from_channels_last(y: Tensor, _shape: Shape) -> Tensor:
    return y.movedim(-1, 1)


def to_tokens(x: Tensor) -> Tensor:
    """(N, C, *space) to (N, tokens, C)."""
    return x.flatten(2).transpose(1, 2)


def from_tokens(y: Tensor, shape: Shape) -> Tensor:
    return y.transpose(1, 2).reshape(shape[0], -1, *shape[2:])


def _over_channels(draw: Draw, inner: nn.Module) -> nn.Module:
    if draw.chance(0.5):
        return Inner(to_channels_last, inner, from_channels_last)
    return Inner(to_tokens, inner, from_tokens)


@_kind()
def _linear_over_channels(draw: Draw, shape: Shape) -> nn.Module:
    hidden = draw.integer(2, 6)
    if draw.chance(0.5):
        return _over_channels(draw, nn.Linear(shape[1], hidden))
    inner = nn.Sequential(nn.Linear(shape[1], hidden), nn.GELU(), nn.Linear(hidden, shape[1]))
    return _over_channels(draw, inner)


@_kind()
def _norm_over_channels(draw: Draw, shape: Shape) -> nn.Module:
    if shape[1] < 2:
        raise SkipKindError
    return _over_channels(draw, nn.LayerNorm(shape[1]))


@_kind(allocates=True)
def _batch_norm(_draw: Draw, shape: Shape) -> nn.Module:
    return _BATCH_NORM[len(shape) - 2](shape[1])


_ACTIVATIONS: tuple[Callable[[], nn.Module], ...] = (
    nn.ReLU,
    nn.ReLU6,
    nn.Hardswish,
    nn.Hardsigmoid,
    nn.Hardtanh,
    nn.GELU,
    nn.SiLU,
    nn.ELU,
    nn.LeakyReLU,
    nn.Sigmoid,
    nn.Tanh,
    nn.Softplus,
    nn.Mish,
    nn.PReLU,
    functools.partial(nn.Dropout, 0.5),
)


@_kind()
def _activation(draw: Draw, _shape: Shape) -> nn.Module:
    return draw.choice(_ACTIVATIONS)()


_IN_PLACE = (nn.ReLU, nn.ReLU6, nn.Hardswish, nn.SiLU, nn.ELU, nn.LeakyReLU, nn.Hardtanh)


@_kind()
def _activation_in_place(draw: Draw, _shape: Shape) -> nn.Module:
    return draw.choice(_IN_PLACE)(inplace=True)


# --------------------------------------------------------------------------------------------
# Merges and gates


def add(x: Tensor, y: Tensor) -> Tensor:
    return x + y


def add_in_place(x: Tensor, y: Tensor) -> Tensor:
    y += x
    return y


def multiply(x: Tensor, y: Tensor) -> Tensor:
    return x * y


@_kind(weight=2.5)
def _residual(draw: Draw, shape: Shape) -> nn.Module:
    function = draw.choice([add, add, add_in_place])
    return Combine(function, _fitted(draw, shape, shape, steps=draw.integer(1, 3)))


def add_mean(x: Tensor, y: Tensor, *, dim: int) -> Tensor:
    return x + y.mean(dim, keepdim=True)


def add_row(x: Tensor, y: Tensor, *, dim: int) -> Tensor:
    return x + y.narrow(dim, 0, 1)


@_kind()
def _residual_broadcast(draw: Draw, shape: Shape) -> nn.Module:
    function = draw.choice([add_mean, add_row])
    dim = draw.integer(1, len(shape) - 1)
    return Combine(function, _fitted(draw, shape, shape), dim=dim)


def add_branches(_x: Tensor, *others: Tensor) -> Tensor:
    return functools.reduce(torch.add, others)


def multiply_branches(_x: Tensor, *others: Tensor) -> Tensor:
    return functools.reduce(torch.mul, others)


def maximum_branches(_x: Tensor, *others: Tensor) -> Tensor:
    return functools.reduce(torch.maximum, others)


def _merged(draw: Draw, shape: Shape, function: Callable[..., Tensor]) -> nn.Module:
    first, after = _branch(draw, shape)
    others = [_fitted(draw, shape, after) for _ in range(draw.choice([1, 1, 2]))]
    return Combine(function, first, *others)


@_kind(weight=1.5)
def _merge_add(draw: Draw, shape: Shape) -> nn.Module:
    return _merged(draw, shape, add_branches)


@_kind()
def _merge_multiply(draw: Draw, shape: Shape) -> nn.Module:
    return _merged(draw, shape, multiply_branches)


@_kind()
def _merge_maximum(draw: Draw, shape: Shape) -> nn.Module:
    return _merged(draw, shape, maximum_branches)


def gate(x: Tensor, y: Tensor) -> Tensor:
    return x * torch.sigmoid(y)


@_kind(weight=1.5)
def _gate(draw: Draw, shape: Shape) -> nn.Module:
    return Combine(gate, _fitted(draw, shape, shape, steps=1))


@_kind()
def _squeeze_excite(draw: Draw, shape: Shape) -> nn.Module:
    dims = len(shape) - 2
    hidden = draw.integer(1, 3)
    convolution = _convolution_class(dims)
    return Combine(
        gate,
        nn.Sequential(
            _ADAPTIVE_AVG[dims](1),
            convolution(shape[1], hidden, 1),
            nn.ReLU(),
            convolution(hidden, shape[1], 1),
        ),
    )


def mean_over(x: Tensor, *, dim: int) -> Tensor:
    return x.mean(dim, keepdim=True).expand_as(x)


def subtract_mean(x: Tensor, *, dim: int) -> Tensor:
    return 2 * x + x.mean(dim, keepdim=True)


@_kind()
def _mean_broadcast(draw: Draw, shape: Shape) -> nn.Module:
    return Call(draw.choice([mean_over, subtract_mean]), dim=draw.axis(shape))


# --------------------------------------------------------------------------------------------
# Writing in place


def write_add(x: Tensor, y: Tensor, *, dim: int, start: int, step: int) -> Tensor:
    """`x[..., start::step] += y[..., start::step]`."""
    x = x.clone()
    index = [slice(None)] * x.ndim
    index[dim] = slice(start, None, step)
    x[tuple(index)] += y[tuple(index)]
    return x


@_kind()
def _write_slice_add(draw: Draw, shape: Shape) -> nn.Module:
    axis = draw.integer(1, len(shape) - 1)
    return Combine(
        write_add,
        _fitted(draw, shape, shape, steps=1),
        dim=axis,
        start=draw.integer(0, min(1, shape[axis] - 1)),
        step=draw.integer(1, 2),
    )


def write_copy(x: Tensor, y: Tensor, *, dim: int, start: int, stop: int) -> Tensor:
    """`x[..., start:stop] = y[..., start:stop]`."""
    x = x.clone()
    index = [slice(None)] * x.ndim
    index[dim] = slice(start, stop)
    x[tuple(index)] = y[tuple(index)]
    return x


@_kind()
def _write_slice_copy(draw: Draw, shape: Shape) -> nn.Module:
    axis = draw.integer(1, len(shape) - 1)
    start = draw.integer(0, shape[axis] - 1)
    return Combine(
        write_copy,
        _fitted(draw, shape, shape, steps=1),
        dim=axis,
        start=start,
        stop=draw.integer(start + 1, shape[axis]),
    )


def scale_in_place(x: Tensor, *, dim: int, start: int, length: int) -> Tensor:
    """Writes into its input, as careless models do."""
    x.narrow(dim, start, length).mul_(x.narrow(dim, 0, 1) * 0.5 + 0.5)
    return x


@_kind()
def _narrow_in_place(draw: Draw, shape: Shape) -> nn.Module:
    axis = draw.axis(shape, at_least=3)
    start = draw.integer(1, 2)
    length = draw.integer(1, shape[axis] - start)
    return Call(scale_in_place, dim=axis, start=start, length=length)


def fill_in_place(x: Tensor, *, dim: int, index: int) -> Tensor:
    """A row overwritten by a constant."""
    x = x.clone()
    x.select(dim, index).fill_(0.5)
    return x


@_kind(weight=0.7)
def _fill_in_place(draw: Draw, shape: Shape) -> nn.Module:
    axis = draw.axis(shape, at_least=2)
    return Call(fill_in_place, dim=axis, index=draw.integer(0, shape[axis] - 1))


def add_out(x: Tensor, y: Tensor) -> Tensor:
    out = torch.empty_like(x)
    torch.add(x, y, out=out)
    return out


@_kind()
def _out_argument(draw: Draw, shape: Shape) -> nn.Module:
    return Combine(add_out, _fitted(draw, shape, shape, steps=1))


def assemble(x: Tensor, y: Tensor, *, dim: int) -> Tensor:
    """A new tensor filled piece by piece: even positions from x, odd ones from y."""
    out = x.new_zeros(x.shape)
    index = [slice(None)] * x.ndim
    index[dim] = slice(0, None, 2)
    out[tuple(index)] = x[tuple(index)]
    index[dim] = slice(1, None, 2)
    out[tuple(index)] = y[tuple(index)]
    return out


@_kind()
def _assemble(draw: Draw, shape: Shape) -> nn.Module:
    axis = draw.axis(shape, at_least=2)
    return Combine(assemble, _fitted(draw, shape, shape, steps=1), dim=axis)


# --------------------------------------------------------------------------------------------
# Views


def flatten_restore(x: Tensor, *, scale: float) -> Tensor:
    flat = x.flatten(2)
    return (flat * scale).view(x.shape)


@_kind()
def _flatten_restore(draw: Draw, _shape: Shape) -> nn.Module:
    return Call(flatten_restore, scale=draw.choice([0.5, 2.0]))


def space_to_depth(x: Tensor, *, blocks: Sequence[int]) -> Tensor:
    """Each block of positions becomes channels, by view and permute."""
    batch, channels, *space = x.shape
    shape: list[int] = [batch, channels]
    for extent, block in zip(space, blocks, strict=True):
        shape += [extent // block, block]
    dims = len(space)
    outer = [2 + 2 * a for a in range(dims)]
    inner = [3 + 2 * a for a in range(dims)]
    moved = x.reshape(shape).permute(0, *inner, 1, *outer)
    extents = [extent // block for extent, block in zip(space, blocks, strict=True)]
    return moved.reshape(batch, channels * math.prod(blocks), *extents)


@_kind(weight=2)
def _space_to_depth(draw: Draw, shape: Shape) -> nn.Module:
    blocks = [draw.divisor(extent) if draw.chance(0.6) else 1 for extent in shape[2:]]
    blocks = [block if block <= 3 else 1 for block in blocks]
    if math.prod(blocks) == 1:
        raise SkipKindError
    return Call(space_to_depth, blocks=blocks)


def depth_to_space(x: Tensor, *, blocks: Sequence[int]) -> Tensor:
    batch, channels, *space = x.shape
    dims = len(space)
    rest = channels // math.prod(blocks)
    moved = x.reshape(batch, *blocks, rest, *space)
    order = [0, dims + 1]
    for axis in range(dims):
        order += [dims + 2 + axis, 1 + axis]
    extents = [extent * block for extent, block in zip(space, blocks, strict=True)]
    return moved.permute(order).reshape(batch, rest, *extents)


@_kind(weight=1.5)
def _depth_to_space(draw: Draw, shape: Shape) -> nn.Module:
    dims = len(shape) - 2
    blocks = [1] * dims
    blocks[draw.integer(0, dims - 1)] = draw.integer(2, 3)
    channels = math.prod(blocks) * draw.integer(1, 2)
    return nn.Sequential(
        _convolution_class(dims)(shape[1], channels, 1), Call(depth_to_space, blocks=blocks)
    )


def window_mean(x: Tensor, *, dim: int, window: int, back: str) -> Tensor:
    """Partition an axis into windows, average over each, and broadcast or keep one per window."""
    count = x.shape[dim] // window
    parts = x.unflatten(dim, (count, window))
    mean = parts.mean(dim + 1, keepdim=True)
    if back == "pool":
        return mean.squeeze(dim + 1)
    if back == "add":
        return (parts + mean).flatten(dim, dim + 1)
    return mean.expand_as(parts).flatten(dim, dim + 1)


@_kind(weight=2)
def _window_mean(draw: Draw, shape: Shape) -> nn.Module:
    axis = draw.axis(shape)
    window = draw.divisor(shape[axis])
    if window in {1, shape[axis]}:
        raise SkipKindError
    back = draw.choice(["pool", "add", "expand"])
    return Call(window_mean, dim=axis, window=window, back=back)


def window_mean_2d(x: Tensor, *, window: Sequence[int]) -> Tensor:
    """Swin's partition: windows to the batch axis, averaged over, and put back."""
    batch, channels, height, width = x.shape
    rows, columns = window
    parts = x.view(batch, channels, height // rows, rows, width // columns, columns)
    parts = parts.permute(0, 2, 4, 3, 5, 1).reshape(-1, rows * columns, channels)
    parts = parts + parts.mean(1, keepdim=True)
    parts = parts.view(batch, height // rows, width // columns, rows, columns, channels)
    return parts.permute(0, 5, 1, 3, 2, 4).reshape(batch, channels, height, width)


@_kind(2, weight=2)
def _window_partition(draw: Draw, shape: Shape) -> nn.Module:
    window = [draw.divisor(extent) for extent in shape[2:]]
    module: nn.Module = Call(window_mean_2d, window=window)
    if draw.chance(0.3):
        shift = [w // 2 for w in window]
        module = nn.Sequential(
            Call(roll, shifts=[-s for s in shift], dims=[2, 3]),
            module,
            Call(roll, shifts=shift, dims=[2, 3]),
        )
    return module


def tensor_unfold(x: Tensor, *, dim: int, size: int, step: int) -> Tensor:
    return x.unfold(dim, size, step).mean(-1)


@_kind()
def _tensor_unfold(draw: Draw, shape: Shape) -> nn.Module:
    axis = draw.axis(shape, at_least=3)
    size = draw.integer(2, min(4, shape[axis]))
    return Call(tensor_unfold, dim=axis, size=size, step=draw.integer(1, 3))


def unfold_channels(x: Tensor, *, kernel: Shape, options: dict[str, Any], size: Shape) -> Tensor:
    """`F.unfold`, its columns put back on the grid, averaged over the taps."""
    columns = F.unfold(x, kernel, **options)
    grid = columns.view(x.shape[0], x.shape[1], math.prod(kernel), *size)
    return grid.mean(2)


@_kind(2, weight=2)
def _unfold(draw: Draw, shape: Shape) -> nn.Module:
    kernel = _each(draw, 2, 1, 3)
    stride, padding, dilation = draw.integer(1, 2), draw.integer(0, 1), draw.integer(1, 2)
    size = tuple(
        (extent + 2 * padding - dilation * (k - 1) - 1) // stride + 1
        for extent, k in zip(shape[2:], kernel, strict=True)
    )
    options = {"stride": stride, "padding": padding, "dilation": dilation}
    return Call(unfold_channels, kernel=kernel, options=options, size=size)


def unfold_fold(
    x: Tensor, *, kernel: Shape, options: dict[str, Any], fold: dict[str, Any], size: Shape
) -> Tensor:
    """`F.unfold`, then `F.fold` with other padding to another size."""
    columns = F.unfold(x, kernel, **options)
    return F.fold(columns, size, kernel, **fold)


@_kind(2, weight=2)
def _unfold_fold(draw: Draw, shape: Shape) -> nn.Module:
    kernel = _each(draw, 2, 1, 3)
    stride, padding = draw.integer(1, 2), draw.integer(0, 1)
    options = {"stride": stride, "padding": padding}
    return Call(unfold_fold, kernel=kernel, options=options, fold=options, size=shape[2:])


@_kind(2, weight=2)
def _fold(draw: Draw, shape: Shape) -> nn.Module:
    """Channels become the taps of an overlapping upsampling."""
    kernel = _each(draw, 2, 1, 3)
    stride = draw.integer(1, 3)
    size = tuple((e - 1) * stride + k for e, k in zip(shape[2:], kernel, strict=True))
    channels = math.prod(kernel) * draw.integer(1, 2)
    return nn.Sequential(
        nn.Conv2d(shape[1], channels, 1),
        Call(fold_grid, kernel=kernel, stride=stride, size=size),
    )


def fold_grid(x: Tensor, *, kernel: Shape, stride: int, size: Shape) -> Tensor:
    return F.fold(x.flatten(2), size, kernel, stride=stride)


def mask_rows(x: Tensor, *, dim: int, keep: Sequence[int]) -> Tensor:
    """Rows replaced by a constant through a constant boolean mask."""
    mask = torch.zeros(x.shape[dim], dtype=torch.bool)
    mask[list(keep)] = True
    shape = [1] * x.ndim
    shape[dim] = x.shape[dim]
    return x.masked_fill(~mask.view(shape), 0.25)


@_kind(weight=0.7)
def _mask_rows(draw: Draw, shape: Shape) -> nn.Module:
    axis = draw.axis(shape, at_least=3)
    keep = sorted(draw.random.sample(range(shape[axis]), shape[axis] - 1))
    return Call(mask_rows, dim=axis, keep=keep)


def index_rows(x: Tensor, *, dim: int, index: Sequence[int]) -> Tensor:
    return x.index_select(dim, torch.tensor(list(index)))


@_kind(weight=0.7)
def _index_select(draw: Draw, shape: Shape) -> nn.Module:
    axis = draw.axis(shape, at_least=2)
    count = draw.integer(2, shape[axis] + 1)
    index = [draw.integer(0, shape[axis] - 1) for _ in range(count)]
    return Call(index_rows, dim=axis, index=index)


# --------------------------------------------------------------------------------------------
# The rich kinds: attention, recurrences, prefixes, statistics over space


class Attention(nn.Module):
    """Self-attention over (N, tokens, C), by hand or fused, under an optional constant mask.

    Args:
        channels: C.
        mask: "full", "causal", "band", "blocks" or "some" (an arbitrary constant pattern).
        value: what the blocked scores get: `-inf` cuts, -100 does not.
        fused: `scaled_dot_product_attention` instead of the product by hand.
    """

    def __init__(self, channels: int, mask: str, value: float, *, fused: bool) -> None:
        super().__init__()
        self.qkv = nn.Linear(channels, 3 * channels)
        self.out = nn.Linear(channels, channels)
        self.mask = mask
        self.value = value
        self.fused = fused

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = self.qkv(x).chunk(3, dim=-1)
        mask = self._additive(x)
        if self.fused:
            y = F.scaled_dot_product_attention(q, k, v, attn_mask=mask)
        else:
            scores = q @ k.transpose(-2, -1) * q.shape[-1] ** -0.5
            y = (scores if mask is None else scores + mask).softmax(-1) @ v
        return self.out(y)

    def _additive(self, x: Tensor) -> Tensor | None:
        if self.mask == "full":
            return None
        query = torch.arange(x.shape[1], device=x.device)[:, None]
        key = torch.arange(x.shape[1], device=x.device)[None, :]
        blocked = {
            "causal": key > query,
            "band": (key - query).abs() > 1,
            "blocks": key // 3 != query // 3,
            "some": (query * 5 + key * 3) % 4 == 1,
        }[self.mask]
        blocked = blocked & (query != key)
        zero = torch.zeros(blocked.shape, dtype=x.dtype, device=x.device)
        return zero.masked_fill(blocked, self.value)

    def extra_repr(self) -> str:
        return f"mask={self.mask!r}, value={self.value}, fused={self.fused}"


def _attention(draw: Draw, channels: int, mask: str) -> Attention:
    value = draw.choice([-math.inf, -math.inf, -100.0])
    return Attention(channels, mask, value, fused=draw.chance(0.5))


def _rich(*dims: int, weight: float = 1.0) -> Callable[[Builder], Builder]:
    return _kind(*dims, weight=weight, registry=RICH_KINDS)


@_rich(weight=1.5)
def _attention_over_tokens(draw: Draw, shape: Shape) -> nn.Module:
    if math.prod(shape[2:]) > 160:
        raise SkipKindError
    mask = draw.choice(["full", "causal", "band", "blocks", "some"])
    return Inner(to_tokens, _attention(draw, shape[1], mask), from_tokens)


class AlongAxis(nn.Module):
    """A token module along one spatial axis, the other axes in the batch."""

    def __init__(self, inner: nn.Module, dim: int) -> None:
        super().__init__()
        self.inner = inner
        self.dim = dim

    def forward(self, x: Tensor) -> Tensor:
        moved = x.movedim((self.dim, 1), (-2, -1))
        result = self.inner(moved.flatten(0, -3))
        value = result if isinstance(result, Tensor) else result[0]
        return value.unflatten(0, moved.shape[:-2]).movedim((-2, -1), (self.dim, 1))

    def extra_repr(self) -> str:
        return f"dim={self.dim}"


@_rich()
def _attention_along_axis(draw: Draw, shape: Shape) -> nn.Module:
    mask = draw.choice(["full", "causal", "band", "blocks"])
    return AlongAxis(_attention(draw, shape[1], mask), draw.axis(shape))


class ShiftedWindowAttention(nn.Module):
    """Swin: attention inside windows of a 2-dimensional map, rolled and masked when shifted."""

    def __init__(self, channels: int, window: Shape, shift: Shape, value: float) -> None:
        super().__init__()
        self.qkv = nn.Linear(channels, 3 * channels)
        self.window = window
        self.shift = shift
        self.value = value

    def forward(self, x: Tensor) -> Tensor:
        shifted = torch.roll(x, [-s for s in self.shift], (2, 3))
        q, k, v = self.qkv(self._split(shifted)).chunk(3, dim=-1)
        scores = q @ k.transpose(-2, -1)
        if any(self.shift):
            mask = self._mask(x)
            scores = scores.unflatten(0, (x.shape[0], -1)) + mask
            scores = scores.flatten(0, 1)
        y = self._join(scores.softmax(-1) @ v, x.shape)
        return torch.roll(y, self.shift, (2, 3))

    def _split(self, x: Tensor) -> Tensor:
        rows, columns = self.window
        batch, channels, height, width = x.shape
        parts = x.reshape(batch, channels, height // rows, rows, width // columns, columns)
        return parts.permute(0, 2, 4, 3, 5, 1).reshape(-1, rows * columns, channels)

    def _join(self, parts: Tensor, shape: torch.Size) -> Tensor:
        rows, columns = self.window
        batch, channels, height, width = shape
        grid = parts.view(batch, height // rows, width // columns, rows, columns, channels)
        return grid.permute(0, 5, 1, 3, 2, 4).reshape(shape)

    def _mask(self, x: Tensor) -> Tensor:
        labels = torch.zeros(1, 1, *x.shape[2:], dtype=x.dtype, device=x.device)
        count = 0
        for rows in self._bands(0):
            for columns in self._bands(1):
                labels[:, :, rows, columns] = count
                count += 1
        parts = self._split(labels).squeeze(-1)
        difference = parts.unsqueeze(1) - parts.unsqueeze(2)
        return torch.zeros_like(difference).masked_fill(difference != 0, self.value)

    def _bands(self, axis: int) -> list[slice]:
        window, shift = self.window[axis], self.shift[axis]
        if not shift:
            return [slice(None)]
        return [slice(0, -window), slice(-window, -shift), slice(-shift, None)]

    def extra_repr(self) -> str:
        return f"window={self.window}, shift={self.shift}, value={self.value}"


@_rich(2, weight=2.5)
def _attention_windows(draw: Draw, shape: Shape) -> nn.Module:
    window = tuple(draw.divisor(extent) for extent in shape[2:])
    if max(window) == 1:
        raise SkipKindError
    shift = tuple(w // 2 for w in window) if draw.chance(0.6) else (0, 0)
    return ShiftedWindowAttention(shape[1], window, shift, draw.choice([-100.0, -math.inf]))


def attend_channels(x: Tensor) -> Tensor:
    """XCiT: channels attend to channels, space is contracted in the scores."""
    flat = x.flatten(2)
    scores = (flat @ flat.transpose(1, 2) * 0.01).softmax(-1)
    return (scores @ flat).view(x.shape)


def attend_linearly(x: Tensor) -> Tensor:
    """Linear attention: keys and values contracted over positions first."""
    flat = x.flatten(2).relu()
    return ((flat @ flat.transpose(1, 2)) @ flat).div(flat.shape[2]).view(x.shape)


@_rich()
def _attention_contracted(draw: Draw, _shape: Shape) -> nn.Module:
    return Call(draw.choice([attend_channels, attend_linearly]))


class AxisProduct(nn.Module):
    """A learned matrix over one spatial axis, by linear, matmul or einsum."""

    def __init__(self, dim: int, inputs: int, outputs: int, how: str) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(outputs, inputs))
        self.dim = dim
        self.how = how

    def forward(self, x: Tensor) -> Tensor:
        moved = x.movedim(self.dim, -1)
        if self.how == "linear":
            y = F.linear(moved, self.weight)
        elif self.how == "matmul":
            y = (self.weight @ moved.unsqueeze(-1)).squeeze(-1)
        else:
            y = torch.einsum("...i,oi->...o", moved, self.weight)
        return y.movedim(-1, self.dim)

    def extra_repr(self) -> str:
        return f"dim={self.dim}, weight={tuple(self.weight.shape)}, how={self.how!r}"


@_rich()
def _axis_product(draw: Draw, shape: Shape) -> nn.Module:
    axis = draw.axis(shape)
    outputs = draw.choice([shape[axis], draw.integer(2, shape[axis] + 2)])
    how = draw.choice(["linear", "matmul", "einsum"])
    return AxisProduct(axis, shape[axis], outputs, how)


def gather_rows(x: Tensor, *, dim: int, index: Sequence[int]) -> Tensor:
    """`gather` with a constant index."""
    shape = [1] * x.ndim
    shape[dim] = len(index)
    wanted = list(x.shape)
    wanted[dim] = len(index)
    return x.gather(dim, torch.tensor(list(index)).view(shape).expand(wanted))


@_rich()
def _gather_constant(draw: Draw, shape: Shape) -> nn.Module:
    axis = draw.axis(shape)
    count = draw.integer(2, shape[axis] + 1)
    index = [draw.integer(0, shape[axis] - 1) for _ in range(count)]
    return Call(gather_rows, dim=axis, index=index)


def gather_grid(x: Tensor, *, rows: Sequence[int], columns: Sequence[int]) -> Tensor:
    """Advanced indexing on two axes at once."""
    return x[:, :, torch.tensor(list(rows))[:, None], torch.tensor(list(columns))]


@_rich(2, weight=1.5)
def _gather_grid(draw: Draw, shape: Shape) -> nn.Module:
    rows = [draw.integer(0, shape[2] - 1) for _ in range(draw.integer(2, shape[2]))]
    columns = [draw.integer(0, shape[3] - 1) for _ in range(draw.integer(2, shape[3]))]
    return Call(gather_grid, rows=rows, columns=columns)


@_rich(weight=1.5)
def _recurrence(draw: Draw, shape: Shape) -> nn.Module:
    layer = draw.choice([nn.GRU, nn.LSTM, nn.RNN])
    both = draw.chance(0.4)
    hidden = draw.integer(1, 3)
    count = 2 if draw.chance(0.3) else 1
    cell = layer(shape[1], hidden, count, batch_first=True, bidirectional=both)
    return AlongAxis(cell, draw.axis(shape))


def cumulate(x: Tensor, *, dim: int, backwards: bool) -> Tensor:
    if backwards:
        return x.flip(dim).cumsum(dim).flip(dim)
    return x.cumsum(dim)


def cumulative_mean(x: Tensor, *, dim: int) -> Tensor:
    counts = torch.arange(1, x.shape[dim] + 1, dtype=x.dtype, device=x.device)
    return x.cumsum(dim) / counts.view([-1 if a == dim else 1 for a in range(x.ndim)])


def cumulate_blocks(x: Tensor, *, dim: int, block: int) -> Tensor:
    """Prefixes inside blocks of an axis."""
    return x.unflatten(dim, (-1, block)).cumsum(dim + 1).flatten(dim, dim + 1)


@_rich(weight=2)
def _prefix(draw: Draw, shape: Shape) -> nn.Module:
    axis = draw.axis(shape)
    if draw.chance(0.3):
        return Call(cumulate_blocks, dim=axis, block=draw.divisor(shape[axis]))
    if draw.chance(0.3):
        return Call(cumulative_mean, dim=axis)
    return Call(cumulate, dim=axis, backwards=draw.chance(0.4))


_INSTANCE_NORM = {1: nn.InstanceNorm1d, 2: nn.InstanceNorm2d, 3: nn.InstanceNorm3d}


@_rich()
def _norm_over_space(draw: Draw, shape: Shape) -> nn.Module:
    which = draw.choice(["group", "one group", "instance", "layer", "last"])
    if which == "group":
        return nn.GroupNorm(draw.divisor(shape[1]), shape[1])
    if which == "one group":
        return nn.GroupNorm(1, shape[1])
    if which == "instance":
        return _INSTANCE_NORM[len(shape) - 2](shape[1], affine=True)
    if which == "layer":
        return nn.LayerNorm(list(shape[1:]))
    return nn.LayerNorm(shape[-1])


def softmax_axis(x: Tensor, *, dim: int) -> Tensor:
    return x.softmax(dim)


def softmax_gate(x: Tensor, *, dim: int) -> Tensor:
    return x * x.softmax(dim)


def softmax_masked(x: Tensor, *, dim: int, keep: int) -> Tensor:
    """Only the first `keep` positions take part; the others are -inf."""
    mask = torch.zeros(x.shape[dim], dtype=x.dtype, device=x.device)
    mask[keep:] = -math.inf
    return (x + mask.view([-1 if a == dim else 1 for a in range(x.ndim)])).softmax(dim) * 2


@_rich()
def _softmax(draw: Draw, shape: Shape) -> nn.Module:
    axis = draw.axis(shape, at_least=3)
    if draw.chance(0.4):
        return Call(softmax_masked, dim=axis, keep=draw.integer(2, shape[axis]))
    return Call(draw.choice([softmax_axis, softmax_gate]), dim=axis)


def response_norm(x: Tensor) -> Tensor:
    """ConvNeXt-V2's global response norm."""
    norm = x.norm(p=2, dim=tuple(range(2, x.ndim)), keepdim=True)
    return x * (norm / (norm.mean(1, keepdim=True) + 1e-6)) + x


def add_maximum(x: Tensor, *, dim: int) -> Tensor:
    return x + x.amax(dim, keepdim=True)


def normalize_axis(x: Tensor, *, dim: int) -> Tensor:
    return F.normalize(x, dim=dim)


@_rich()
def _statistics(draw: Draw, shape: Shape) -> nn.Module:
    if draw.chance(0.3):
        return Call(response_norm)
    return Call(draw.choice([add_maximum, normalize_axis]), dim=draw.integer(1, len(shape) - 1))


def choose_constant(x: Tensor, y: Tensor, *, dim: int, first: int) -> Tensor:
    """The first rows from x, the others from y, by a constant condition."""
    place = torch.arange(x.shape[dim], device=x.device)
    condition = (place < first).view([-1 if a == dim else 1 for a in range(x.ndim)])
    return torch.where(condition, x, y)


def choose_by_value(x: Tensor, y: Tensor) -> Tensor:
    return torch.where(x > y, x, y * 0.5)


@_rich()
def _choose(draw: Draw, shape: Shape) -> nn.Module:
    branch = _fitted(draw, shape, shape, steps=1)
    if draw.chance(0.4):
        return Combine(choose_by_value, branch)
    axis = draw.axis(shape, at_least=2)
    return Combine(choose_constant, branch, dim=axis, first=draw.integer(1, shape[axis] - 1))


def reinterpret(x: Tensor, *, size: Shape) -> Tensor:
    """The same positions read out with other lengths of the axes."""
    return x.reshape(*x.shape[:2], *size)


@_rich(2, 3, weight=2)
def _reinterpret(draw: Draw, shape: Shape) -> nn.Module:
    size = list(shape[2:])
    first = draw.integer(0, len(size) - 2)
    divisor = draw.divisor(size[first + 1])
    size[first], size[first + 1] = size[first] * divisor, size[first + 1] // divisor
    return Call(reinterpret, size=tuple(size))


def sample_grid(x: Tensor, *, size: Shape, reach: float, padding: str, align: bool) -> Tensor:
    """`grid_sample` at constant places."""
    y = torch.linspace(-reach, reach, size[0], dtype=x.dtype, device=x.device)
    z = torch.linspace(-reach, reach, size[1], dtype=x.dtype, device=x.device)
    grid = torch.stack([z.expand(*size), y[:, None].expand(*size)], dim=-1)
    grid = grid.expand(x.shape[0], *size, 2)
    return F.grid_sample(x, grid, padding_mode=padding, align_corners=align)


@_rich(2)
def _sample_grid(draw: Draw, shape: Shape) -> nn.Module:
    return Call(
        sample_grid,
        size=tuple(draw.integer(2, extent + 1) for extent in shape[2:]),
        reach=draw.choice([0.83, 1.37]),
        padding=draw.choice(["zeros", "border"]),
        align=draw.chance(0.5),
    )


def involve(x: Tensor) -> Tensor:
    """A neighbourhood weighted by the position's own gate."""
    taps = F.unfold(x, 3, padding=1).view(x.shape[0], x.shape[1], 9, *x.shape[2:])
    return (taps * x.mean(1, keepdim=True).unsqueeze(2).sigmoid()).mean(2)


@_rich(2)
def _involution(_draw: Draw, _shape: Shape) -> nn.Module:
    return Call(involve)


def scatter_rows(x: Tensor, *, dim: int, index: Sequence[int]) -> Tensor:
    """Rows added into other rows; some rows get nothing."""
    return torch.zeros_like(x).index_add(dim, torch.tensor(list(index)), x)


@_rich()
def _scatter_rows(draw: Draw, shape: Shape) -> nn.Module:
    axis = draw.axis(shape)
    index = [draw.integer(0, shape[axis] - 1) for _ in range(shape[axis])]
    return Call(scatter_rows, dim=axis, index=index)


# --------------------------------------------------------------------------------------------
# The generator


_HIDDEN_PARENTS = (Inner, AlongAxis, Attention, ShiftedWindowAttention)


def _describe(module: nn.Module, name: str, depth: int) -> list[str]:
    indent = "  " * depth
    if isinstance(module, nn.Sequential | nn.ModuleList):
        lines = [f"{indent}{name}:"]
    else:
        text = (
            f"{type(module).__name__}({module.extra_repr()})"
            if next(module.children(), None) is not None
            else repr(module)
        )
        lines = [f"{indent}{name}: {text}"]
    for child_name, child in module.named_children():
        lines += _describe(child, child_name, depth + 1)
    return lines


def _checked_modules(module: nn.Module, shape: Shape) -> list[str]:
    """Paths of submodules that return a tensor in the network's own layout."""
    seen: dict[str, bool] = {}
    hidden = [
        f"{name}." for name, child in module.named_modules() if isinstance(child, _HIDDEN_PARENTS)
    ]
    handles = []
    for name, child in module.named_modules():
        if not name or isinstance(child, nn.ModuleList):
            continue
        if any(name.startswith(prefix) for prefix in hidden):
            continue

        def hook(_module: nn.Module, _inputs: Any, value: Any, name: str = name) -> None:
            rank_kept = isinstance(value, Tensor) and value.ndim == len(shape)
            seen[name] = seen.get(name, True) and rank_kept and value.shape[0] == shape[0]

        handles.append(child.register_forward_hook(hook))
    try:
        with torch.no_grad():
            module(torch.ones(shape))
    finally:
        for handle in handles:
            handle.remove()
    return [name for name, good in seen.items() if good]


def _runs_cleanly(module: nn.Module, shape: Shape) -> bool:
    """The whole runs for one and for three samples, and leaves its input as it was."""
    for batch in (shape[0], 3):
        generator = torch.Generator().manual_seed(1)
        x = 0.5 + torch.rand((batch, *shape[1:]), generator=generator)
        before = x.clone()
        with torch.no_grad():
            out = module(x)
        if not torch.equal(x, before) or not bool(torch.isfinite(out).all()):
            return False
    return True


def _grow(
    seed: int, dims: int | None, registry: dict[str, Kind], *, stream: str, steps: tuple[int, int]
) -> RandomNetwork:
    for attempt in range(ATTEMPTS):
        with single_thread(), torch.random.fork_rng(devices=[]):
            network = _attempt(seed, attempt, dims, registry, stream=stream, steps=steps)
        if network is not None:
            return network
    raise RuntimeError(f"no network for seed {seed} after {ATTEMPTS} attempts")


def _attempt(
    seed: int,
    attempt: int,
    dims: int | None,
    registry: dict[str, Kind],
    *,
    stream: str,
    steps: tuple[int, int],
) -> RandomNetwork | None:
    draw = Draw(random.Random(f"{stream}-{seed}-{attempt}"), registry)
    rank = dims or draw.choice([1, 2, 2, 3])
    space = tuple(draw.integer(*INPUT_EXTENT[rank]) for _ in range(rank))
    if rank > 1 and len(set(space)) == 1:
        return None
    shape = (draw.choice([1, 1, 2]), draw.integer(2, 4), *space)
    try:
        module, _ = _chain(draw, shape, draw.integer(*steps), allocates=True)
        module.eval()
        make_positive(module, draw.integer(0, 2**31))
        if not _runs_cleanly(module, shape):
            return None
    except (SkipKindError, RuntimeError):
        return None
    return RandomNetwork(
        seed=seed,
        module=module,
        input_shape=shape,
        dims=rank,
        description=[line for n, c in module.named_children() for line in _describe(c, n, 0)],
        modules=_checked_modules(module, shape),
        kinds=draw.kinds,
    )


def random_network(seed: int, *, dims: int | None = None) -> RandomNetwork:
    """A network of local operators, merges and a few global gates; the same for the same seed.

    Args:
        seed: any integer.
        dims: number of spatial axes, drawn when None.
    """
    return _grow(seed, dims, KINDS, stream="plain", steps=(3, 6))


def random_rich_network(seed: int, *, dims: int | None = None) -> RandomNetwork:
    """A network that also has attention, recurrences, prefixes, statistics over space.

    Args:
        seed: any integer.
        dims: number of spatial axes, drawn when None.
    """
    return _grow(seed, dims, _RICH_MIX, stream="rich", steps=(2, 5))


_RICH_MIX = {
    **{name: replace(kind, weight=0.3 * kind.weight) for name, kind in KINDS.items()},
    **RICH_KINDS,
}
