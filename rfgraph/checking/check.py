"""`rfgraph.check`: predicted fields against the eager model."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

import torch
from torch import nn

from rfgraph.analysis import Analysis, Node, analyze
from rfgraph.capture.preserve import default_device, process_state
from rfgraph.checking.advice import advice_on
from rfgraph.checking.arguments import make_arguments
from rfgraph.checking.element import (
    Element,
    choose_nodes,
    choose_positions,
    complex_inputs,
    elements_of,
)
from rfgraph.checking.enlarge import wanted_shape, whole_position
from rfgraph.checking.extent import extents
from rfgraph.checking.finding import CheckFinding, Hull, Verdict
from rfgraph.checking.gradient import GradientMethod, Seen
from rfgraph.checking.judge import (
    answers_about,
    findings,
    inconclusive,
    judge_gradient,
    judge_support,
    judge_taint,
    untold,
)
from rfgraph.checking.memory import gradient_bytes, spell, taint_bytes
from rfgraph.checking.mixers import global_mixers
from rfgraph.checking.result import CheckResult
from rfgraph.checking.taint import TaintMethod, unique_inputs
from rfgraph.eager import private_copy, put, recording_tensors
from rfgraph.errors import InputError, RfgraphError
from rfgraph.rules.rule_set import RuleSet

Method = Literal["gradient", "taint", "both"]
Verdicts = Sequence[tuple[Verdict, Hull, str]]

BUDGET = 2 * 2**30
_MOST_RUNS = 64


def check(
    model: nn.Module,
    inputs: Any = None,
    *,
    nodes: Sequence[str] | str | None = None,
    positions: Sequence[Sequence[int]] | None = None,
    method: Method = "both",
    count: int = 10,
    draws: int = 2,
    raw: bool = False,
    enlarge: bool = True,
    budget: int = BUDGET,
    kwargs: Mapping[str, Any] | None = None,
    axes: int | Sequence[int] | Mapping[str, Sequence[int]] | None = None,
    layout: str | Mapping[str, str] | None = None,
    rules: RuleSet | None = None,
    progress: Callable[[int, int], object] | None = None,
) -> CheckResult:
    """Findings on predicted fields from runs of the model itself.

    A copy of the model runs its own forward, in eval mode, never the captured graph; the model is
    left as it was found. What is compared is the exact footprint of each position, over all paths
    (scope ``"total"``) and, where a global path exists beside a local one, over local paths with
    global mixers held constant (scope ``"local"``).

    Args:
        model: The model.
        inputs: Shapes or tensors, as for :func:`rfgraph.analyze`.
        nodes: Node or module paths, or patterns over what modules return and, where none of those
            fits, over what functions in a forward return (`layer1.*.add`); by default `count` of
            what modules return, spread over the depth.
        positions: Indices along each node's spatial axes; by default corners, borders, the middle,
            and a neighbour of it for each phase of a field that differs from position to position.
        method: ``"gradient"``, ``"taint"`` (NaN), or ``"both"``.
        count: How many nodes by default.
        draws: Draws of weights and inputs that the support of a gradient is united over; later ones
            only for elements that earlier ones leave open.
        raw: Take gradients without any substitution: the model's own weights, gates and precision.
        enlarge: Where a single input shape is given and cuts the fields, also check one whole field
            per node on a larger input that the model accepts and the budget allows.
        budget: Bytes that one pass may hold, estimated from shapes.
        kwargs: Keyword arguments of the model.
        axes: Analysed input axes.
        layout: A letter per input axis instead.
        rules: The operator rules whose predictions are checked.
        progress: Called with (elements checked, elements in all).

    Raises:
        InputError: An argument says nothing that can be done.
        NodeNotFoundError: A node does not exist, or a run of the model does not show it.
        IndexRangeError: A position lies outside a node.
        ModelError: The model cannot be copied and run.

    >>> from torch import nn
    >>> result = check(nn.Conv2d(3, 4, 3, padding=1), (1, 3, 8, 8))
    >>> result.ok, result.count("exact") == len(result.findings)
    (True, True)
    """
    if method not in ("gradient", "taint", "both"):
        raise InputError(f"There is no method {method!r}; use gradient, taint or both.")
    numbers: tuple[tuple[str, object], ...] = (
        ("count", count), ("draws", draws), ("budget", budget),
    )  # fmt: skip
    for name, value in numbers:
        if not isinstance(value, int) or value < 1:
            raise InputError(f"{name} is a whole number, at least 1; {value} is not.")
    methods = ("gradient", "taint") if method == "both" else (method,)
    # What torch.compile returns is a wrapper, whose forward names no argument.
    model = getattr(model, "_orig_mod", model)

    def analyzed(call: Any) -> Analysis:
        return analyze(model, call, kwargs=kwargs, axes=axes, layout=layout, rules=rules)

    analysis = analyzed(inputs)
    # Given positions are meant for what modules return, and may lie outside of what is between.
    chosen = choose_nodes(analysis, nodes, count, inner=positions is None)
    elements = [
        element
        for node in chosen
        for position in choose_positions(node, positions)
        for element in elements_of(node, position)
    ]
    run = _Run(model, methods, raw=raw, draws=draws, budget=budget, kwargs=kwargs)
    if names := complex_inputs(analysis):
        run.notes.append(f"Complex inputs are not followed: {', '.join(names)}.")
    parts = [(analysis, inputs, elements)]
    if enlarge and positions is None:
        larger = _larger(analysis, inputs, chosen, budget=budget, again=analyzed, notes=run.notes)
        if larger is not None:
            parts.append(larger)
    total = len(methods) * sum(len(found) for _, _, found in parts)
    run.progress = (lambda done: progress(done, total)) if progress else (lambda _done: None)
    with process_state(), default_device("cpu"), recording_tensors():
        for part in parts:
            run.add(*part)
    order = {node.name: k for k, node in enumerate(analysis)}
    found = tuple(sorted(run.findings, key=lambda f: order[f.node]))
    return CheckResult(
        found,
        tuple(sorted(run.substitutions)),
        tuple(run.notes),
        advice_on(analysis, found),
        run.cost,
    )


class _Run:
    """One check under way: its settings, and what it has found."""

    def __init__(
        self,
        model: nn.Module,
        methods: tuple[str, ...],
        *,
        raw: bool,
        draws: int,
        budget: int,
        kwargs: Mapping[str, Any] | None,
    ) -> None:
        self.model, self.methods, self.raw, self.draws = model, methods, raw, draws
        self.budget, self.kwargs = budget, kwargs
        self.findings: list[CheckFinding] = []
        self.substitutions: set[str] = set()
        self.notes: list[str] = []
        self.cost: dict[str, int] = {}
        self.progress: Callable[[int], object] = lambda _done: None
        self._done = 0

    def add(self, analysis: Analysis, inputs: Any, elements: Sequence[Element]) -> None:
        """Check elements of one analysis."""
        verdicts: dict[tuple[Element, str], Verdicts] = {}
        for method in self.methods:
            made = self._gradients if method == "gradient" else self._taints
            for element, found in made(analysis, inputs, elements).items():
                verdicts[element, method] = found
        for element in elements:
            for method in self.methods:
                self.findings += findings(element, method, verdicts[element, method])

    def _tell(self, count: int) -> None:
        self._done += count
        self.progress(self._done)

    def _gradients(
        self, analysis: Analysis, inputs: Any, elements: Sequence[Element]
    ) -> dict[Element, Verdicts]:
        found: dict[Element, Verdicts] = {}
        open_elements = []
        for element in elements:
            needed = gradient_bytes(analysis, element.node.name)
            if needed > self.budget:
                budget = spell(self.budget)
                why = f"a gradient needs about {spell(needed)}, over the budget of {budget}"
                found[element] = inconclusive(element, why)
            else:
                open_elements.append(element)
        for group in unique_inputs(open_elements).values():
            for element, seen in self._seen(analysis, inputs, group).items():
                found[element] = judge_gradient(element, seen, raw=self.raw)
            self._tell(len(group))
        return found

    def _seen(
        self,
        analysis: Analysis,
        inputs: Any,
        group: Sequence[Element],
    ) -> dict[Element, Seen]:
        """Return the union of supports over draws, stopping for each element that is settled.

        The first draw is in single precision, which is much faster: a gradient that is not zero
        proves dependence in any precision. What it leaves open, because the edges of wide fields
        vanish in it, is drawn again in double precision.
        """
        found = {element: Seen(None, "") for element in group}
        mixers = global_mixers(analysis)
        left = list(group)
        for draw in range(1, self.draws + 1):
            dtype = None if self.raw else torch.float32 if draw == 1 else torch.float64
            copied = put(private_copy(self.model), "cpu", dtype)
            arguments = make_arguments(self.model, inputs, self.kwargs, draw)
            way = GradientMethod(copied, arguments, mixers, self.raw, dtype)
            try:
                seen = way.supports(left, draw)
            except Exception as error:  # noqa: BLE001 -- whatever a model raises is told
                why = f"the model cannot be differentiated: {_short(error)}"
                for element in left:
                    found[element].reason = found[element].reason or why
                continue
            self.substitutions |= way.substitutions
            self._count("gradient forwards", 1)
            self._count("gradient backwards", way.backwards)
            for element, one in seen.items():
                found[element].join(one)
            left = [element for element in left if self._is_open(element, found[element])]
            if not left:
                break
        return found

    def _is_open(self, element: Element, seen: Seen) -> bool:
        """Whether another draw could change the verdict."""
        verdicts = {verdict for verdict, _, _ in judge_support(element, seen, raw=self.raw)}
        return verdicts != {Verdict.EXACT} and Verdict.VIOLATED not in verdicts

    def _taints(
        self, analysis: Analysis, inputs: Any, elements: Sequence[Element]
    ) -> dict[Element, Verdicts]:
        found: dict[Element, Verdicts] = {}
        needed = taint_bytes(analysis)
        if needed > self.budget:
            why = f"one run needs about {spell(needed)}, over the budget of {spell(self.budget)}"
            return {element: inconclusive(element, why) for element in elements}
        runs = min(max(self.budget // needed, 1), _MOST_RUNS)
        for group in unique_inputs(elements).values():
            found.update(self._tainted(analysis, inputs, group, runs))
            self._tell(len(group))
        return found

    def _single(self) -> torch.dtype | None:
        """Return single precision for models in half, whose kernels let NaN run over; else None."""
        halves = (torch.float16, torch.bfloat16)
        return torch.float32 if any(p.dtype in halves for p in self.model.parameters()) else None

    def _tainted(
        self, analysis: Analysis, inputs: Any, group: Sequence[Element], runs: int
    ) -> dict[Element, Verdicts]:
        """Return the verdicts of one group."""
        way = self._taint_method(analysis, inputs, runs, self._single())
        way.learn(group)
        told = {e: (way, answers) for e, answers in answers_about(way, group).items()}
        ways = [way]
        accused = [
            e for e, (_, answers) in told.items() if answers[0] and not untold(way, e, answers)
        ]
        if accused:
            # Other kernels run in double precision, and a forward may depend on how many samples
            # there are: what only shows in a stack in single precision is no violation.
            again = self._taint_method(analysis, inputs, 1, torch.float64)
            again.learn(accused)
            answered = answers_about(again, accused)
            is_same = all(answered[e] == told[e][1] for e in accused)
            told |= {e: (again, a) for e, a in answered.items() if e not in again.failures}
            ways.append(again)
            if is_same:
                # Nor does it depend on that, so that the search for the ends may stack.
                again.runs_at_once = max(runs // 2, 1)
                again.learn(accused)
        found: dict[Element, Verdicts] = {}
        for way in ways:
            own = {e: answers for e, (used, answers) in told.items() if used is way}
            why = {e: untold(way, e, answers) for e, answers in own.items()}
            found |= {e: inconclusive(e, reason) for e, reason in why.items() if reason}
            left = [e for e in own if not why[e]]
            seen = extents(way.answers, [e for e in left if own[e][0] or not all(own[e][1:])])
            for element in left:
                extent = None if element in way.failures else seen.get(element)
                found[element] = judge_taint(element, own[element], extent)
            self._count("taint samples", way.forwards)
        return {element: found[element] for element in group}

    def _taint_method(
        self, analysis: Analysis, inputs: Any, runs: int, dtype: torch.dtype | None
    ) -> TaintMethod:
        """Return the method in one precision; None for the model's own."""
        copied = put(private_copy(self.model), "cpu", dtype)
        arguments = make_arguments(self.model, inputs, self.kwargs, 0)
        return TaintMethod(copied, arguments, global_mixers(analysis), runs, dtype)

    def _count(self, what: str, number: int) -> None:
        self.cost[what] = self.cost.get(what, 0) + number


