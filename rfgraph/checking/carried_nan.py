"""Carries NaN through an eager run as dependence goes.

Arithmetic carries NaN for free. This mode mends the kernels that drop it although they read the
element (`hardswish`, `clamp`, `fmax`), and those that spread it although they do not (resampling
with weights of exactly 0). What cannot be mended is named, and makes a check inconclusive.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch._ops import OpOverload
from torch.utils._pytree import tree_leaves

from rfgraph.checking.coordinates import without_lost_places
from rfgraph.checking.lost_nan import SELECTIONS, SWALLOWING, LostNaN
from rfgraph.checking.mixers import Mixer
from rfgraph.checking.operator_calls import Key, OperatorCalls, operator_name

_ZERO_WEIGHTS = ("upsample_", "_upsample_", "grid_sampler_")
_ADDED = frozenset({"addmm", "baddbmm", "addmv", "addbmm", "addcmul"})
"""Products whose first operand is only added."""

_PRODUCTS = frozenset({"mul", "mm", "bmm", "mv", "dot", "prod", "cumprod"}) | _ADDED
_COPIES = frozenset({"copy", "_to_copy", "clone"})

ANY_WEIGHT = 1e-9
"""A weight below is rounding, whatever computed it in double precision."""
SURE_WEIGHT = 1e-5
"""A weight above is no rounding, even of coordinates in single precision."""


class CarriedNaN(OperatorCalls):  # type: ignore[no-untyped-call]
    """Carries NaN, and holds global mixers constant.

    Args:
        model: What runs.
        held: The mixers to hold.
        runs: How many samples are stacked.
        everywhere: Whether the input is NaN everywhere in one of them.
        sampled: The weight above which sampling at coordinates reads a place.

    Attributes:
        lost: The operators met so far that NaN did not get through.
        spreading: Operators met so far that may give NaN without reading any.
        held: Names of the mixers held so far.
        has_sampled: Whether NaN was sampled at coordinates.
    """

    def __init__(
        self,
        model: nn.Module,
        held: Mapping[Key, Mixer],
        runs: int,
        *,
        everywhere: bool = False,
        sampled: float = ANY_WEIGHT,
    ) -> None:
        super().__init__(model)
        self._runs = runs
        self._mixers = held
        self._sampled = sampled
        self.lost = LostNaN(everywhere=everywhere)
        self.spreading: dict[str, None] = {}
        self.held: set[str] = set()
        self.has_sampled = False

    def __torch_dispatch__(
        self,
        func: OpOverload,
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        """Return what the operator returns, with NaN exactly where it depends on NaN."""
        kwargs = kwargs or {}
        mixer = self._mixers.get(self.key_of(func))
        name = operator_name(func)
        if name == "_assert_async":
            return None
        reads = [t for t in tree_leaves((args, kwargs)) if isinstance(t, Tensor)]
        if func.is_view:
            out = func(*args, **kwargs)
            self.lost.viewed(func, reads, out)
            return out
        self.lost.read(name, reads)
        if mixer is not None:
            held, shape = _held(func, args, kwargs, keeps_local=mixer.keeps_local)
            if mixer.is_stacked(shape, self._runs):
                self.held.add(mixer.name)
                return held
        taints = [
            torch.isnan(t) if t.is_floating_point() or t.is_complex() else None for t in reads
        ]
        hit = [k for k, taint in enumerate(taints) if taint is not None and bool(taint.any())]
        if not hit:
            return func(*args, **kwargs)
        args, union = without_lost_places(func, args)
        if name.startswith(_ZERO_WEIGHTS) and hit[0] == 0:
            is_sampled = name.startswith("grid_sampler_")
            self.has_sampled |= is_sampled
            out = _by_weights(func, args, kwargs, self._sampled if is_sampled else ANY_WEIGHT)
            return _with_nan(out, union)
        numbers = [a for a in (*args, *kwargs.values()) if isinstance(a, (int, float))]
        self._note_spreading(name, reads, hit)
        self._note_constants(name, reads, numbers)
        cut = None
        is_pointwise = torch.Tag.pointwise in func.tags or name in {"hardswish", "clamp"}
        if is_pointwise and name not in SELECTIONS | SWALLOWING | _COPIES:
            for k in hit:
                taint = taints[k]
                assert taint is not None
                union = taint if union is None else union | taint
            if name in {"add", "sub"}:
                for t in reads:
                    if t.is_floating_point() and bool(t.isneginf().any()):
                        # A mask of -inf cuts; NaN + (-inf) would not.
                        cut = t.isneginf() if cut is None else cut | t.isneginf()
        out = func(*args, **kwargs)
        if cut is not None and isinstance(out, Tensor) and out.is_floating_point():
            assert union is not None
            union &= ~cut
            out.masked_fill_(cut.expand(out.shape), -math.inf)
        out = _with_nan(out, union)
        self.lost.returned(name, func, out)
        return out

    def _note_spreading(self, name: str, reads: list[Tensor], hit: list[int]) -> None:
        if name in _PRODUCTS:
            # A zero that is added, such as a bias, spreads nothing.
            added = 1 if name in _ADDED else 0
            # A factor with NaN in it may be zero elsewhere: padding times what lies beside it.
            rest = [
                t
                for k, t in enumerate(reads)
                if k >= added
                and (name in {"prod", "cumprod"} or any(h != k for h in hit))
                and t.is_floating_point()
            ]
            if any(bool((t == 0).any()) for t in rest):
                self.spreading[f"{name} with exact zeros"] = None
        elif name == "div" and 1 in hit and bool((reads[0] == 0).any()):
            self.spreading["div of exact zeros"] = None
        elif "softmax" in name and bool(reads[0].isneginf().any()):
            self.spreading[f"{name} with -inf"] = None

    def _note_constants(self, name: str, reads: list[Tensor], numbers: list[float]) -> None:
        """Note constants that take an operand away, although NaN passes them."""
        if name in {"mul", "addcmul"} and 0 in numbers:
            self.spreading[f"{name} by zero"] = None
        elif name == "lerp" and (
            any(n in {0, 1} for n in numbers)
            or (len(reads) > 2 and bool(((reads[2] == 0) | (reads[2] == 1)).any()))
        ):
            self.spreading["lerp at an end"] = None
        elif name in {"div", "sub", "minimum", "clamp"} and (
            any(math.isinf(n) for n in numbers)
            or any(t.is_floating_point() and bool(t.isinf().any()) for t in reads[1:])
        ):
            self.spreading[f"{name} with infinity"] = None


def _with_nan(out: Any, where: Tensor | None) -> Any:
    """Return a result with NaN where it depends on some, in its first tensor."""
    first = out[0] if isinstance(out, (tuple, list)) and out else out
    if where is not None and isinstance(first, Tensor) and first.is_floating_point():
        first.masked_fill_(where.expand(first.shape), math.nan)
    return out


def _held(
    func: OpOverload, args: tuple[Any, ...], kwargs: dict[str, Any], *, keeps_local: bool
) -> tuple[Any, tuple[int, ...]]:
    """Run on numbers alone; NaN stays in place where the operator also reads place by place.

    Returns:
        The result, and the shape of its first tensor.
    """

    def numbers(value: Any) -> Any:
        if isinstance(value, Tensor) and value.is_floating_point():
            return value.masked_fill(value.isnan(), 0.5)
        if isinstance(value, (list, tuple)):
            return type(value)(numbers(item) for item in value)
        return value

    x = args[0]
    taint = x.isnan() if isinstance(x, Tensor) and x.is_floating_point() else None
    out = func(*numbers(args), **{key: numbers(value) for key, value in kwargs.items()})
    first = out[0] if isinstance(out, (tuple, list)) else out
    if keeps_local and taint is not None and taint.shape == first.shape:
        first.masked_fill_(taint, math.nan)
    return out, tuple(first.shape)


def _by_weights(
    func: OpOverload, args: tuple[Any, ...], kwargs: dict[str, Any], least: float
) -> Tensor:
    """Resample the numbers; NaN goes where its weight is more than `least`.

    Random positive numbers in place of NaN, so that weights of both signs do not cancel; double
    precision and a threshold, because a weight of exactly 0 may come out as rounding.
    """
    x, *rest = args
    taint = x.isnan()
    out: Tensor = func(x.masked_fill(taint, 0.5), *rest, **kwargs)
    generator = torch.Generator().manual_seed(0)
    drawn = torch.rand(x.shape, generator=generator, dtype=torch.float64).add_(0.5)
    # In the layout of the image, by which PyTorch chooses among kernels that read other pixels.
    marks = torch.empty_like(x, dtype=torch.float64).copy_(drawn).mul_(taint)
    rest = [t.double() if isinstance(t, Tensor) and t.is_floating_point() else t for t in rest]
    reached: Tensor = func(marks, *rest, **kwargs)
    return out.masked_fill_(reached.abs() > least, math.nan)
