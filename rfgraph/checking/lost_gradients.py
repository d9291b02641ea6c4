"""Notes the functions that a gradient does not get through.

A function without a derivative reads its argument all the same: behind it a gradient of zero is no
proof. The notes are of functions, as a forward calls them, not of operators: what stands for a gate
has been put in its place already, and a dispatch mode sees no graph.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_leaves
from torch.utils.weak import WeakTensorKeyDictionary

from rfgraph.capture.names import function_name

_FLAT = frozenset({"round", "floor", "ceil", "trunc", "fix", "rint", "sign", "heaviside",
    "floor_divide", "floordiv", "rfloordiv", "copysign", "bernoulli"})  # fmt: skip
"""Functions whose result requires a gradient, and whose derivative is zero, for some argument."""

_FLAT_IF_REAL = frozenset({"sgn", "angle"})
_NORMS = frozenset({"norm", "vector_norm", "linalg_norm", "linalg_vector_norm", "normalize"})
_DISTANCES = frozenset({"cdist", "pdist"})
"""Of order 0 they count, which is flat."""

_NUMBERS = frozenset({"item", "tolist", "numpy", "bool", "float", "int", "complex", "index",
    "array", "equal", "allclose", "is_nonzero"})  # fmt: skip
"""Functions that give numbers of Python, or of another library, to go on with."""

_LIKE_ANOTHER = frozenset({"to", "type_as", "expand_as", "view_as", "reshape_as", "resize_as"})
"""Functions that read numbers of their first argument alone."""
_EACH_ALONE = frozenset({"broadcast_tensors", "meshgrid", "atleast_1d", "atleast_2d", "atleast_3d",
    "pack_padded_sequence", "pad_packed_sequence"})  # fmt: skip
"""Functions whose results read one argument each."""

_SHAPES = ("new_", "empty", "zeros", "ones", "full", "rand", "size", "shape", "dtype", "device")


class LostGradients(TorchFunctionMode):
    """Knows the functions of one run that have no derivative.

    Attributes:
        names: Of the functions met so far, in order.
    """

    def __init__(self) -> None:
        super().__init__()
        self.names: dict[str, None] = {}
        self._lost = WeakTensorKeyDictionary()

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        """Return what `func` returns."""
        kwargs = kwargs or {}
        name = function_name(func)
        reads = _tensors(args[:1] if name in _LIKE_ANOTHER else (args, kwargs))
        leading = [t for t in reads if t.requires_grad]
        lost = [self._lost[t] for t in reads if t in self._lost and not t.requires_grad]
        out = func(*args, **kwargs)
        if not (leading or lost) or name in _EACH_ALONE:
            return out
        results = _tensors(out)
        is_number = name in _NUMBERS and not results
        if _reads_shapes(name) or not (results or is_number or name == "setitem"):
            return out
        constant = [t for t in results if not t.requires_grad]
        if not torch.is_grad_enabled() and not is_number:
            # Inside an autograd function, whose results come to require a gradient, or for good.
            written = args[:1] if name == "setitem" and not args[0].requires_grad else ()
            self._remember([*constant, *written], lost[0] if lost else name)
            return out
        self.names.update(dict.fromkeys(lost))
        if not leading:
            return out
        if len(results) > 1:
            # Such as the indices of a maximum, which mostly nobody asks for.
            self._remember(constant, f"the second result of {name}")
        elif constant or is_number or _is_flat(name, args, kwargs):
            self.names[name] = None
        return out

    def _remember(self, tensors: Sequence[Tensor], why: str) -> None:
        """Note what lost its gradient, once somebody reads it."""
        for tensor in tensors:
            self._lost[tensor] = why


def _is_flat(name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
    """Whether a result that requires a gradient has none for some argument."""
    if name in _FLAT or kwargs.get("rounding_mode") is not None:
        return True
    if name in _FLAT_IF_REAL:
        return not args[0].is_complex()
    if name in _NORMS | _DISTANCES:
        at = 2 if name == "cdist" else 1
        given = kwargs.get("p", kwargs.get("ord", args[at] if len(args) > at else None))
        return isinstance(given, (int, float)) and given == 0
    if name.startswith("grid_sample"):
        mode = kwargs.get("mode", args[2] if len(args) > 2 else None)
        grid = kwargs.get("grid", args[1] if len(args) > 1 else None)
        return mode in ("nearest", 1) and isinstance(grid, Tensor) and grid.requires_grad
    return False


def _reads_shapes(name: str) -> bool:
    return name.startswith(_SHAPES) or name.endswith("_like")


def _tensors(values: Any) -> list[Tensor]:
    return [t for t in tree_leaves(values) if isinstance(t, Tensor)]
