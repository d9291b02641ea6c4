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
from rfgraph.checking.carried_nan import ANY_WEIGHT, SURE_WEIGHT, CarriedNaN
from rfgraph.checking.element import BoolArray, Element
from rfgraph.checking.mixers import Mixer, mixers_before
from rfgraph.checking.operator_calls import Key
from rfgraph.eager import Place, check_shape, observe
from rfgraph.errors import RfgraphError

_LONGEST = 200


@dataclass(frozen=True, eq=False)
class Question:
    """Whether NaN at the true positions of `mask` reaches the element.

    Attributes:
        element: The element.
        mask: Where the NaN is.
        accuses: Whether a yes speaks against the prediction, so that doubt means no; otherwise it
            speaks for it, and doubt means yes.
    """

    element: Element
    mask: BoolArray
    accuses: bool = True


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
        failures: Why nothing can be told of an element.
    """

    model: nn.Module
    arguments: Arguments
    mixers: Mapping[Key, Mixer]
    runs_at_once: int
    dtype: torch.dtype | None
    forwards: int = 0
    failures: dict[Element, str] = field(default_factory=dict)
    _blind: dict[Element, str] = field(default_factory=dict)
    _spread: dict[Element, str] = field(default_factory=dict)
    _alone: set[Element] = field(default_factory=set)
    _samples: bool = False

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
            self._samples |= mode.has_sampled
            self._blind[element] = ", ".join(mode.lost.names)
            self._spread[element] = ", ".join(mode.spreading)
            if self._not_held(mode, element):
                self.failures[element] = self._why_not_held(mode, element)

        if self.runs_at_once > 1:
            # Samples that mix, or a batch size that forward is not written for: on their own, then.
            self._alone = {*self._run(elements, [none, whole], note)}
        else:
            self._alone = {*elements}
        left = [element for element in elements if element in self._alone]
        for mask, visit, what in ((none, _refuse_nan, ""), (whole, note, " on NaN")):
            if left:
                failed = self._run(left, [mask], visit)
                self._fail(failed, what)
                left = [element for element in left if element not in failed]

    def _fail(self, failed: Mapping[Element, Exception], what: str) -> None:
        for element, error in failed.items():
            told = " ".join(str(error).split())
            if not isinstance(error, RfgraphError):
                told = f"the model does not run{what}: {type(error).__name__}: {told}"
            self.failures.setdefault(element, told[:_LONGEST])

    def _not_held(self, mode: CarriedNaN, element: Element) -> frozenset[str]:
        """Return the mixers before a local element that this run could not hold."""
        if element.scope == "total":
            return frozenset()
        return mixers_before(element.node, self.mixers) - mode.held

    def _why_not_held(self, mode: CarriedNaN, element: Element) -> str:
        missing = min(self._not_held(mode, element))
        return f"{missing} mixes a whole axis and could not be held constant"

    def blind(self, element: Element) -> str:
        """Return the operators before the element that swallow NaN, joined; empty for none."""
        return self._blind.get(element, "")

    def spread(self, element: Element) -> str:
        """Return the operators before the element that may spread NaN, joined; empty for none."""
        return self._spread.get(element, "")

    def answers(self, questions: Sequence[Question]) -> list[bool]:
        """Return the answers to questions about elements of one input and scope.

        An element of which a pass could not tell gets no for an answer, and a failure.
        """
        order = sorted(range(len(questions)), key=lambda k: questions[k].element.order)
        # Equal masks share a sample; what must not share a pass is kept apart.
        passes: dict[tuple[bool, bool], dict[bytes, list[int]]] = {}
        for k in order:
            asked = questions[k]
            kind = (asked.element in self._alone, asked.accuses and self._samples)
            passes.setdefault(kind, {}).setdefault(asked.mask.tobytes(), []).append(k)
        found = [False] * len(questions)
        for (alone, is_strict), unique in passes.items():
            size = 1 if alone else self.runs_at_once
            masks = list(unique.values())
            for begin in range(0, len(masks), size):
                group = masks[begin : begin + size]
                self._answer(questions, group, found, SURE_WEIGHT if is_strict else ANY_WEIGHT)
        return found

    def _answer(
        self,
        questions: Sequence[Question],
        group: Sequence[Sequence[int]],
        found: list[bool],
        sampled: float,
    ) -> None:
        """Fill in the answers to groups of questions with equal masks, from one pass."""
        asked = list(dict.fromkeys(questions[k].element for ks in group for k in ks))
        asked = [element for element in asked if element not in self.failures]
        if not asked:
            return
        seen: dict[Element, Tensor] = {}

        def note(_mode: CarriedNaN, element: Element, hits: Tensor) -> None:
            seen[element] = hits

        masks = [questions[ks[0]].mask for ks in group]
        failed = self._run(asked, masks, note, sampled)
        if failed and len(group) > 1:
            # Perhaps so many samples are too many.
            self._alone |= {*failed}
            for ks in group:
                left = [k for k in ks if questions[k].element in failed]
                if left:
                    self._answer(questions, [left], found, sampled)
        else:
            self._fail(failed, " on NaN")
        for row, ks in enumerate(group):
            for k in ks:
                if questions[k].element in seen:
                    found[k] = bool(seen[questions[k].element][row])

    def _run(
        self,
        elements: Sequence[Element],
        masks: Sequence[BoolArray],
        note: Callable[[CarriedNaN, Element, Tensor], None],
        sampled: float = ANY_WEIGHT,
    ) -> dict[Element, Exception]:
        """Run once with one batch per mask, and note whether each element is NaN.

        Returns:
            The elements that were not noted, and why. One that cannot be looked at leaves the
            others alone, and an operator that fails leaves those before it.
        """
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
            sampled=sampled,
        )
        by_place: dict[Place, list[Element]] = {}
        for element in elements:
            by_place.setdefault(element.place, []).append(element)
        failed: dict[Element, Exception] = {}
        noted: set[Element] = set()

        def look_at(value: Tensor, element: Element) -> None:
            try:
                note(mode, element, torch.stack(nan_in(value, element)))
                noted.add(element)
            except RfgraphError as error:
                failed[element] = error

        def nan_in(value: Tensor, element: Element) -> list[Tensor]:
            if runs == 1:
                check_shape(value, element.node.shape, element.node)
                parts = [value[element.index]]
            else:
                rows, *rest = element.node.shape or (0,)
                if tuple(value.shape) != (runs * rows, *rest) or self._not_held(mode, element):
                    raise _MixedError
                parts = [value[r * rows : (r + 1) * rows][element.index] for r in range(runs)]
            return [part.isnan().any() for part in parts]

        def visit(wanted: list[Element]) -> Callable[[Tensor], None]:
            def look(value: Tensor) -> None:
                for element in wanted:
                    look_at(value, element)

            return look

        try:
            with ExitStack() as stack:
                stack.enter_context(torch.no_grad())
                stack.enter_context(sdpa_kernel([SDPBackend.MATH]))
                stack.enter_context(mode.following())
                visits = {p: visit(w) for p, w in by_place.items()}
                observe(self.model, call.args, call.kwargs, visits)
        except Exception as error:  # noqa: BLE001 -- whatever a model raises is told
            for element in elements:
                if element not in noted:
                    failed.setdefault(element, error)
        self.forwards += runs
        return failed


class _MixedError(RfgraphError):
    """Samples of one pass do not stay apart."""

    def __init__(self) -> None:
        super().__init__("samples that share a pass do not stay apart")


def _refuse_nan(_mode: CarriedNaN, element: Element, hits: Tensor) -> None:
    if bool(hits.any()):
        raise RfgraphError(f"{element.node.name} is NaN on clean data, where NaN shows nothing")


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
