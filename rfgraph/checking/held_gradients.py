"""Holds global mixers constant in a run whose gradients are taken."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from torch import Tensor, nn
from torch._C import DisableTorchFunction
from torch._ops import OpOverload
from torch.overrides import TorchFunctionMode

from rfgraph.checking.lost_gradients import LostGradients
from rfgraph.checking.mixers import Mixer
from rfgraph.checking.operator_calls import Key, OperatorCalls
from rfgraph.recording.copies import map_tensors

_NORMS = frozenset({
    "group_norm", "instance_norm", "layer_norm", "batch_norm", "rms_norm", "normalize",
})  # fmt: skip


class MixerCalls(OperatorCalls):  # type: ignore[no-untyped-call]
    """Notes the mixers that a run meets.

    Attributes:
        met: Those since this was last emptied.
    """

    def __init__(self, model: nn.Module, mixers: Mapping[Key, Mixer]) -> None:
        super().__init__(model)
        self._mixers = mixers
        self.met: list[Mixer] = []

    def __torch_dispatch__(
        self,
        func: OpOverload,
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        """Return what the operator returns."""
        mixer = self._mixers.get(self.key_of(func))
        if mixer is not None:
            self.met.append(mixer)
        return func(*args, **(kwargs or {}))


class HeldGradients(TorchFunctionMode):
    """Lets no gradient through the functions that mix a whole axis.

    A norm over space passes gradients position by position: its statistics are held.

    Args:
        calls: Tells which mixers a function calls.
        lost: Notes functions without a derivative; those that are held are none.

    Attributes:
        held: Names of the mixers held so far.
    """

    def __init__(self, calls: MixerCalls, lost: LostGradients) -> None:
        super().__init__()
        self._calls = calls
        self._lost = lost
        self.held: set[str] = set()

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        """Return what `func` returns, detached if it mixes."""
        before = dict(self._lost.names)
        self._calls.met = []
        out = func(*args, **(kwargs or {}))
        met, self._calls.met = self._calls.met, []
        if not met:
            return out
        x = args[0] if args else (kwargs or {}).get("input")
        is_norm = getattr(func, "__name__", "") in _NORMS
        # What is detached here is meant to be, so nobody is to note it.
        if is_norm and isinstance(x, Tensor) and isinstance(out, Tensor) and out.shape == x.shape:
            self.held |= {mixer.name for mixer in met}
            with DisableTorchFunction():
                return out.detach() + (x - x.detach())
        if any(mixer.keeps_local for mixer in met):
            # Neither constant nor passed on would be right: not held, so that it is noticed.
            return out
        self.held |= {mixer.name for mixer in met}
        self._lost.names = before
        with DisableTorchFunction():
            return map_tensors(out, Tensor.detach)
