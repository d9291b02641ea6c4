"""Functions that hide dependence by luck, replaced by ones that show it.

A gradient is zero where a gate happens to be closed or saturated, and max pooling routes it to one
of its inputs. Each function here is replaced by one that reads exactly the same elements and whose
derivative is nowhere zero.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812 -- its usual name
from torch import Tensor
from torch.overrides import TorchFunctionMode

from rfgraph.checking.bounded import bounded

_GATES = frozenset({
    "relu", "relu6", "hardtanh", "hardswish", "gelu", "silu", "elu", "selu", "celu", "leaky_relu",
    "rrelu", "prelu", "softplus", "mish", "threshold", "softshrink", "hardshrink", "clamp", "clip",
    "clamp_min", "clamp_max",
})  # fmt: skip
_SIGMOIDS = frozenset({"sigmoid", "tanh", "hardsigmoid", "logsigmoid", "log_sigmoid", "erf"})
_MAX_POOLS: Mapping[str, Callable[..., Tensor]] = {
    "max_pool1d": F.avg_pool1d,
    "max_pool2d": F.avg_pool2d,
    "max_pool3d": F.avg_pool3d,
}
_CONVOLUTIONS: Mapping[str, Callable[..., Tensor]] = {
    "max_pool1d": F.conv1d,
    "max_pool2d": F.conv2d,
    "max_pool3d": F.conv3d,
}
_ADAPTIVE: Mapping[str, Callable[..., Tensor]] = {
    "adaptive_max_pool1d": F.adaptive_avg_pool1d,
    "adaptive_max_pool2d": F.adaptive_avg_pool2d,
    "adaptive_max_pool3d": F.adaptive_avg_pool3d,
}
_POOL_ARGUMENTS = ("input", "kernel_size", "stride", "padding", "dilation", "ceil_mode")

OPENED = "gates (ReLU, GELU, clamp, …) pass their input"
BOUNDED = "sigmoids are x / (1 + |x|), which never saturates"
AVERAGED = "max pooling and extrema average"


class OpenedGates(TorchFunctionMode):
    """Runs gates, sigmoids and max pooling as functions with a derivative everywhere.

    Args:
        keep_global: Leave extrema over whole axes alone, so that they can be held constant.

    Attributes:
        used: Which substitutions were made.
    """

    def __init__(self, *, keep_global: bool = False) -> None:
        super().__init__()
        self._keep_global = keep_global
        self.used: set[str] = set()

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        """Return what `func` or its replacement returns."""
        kwargs = kwargs or {}
        name = getattr(func, "__name__", "").removesuffix("_")
        x = args[0] if args else kwargs.get("input")
        if isinstance(x, Tensor) and x.is_floating_point():
            in_place = (
                getattr(func, "__name__", "").endswith("_")
                or kwargs.get("inplace") is True
                or (len(args) > 1 and args[-1] is True)
            )
            bounds = [*args[1:], *kwargs.values()]
            if name in _GATES and (
                name == "prelu" or not any(isinstance(b, Tensor) for b in bounds)
            ):
                self.used.add(OPENED)
                return x if in_place else x * 1
            if name in _SIGMOIDS:
                self.used.add(BOUNDED)
                # A copy, because writing into what a derivative needs would forbid it.
                smooth = bounded(x.clone() if in_place else x)
                return x.copy_(smooth) if in_place else smooth
            kept = self._keep_global and (name in _ADAPTIVE or name in {"amax", "amin"})
            averaged = None if kept else _averaged(name, args, kwargs)
            if averaged is not None:
                self.used.add(AVERAGED)
                return averaged
        return func(*args, **kwargs)


def _averaged(name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Tensor | None:
    """Return the mean over what a maximum runs over; None for other functions."""
    if name in _ADAPTIVE and not kwargs.get("return_indices"):
        x, size = (*args, *kwargs.values())[:2]
        return _ADAPTIVE[name](x, size)
    if name in {"amax", "amin"}:
        return torch.mean(*args, **kwargs)
    both = (*args, *kwargs.values())[:2]
    is_pair = len(both) == 2 and isinstance(both[1], Tensor)
    if name in {"maximum", "minimum", "fmax", "fmin"} or (name in {"max", "min"} and is_pair):
        first, second = both
        mean: Tensor = (first + second) / 2
        return mean
    if name not in _MAX_POOLS:
        return None
    given = {**dict(zip(_POOL_ARGUMENTS, args, strict=False)), **kwargs}
    if given.pop("return_indices", False):
        return None
    dilation = given.pop("dilation", 1)
    spread = dilation if isinstance(dilation, (tuple, list)) else (dilation,)
    if all(d == 1 for d in spread):
        return _MAX_POOLS[name](**given)
    if given.get("ceil_mode"):
        return None
    x, kernel = given["input"], given["kernel_size"]
    rank = int(name[-2])
    sizes = tuple(kernel) if isinstance(kernel, (tuple, list)) else (kernel,) * rank
    weight = torch.ones((x.shape[-rank - 1], 1, *sizes), dtype=x.dtype)
    stride = given.get("stride") or kernel
    return _CONVOLUTIONS[name](
        x,
        weight / weight[0].numel(),
        stride=stride,
        padding=given.get("padding", 0),
        dilation=dilation,
        groups=x.shape[-rank - 1],
    )