def _larger(
    analysis: Analysis,
    inputs: Any,
    chosen: Sequence[Node],
    *,
    budget: int,
    again: Callable[[Any], Analysis],
    notes: list[str],
) -> tuple[Analysis, Any, list[Element]] | None:
    """Return a larger input that holds whole fields, and one element of each node to check."""
    name = next(iter(analysis.inputs))
    wanted = {node: shape for node in chosen if (shape := wanted_shape(node, name)) is not None}
    if not wanted:
        return None
    left_out = "their clipped fields are checked"
    if not (isinstance(inputs, (tuple, list)) and inputs and all(type(n) is int for n in inputs)):
        notes.append(f"The given input cuts the fields of {_names(wanted)}; {left_out}.")
        return None
    fits = {}
    for node, shape in wanted.items():
        growth = 1.0
        for new, old in zip(shape, analysis.inputs[name].shape, strict=True):
            growth *= new / old
        if gradient_bytes(analysis, node.name) * growth <= budget:
            fits[node] = shape
    small = [node for node in wanted if node not in fits]
    if small:
        notes.append(
            f"An input that holds the fields of {_names(small)} would not fit the budget of "
            f"{spell(budget)}; {left_out}."
        )
    if not fits:
        return None
    shape = tuple(max(sizes) for sizes in zip(*fits.values(), strict=True))
    try:
        larger = again(shape)
    except RfgraphError as error:
        notes.append(
            f"The model does not accept {'×'.join(map(str, shape))}, in which the fields of "
            f"{_names(fits)} would fit ({_short(error)}); {left_out}."
        )
        return None
    elements = []
    for node in fits:
        if node.name not in larger or gradient_bytes(larger, node.name) > budget:
            continue
        twin = larger[node.name]
        position = whole_position(larger, twin, name)
        if position is not None:
            elements += elements_of(twin, position)
    return (larger, shape, elements) if elements else None


def _names(nodes: Any) -> str:
    names = [node.name for node in nodes]
    return ", ".join(names[:4]) + (", …" if len(names) > 4 else "")


def _short(error: Exception) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())}"[:160]
