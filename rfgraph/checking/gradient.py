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
from rfgraph.checking.mixers import Mixer, mixers_before
from rfgraph.checking.opened_gates import OpenedGates
from rfgraph.checking.operator_calls import Key
from rfgraph.eager import Place, observe


@dataclass
class Seen:
    """What the gradients of one element say.

    Attributes:
        support: True where some draw had a gradient; None if none could be taken.
        reason: Why it may be too small, or why there is none.
    """

    support: BoolArray | None = None
    reason: str = ""

    def join(self, other: Seen) -> None:
        """Unite with what another draw says."""
        if other.support is None:
            self.reason = self.reason or other.reason
        else:
            self.support = other.support if self.support is None else self.support | other.support


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
    """

    model: nn.Module
    arguments: Arguments
    mixers: Mapping[Key, Mixer]
    raw: bool
    dtype: torch.dtype | None
    substitutions: set[str] = field(default_factory=set)

    def supports(self, elements: Sequence[Element], seed: int) -> dict[Element, Seen]:
        """Return the support of the gradient of each element in one draw.

        The elements are of one input and scope.

        One forward pass serves all of them, and one backward pass each of them: their fields
        overlap, and a sum of gradients would not tell whose is outside.
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
        scalars: dict[Element, Tensor] = {}
        held_at: dict[Element, frozenset[str]] = {}
        by_place: dict[Place, list[Element]] = {}
        for element in elements:
            by_place.setdefault(element.place, []).append(element)
        with ExitStack() as stack:
            stack.enter_context(torch.enable_grad())
            # Fused attention is one operator, whose parts cannot be held.
            stack.enter_context(sdpa_kernel([SDPBackend.MATH]))
            gates = OpenedGates(keep_global=is_local)
            if not self.raw:
                stack.enter_context(gates)
            held: HeldGradients | None = None
            if is_local:
                calls = MixerCalls(self.model, self.mixers)
                stack.enter_context(calls.following())
                held = stack.enter_context(HeldGradients(calls))

            def visit(wanted: list[Element]) -> Callable[[Tensor], None]:
                def look(value: Tensor) -> None:
                    for element in wanted:
                        part = value[element.index]
                        # Unequal channels, so that a norm's zero sum does not cancel.
                        seeds = torch.rand(part.shape, generator=generator, dtype=torch.float64)
                        scalars[element] = (part * (seeds + 0.5).to(part.dtype)).sum() * scale
                        held_at[element] = frozenset(held.held) if held else frozenset()

                return look

            observe(self.model, call.args, call.kwargs, {p: visit(w) for p, w in by_place.items()})
        self.substitutions |= gates.used
        return {
            element: self._seen(element, scalars.pop(element), leaf, held_at[element])
            for element in elements
        }

    def _seen(self, element: Element, scalar: Tensor, leaf: Tensor, held: frozenset[str]) -> Seen:
        if element.scope == "local":
            missing = mixers_before(element.node, self.mixers) - held
            if missing:
                return Seen(
                    None, f"{min(missing)} mixes a whole axis and could not be held constant"
                )
        if not scalar.requires_grad:
            return Seen(_project(torch.zeros_like(leaf), element.axes))
        gradient = torch.autograd.grad(
            scalar, leaf, retain_graph=True, allow_unused=True, materialize_grads=True
        )[0]
        if not bool(gradient.isfinite().all()):
            return Seen(None, "the gradient is not finite")
        return Seen(_project(gradient, element.axes))


def _project(gradient: Tensor, axes: tuple[int, ...]) -> BoolArray:
    others = tuple(k for k in range(gradient.ndim) if k not in axes)
    hit = gradient != 0
    found: BoolArray = (hit.any(dim=others) if others else hit).cpu().numpy()
    return found
