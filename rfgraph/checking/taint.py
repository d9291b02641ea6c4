"""Whether NaN at chosen input positions reaches an element."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel

from rfgraph.checking.arguments import Arguments
from rfgraph.checking.carried_nan import CarriedNaN
from rfgraph.checking.element import BoolArray, Element
from rfgraph.checking.mixers import Mixer, mixers_before
from rfgraph.checking.operator_calls import Key
from rfgraph.eager import Place, check_shape, observe


@dataclass(frozen=True, eq=False)
class Question:
    """Whether NaN at the true positions of `mask` reaches the element."""

    element: Element
    mask: BoolArray


@dataclass
class TaintMethod:
    """Runs the model on inputs that are NaN in places.

    Attributes:
        model: The private copy, with its own weights.
        arguments: The call.
        mixers: What to hold for the local scope.
        runs_at_once: How many poisoned inputs one forward pass may hold.
        dtype: The precision of the model and its inputs; None for their own.
        forwards: Samples run so far, over all passes.
    """

    model: nn.Module
    arguments: Arguments
    mixers: Mapping[Key, Mixer]
    runs_at_once: int
    dtype: torch.dtype | None
    forwards: int = 0
    _blind: dict[Element, str] = field(default_factory=dict)
    _spread: dict[Element, str] = field(default_factory=dict)
    _stacks: bool = True

    def learn(self, elements: Sequence[Element]) -> None:
        """Find out which operators mislead NaN, in one pass with NaN everywhere.

        Elements are of one input and scope. The pass also tells whether samples stay apart, so that
        several poisoned inputs can share a pass.
        """
        whole = np.ones(elements[0].footprint.shape, dtype=bool)
        none = np.zeros_like(whole)

        def note(mode: CarriedNaN, element: Element, hits: Tensor) -> None:
            if hits.shape[0] == 2 and bool(hits[0]):
                raise _MixedError
            self._blind[element] = ", ".join(mode.lost.names)
            self._spread[element] = ", ".join(mode.spreading)
            missing = self._not_held(mode, element)
            if missing:
                why = f"{min(missing)} mixes a whole axis and could not be held constant"
                self._spread[element] = self._blind[element] = why

        try:
            self._run(elements, [none, whole], note)
        except (RuntimeError, ValueError, _MixedError):
            # Samples that mix, or a batch size that forward is written for.
            self._stacks = False
            self._run(elements, [none], _refuse_nan)
            self._run(elements, [whole], note)

    def _not_held(self, mode: CarriedNaN, element: Element) -> frozenset[str]:
        """Return the mixers before a local element that this run could not hold."""
        if element.scope == "total":
            return frozenset()
        return mixers_before(element.node, self.mixers) - mode.held

    def blind(self, element: Element) -> str:
        """Return the operators before the element that swallow NaN, joined; empty for none."""
        return self._blind.get(element, "")

    def spread(self, element: Element) -> str:
        """Return the operators before the element that may spread NaN, joined; empty for none."""
        return self._spread.get(element, "")

    def answers(self, questions: Sequence[Question]) -> list[bool]:
        """Return the answers to questions about elements of one input and scope."""
        order = sorted(range(len(questions)), key=lambda k: questions[k].element.order)
        unique: dict[bytes, list[int]] = {}
        for k in order:
            unique.setdefault(questions[k].mask.tobytes(), []).append(k)
        found: dict[int, bool] = {}
        size = self.runs_at_once if self._stacks else 1
        masks = list(unique.values())
        for begin in range(0, len(masks), size):
            group = masks[begin : begin + size]
            asked = list(dict.fromkeys(questions[k].element for ks in group for k in ks))
            seen: dict[Element, Tensor] = {}

            def note(_mode: CarriedNaN, element: Element, hits: Tensor) -> None:
                seen[element] = hits  # noqa: B023 -- used up before the next turn

            self._run(asked, [questions[ks[0]].mask for ks in group], note)
            for row, ks in enumerate(group):
                for k in ks:
                    found[k] = bool(seen[questions[k].element][row])
        return [found[k] for k in range(len(questions))]

    def _run(
        self,
        elements: Sequence[Element],
        masks: Sequence[BoolArray],
        note: Callable[[CarriedNaN, Element, Tensor], None],
    ) -> None:
        """Run once with one batch per mask, and note whether each element is NaN."""
        name, axes = elements[0].input, elements[0].axes
        clean = self.arguments.tensors[name].to(self.dtype or self.arguments.tensors[name].dtype)
        runs = len(masks)
        x = clean.repeat(runs, *(1 for _ in clean.shape[1:]))
        shape = [n if axis in axes else 1 for axis, n in enumerate(clean.shape)]
        block = clean.shape[0]
        for run, mask in enumerate(masks):
            x[run * block : (run + 1) * block].masked_fill_(
                torch.from_numpy(mask).reshape(shape), math.nan
            )
        call = self.arguments.cast(self.dtype, {name: x}, runs)
        mode = CarriedNaN(
            self.model,
            self.mixers if elements[0].scope == "local" else {},
            runs,
            everywhere=bool(masks[-1].all()),
        )
        by_place: dict[Place, list[Element]] = {}
        for element in elements:
            by_place.setdefault(element.place, []).append(element)

        def visit(wanted: list[Element]) -> Callable[[Tensor], None]:
            def look(value: Tensor) -> None:
                rows, *rest = wanted[0].node.shape or (0,)
                if value.ndim == 0 or value.shape[0] != runs * rows:
                    raise _MixedError
                check_shape(value, (runs * rows, *rest), wanted[0].node)
                for element in wanted:
                    if runs > 1 and self._not_held(mode, element):
                        raise _MixedError
                    parts = [value[r * rows : (r + 1) * rows][element.index] for r in range(runs)]
                    note(mode, element, torch.stack([p.isnan().any() for p in parts]))

            return look

        with ExitStack() as stack:
            stack.enter_context(torch.no_grad())
            stack.enter_context(sdpa_kernel([SDPBackend.MATH]))
            stack.enter_context(mode.following())
            observe(self.model, call.args, call.kwargs, {p: visit(w) for p, w in by_place.items()})
        self.forwards += runs


class _MixedError(RuntimeError):
    """Samples of one pass do not stay apart."""


def _refuse_nan(_mode: CarriedNaN, element: Element, hits: Tensor) -> None:
    if bool(hits.any()):
        raise RuntimeError(f"{element.node.name} is NaN on a clean input")


def lines(mask: BoolArray, k: int, at: int) -> BoolArray:
    """Return all positions whose index along axis `k` is `at`."""
    found = np.zeros_like(mask)
    found[tuple(at if a == k else slice(None) for a in range(mask.ndim))] = True
    return found


def unique_inputs(elements: Iterable[Element]) -> dict[tuple[str, str], list[Element]]:
    """Return the elements by their input and scope, which one run has to share."""
    groups: dict[tuple[str, str], list[Element]] = {}
    for element in elements:
        groups.setdefault((element.input, element.scope), []).append(element)
    return groups
