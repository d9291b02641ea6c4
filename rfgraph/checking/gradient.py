"""Which input positions have a gradient at each element."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel

from rfgraph.checking.arguments import Arguments
from rfgraph.checking.drawn_weights import DRAWN, draw_weights
from rfgraph.checking.element import BoolArray, Element
from rfgraph.checking.held_gradients import HeldGradients, MixerCalls
from rfgraph.checking.lost_gradients import LostGradients
from rfgraph.checking.mixers import Mixer, mixers_before
from rfgraph.checking.opened_gates import OpenedGates
from rfgraph.checking.operator_calls import Key
from rfgraph.checking.shared_backward import apart, shared_weights, told_apart
from rfgraph.eager import Place, check_shape, observe


@dataclass
class Seen:
    """What the gradients of one element say.

    Attributes:
        support: True where some draw had a gradient; None if none could be taken.
        reason: Why there is none.
        lost: The functions before the element that have no derivative.
    """

    support: BoolArray | None = None
    reason: str = ""
    lost: tuple[str, ...] = ()

    def join(self, other: Seen) -> None:
        """Unite with what another draw says."""
        self.lost = tuple(dict.fromkeys((*self.lost, *other.lost)))
        if other.support is None:
            self.reason = self.reason or other.reason
        else:
            self.support = other.support if self.support is None else self.support | other.support


@dataclass(frozen=True, eq=False)
class _Shown:
    """What a run showed of an element.

    Attributes:
        total: A weighted sum of it.
        held: The mixers held until then.
        lost: The functions without a derivative met until then.
    """

    total: Tensor
    held: frozenset[str]
    lost: tuple[str, ...]


@dataclass
class GradientMethod:
    """Takes gradients of elements on one input.

    Attributes:
        model: The private copy; its weights are drawn anew, unless `raw`.
        arguments: The call.
        mixers: What to hold for the local scope.
        raw: Whether nothing is replaced.
        dtype: The precision; the model's own if None.
        substitutions: What was replaced.
        backwards: How many backward passes were made.
    """

    model: nn.Module
    arguments: Arguments
    mixers: Mapping[Key, Mixer]
    raw: bool
    dtype: torch.dtype | None
    substitutions: set[str] = field(default_factory=set)
    backwards: int = 0

    def supports(self, elements: Sequence[Element], seed: int) -> dict[Element, Seen]:
        """Return the support of the gradient of each element in one draw.

        The elements are of one input and scope.

        One forward pass serves all of them. Those of one node whose fields lie apart share two
        backward passes; each of the others takes one.
        """
        if not self.raw:
            draw_weights(self.model, seed)
            self.substitutions.add(DRAWN)
        name, is_local = elements[0].input, elements[0].scope == "local"
        tensor = self.arguments.tensors[name]
        generator = torch.Generator().manual_seed(seed)
        leaf = (
            tensor
            if self.raw
            else torch.rand(tensor.shape, generator=generator, dtype=torch.float64) + 0.5
        )
        leaf = leaf.to(self.dtype or tensor.dtype, copy=True).requires_grad_()
        with torch.enable_grad():
            # A product, because the model may write into its input.
            call = self.arguments.cast(self.dtype, {name: leaf * 1})
        # The edges of a field of 1,500 are 3 ** -750 of its middle, less than a double holds.
        scale = 1.0 if self.raw else 1e150 if self.dtype is torch.float64 else 1e15
        shown: dict[Element, _Shown] = {}
        by_place: dict[Place, list[Element]] = {}
        for element in elements:
            by_place.setdefault(element.place, []).append(element)
        with ExitStack() as stack:
            stack.enter_context(torch.enable_grad())
            # Fused attention is one operator, whose parts cannot be held.
            stack.enter_context(sdpa_kernel([SDPBackend.MATH]))
            # Entered first, it sees what the others make of a function.
            lost = stack.enter_context(LostGradients())
            gates = OpenedGates(keep_global=is_local)
            if not self.raw:
                stack.enter_context(gates)
            held: HeldGradients | None = None
            if is_local:
                calls = MixerCalls(self.model, self.mixers)
                stack.enter_context(calls.following())
                held = stack.enter_context(HeldGradients(calls, lost))

            def visit(wanted: list[Element]) -> Callable[[Tensor], None]:
                def look(value: Tensor) -> None:
                    check_shape(value, wanted[0].node.shape, wanted[0].node)
                    for element in wanted:
                        part = _as_real(value[element.index])
                        # Unequal channels, so that a norm's zero sum does not cancel.
                        seeds = torch.rand(part.shape, generator=generator, dtype=torch.float64)
                        total = (part * (seeds + 0.5).to(part.dtype)).sum() * scale
                        shown[element] = _Shown(
                            total, frozenset(held.held if held else ()), tuple(lost.names)
                        )

                return look

            observe(self.model, call.args, call.kwargs, {p: visit(w) for p, w in by_place.items()})
        self.substitutions |= gates.used
        seen = self._differentiated(elements, shown, leaf)
        for element, one in seen.items():
            one.lost = shown[element].lost
        return seen

    def _differentiated(
        self, elements: Sequence[Element], shown: Mapping[Element, _Shown], leaf: Tensor
    ) -> dict[Element, Seen]:
        """Return where the gradient of each element is not zero."""
        seen: dict[Element, Seen] = {}
        for element in elements:
            if why := self._not_held(element, shown[element].held):
                seen[element] = Seen(None, why)
        for group in apart([element for element in elements if element not in seen]):
            parts = [shown[element].total for element in group]
            if len(group) > 1:
                shared = self._together(parts, leaf)
                if shared is not None:
                    seen |= {
                        e: Seen(_project(s, e.axes)) for e, s in zip(group, shared, strict=True)
                    }
                    continue
            for element, part in zip(group, parts, strict=True):
                gradient = self._backward([part], leaf)
                if bool(gradient.isfinite().all()):
                    seen[element] = Seen(_project(gradient != 0, element.axes))
                else:
                    seen[element] = Seen(None, "the gradient is not finite")
        return seen

    def _not_held(self, element: Element, held: frozenset[str]) -> str:
        """Return why the local field cannot be seen; empty if it can."""
        if element.scope == "total":
            return ""
        missing = mixers_before(element.node, self.mixers) - held
        return (
            f"{min(missing)} mixes a whole axis and could not be held constant" if missing else ""
        )

    def _together(self, parts: Sequence[Tensor], leaf: Tensor) -> list[Tensor] | None:
        """Return the supports of elements of one node; None if they cannot be told apart."""
        one, other = shared_weights(len(parts))
        if max(*one, *other) > torch.finfo(parts[0].dtype).max:
            return None
        first = self._backward(parts, leaf, one)
        second = self._backward(parts, leaf, other)
        if not bool(first.isfinite().all() & second.isfinite().all()):
            return None
        return told_apart(first, second, len(parts))

    def _backward(
        self, parts: Sequence[Tensor], leaf: Tensor, weights: Sequence[float] | None = None
    ) -> Tensor:
        """Return the gradient of a weighted sum; zero if nothing leads to it."""
        weighted = zip(parts, weights or [1.0] * len(parts), strict=True)
        leading = [(part, torch.full_like(part, w)) for part, w in weighted if part.requires_grad]
        if not leading:
            return torch.zeros_like(leaf)
        self.backwards += 1
        found: Tensor = torch.autograd.grad(
            [part for part, _ in leading],
            leaf,
            grad_outputs=[weight for _, weight in leading],
            retain_graph=True,
            allow_unused=True,
            materialize_grads=True,
        )[0]
        return found


def _as_real(part: Tensor) -> Tensor:
    """Complex numbers as pairs: the gradient of their sum would be that of its real part alone."""
    return torch.view_as_real(part.resolve_conj()) if part.is_complex() else part


def _project(hit: Tensor, axes: tuple[int, ...]) -> BoolArray:
    others = tuple(k for k in range(hit.ndim) if k not in axes)
    found: BoolArray = (hit.any(dim=others) if others else hit).cpu().numpy()
    return found
