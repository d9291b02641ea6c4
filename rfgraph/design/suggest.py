"""Which single changes give a node a wanted field: each is tried on a copy and analysed."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from fractions import Fraction
from math import ceil
from typing import Any

import networkx as nx
from torch import nn

from rfgraph.analysis import Analysis, Node, analyze
from rfgraph.capture import make_inputs
from rfgraph.design.change import (
    KINDS,
    MAXIMA,
    WINDOWS,
    Change,
    Kind,
    copied,
    dimensions,
    gain,
    setting,
)
from rfgraph.design.cost import Cost, cost
from rfgraph.design.suggestions import Refusal, Suggestion, Suggestions, cost_key
from rfgraph.errors import CaptureError, DesignError

ATTEMPTS = 6
"""Sizes of one change that are tried: one is enough unless other branches are wider."""

STRIDES = (2, 3, 4)
"""Factors that strides are tried with."""


@dataclass(frozen=True)
class _Question:
    """What is asked of every changed model."""

    model: nn.Module
    how: Mapping[str, Any]
    node: str | None
    analysis: Analysis
    wanted: Node
    target: tuple[int | None, ...]


@dataclass(frozen=True)
class _Window:
    """A module that can be changed, and where it stands.

    Attributes:
        path: Its path.
        module: The module.
        place: What its first call returned.
        calls: How many of its calls the wanted node depends on.
        dims: Spatial axis of the module that carries each analysed axis; None where none does.
    """

    path: str
    module: nn.Module
    place: Node
    calls: int
    dims: tuple[int | None, ...]


class _CannotError(Exception):
    """A change that cannot be made or does not help; the text says why."""


def suggest(
    model: nn.Module,
    inputs: Any = None,
    node: str | Node | None = None,
    *,
    target_size: int | Sequence[int | None],
    changes: Collection[str] = KINDS,
    within: str = "*",
    kwargs: Mapping[str, Any] | None = None,
    axes: int | Sequence[int] | Mapping[str, Sequence[int]] | None = None,
    layout: str | Mapping[str, str] | None = None,
) -> Suggestions:
    """The single changes after which a node's local field is as large as wanted.

    Every change of a convolution or pooling that the node depends on is tried on a copy of the
    model, at the smallest amount that reaches the field, and the copy is analysed. The model itself
    is left as it is. Maps keep their size by padding, except behind larger strides.

    Args:
        model: The model.
        inputs: As for :func:`rfgraph.analyze`.
        node: An output, a node or a module path; the first output by default.
        target_size: Input positions that an element is to see at least, for all analysed axes or
            one each; None for an axis that may stay as it is.
        changes: What to try: ``"dilation"``, ``"kernel"``, ``"stride"``, ``"block"``.
        within: Only modules whose path matches, such as ``"layer3*"``.
        kwargs: As for :func:`rfgraph.analyze`.
        axes: As for :func:`rfgraph.analyze`.
        layout: As for :func:`rfgraph.analyze`.

    Raises:
        DesignError: The node has no local field along a wanted axis, its field is as large already,
            the target or the changes make no sense, no module matches, or the model cannot be
            copied.
        NodeNotFoundError: There is no such node.
    """
    if not isinstance(model, nn.Module):
        raise DesignError(f"Changes are tried on an nn.Module; got a {type(model).__name__}.")
    strange = sorted(set(changes) - set(KINDS))
    if strange:
        raise DesignError(f"changes= takes {', '.join(KINDS)}; got {', '.join(strange)}.")
    how = {"inputs": inputs, "kwargs": kwargs, "axes": axes, "layout": layout}
    analysis = analyze(model, **how)
    name = node.name if isinstance(node, Node) else node
    wanted = _find(analysis, name)
    question = _Question(model, how, name, analysis, wanted, _target(wanted, target_size))
    windows = [w for w in _windows(model, analysis, wanted) if fnmatchcase(w.path, within)]
    if not windows:
        raise DesignError(
            f"{wanted.name} depends on no convolution or pooling module whose path matches "
            f"'{within}', so there is nothing to change."
        )
    args, named = ((), {}) if inputs is None else make_inputs(model, inputs, kwargs=kwargs)
    named = {**named, **(kwargs or {})}
    base = cost(copied(model).eval(), args, named)
    found: list[Suggestion] = []
    refused: list[Refusal] = []
    for window in windows:
        for kind in (k for k in KINDS if k in changes):
            try:
                change, seen = _smallest(question, window, kind)
            except (_CannotError, DesignError) as error:
                refused.append(Refusal(kind, window.path, str(error).rstrip(".")))
                continue
            now = cost(change.applied_to(model, drawn=False).eval(), args, named)
            found.append(_suggestion(question, change, seen, base, now))
    found.sort(key=cost_key)
    return Suggestions(
        wanted.name, wanted.field.size, question.target, base, tuple(found), tuple(refused)
    )


def _suggestion(
    question: _Question, change: Change, seen: Node, base: Cost, now: Cost
) -> Suggestion:
    """What a change that reaches the target is reported as."""
    adds, before = now.multiply_adds, base.multiply_adds
    return Suggestion(
        change,
        change.describe(question.model),
        size=seen.field.size,
        support=seen.field.support,
        added=_minus(seen.field.size, question.wanted.field.size),
        shape=seen.shape,
        looks_ahead=any(
            was and not still
            for was, still in zip(_back(question.wanted), _back(seen), strict=True)
        ),
        cost=now,
        added_parameters=now.parameters - base.parameters,
        added_multiply_adds=None if adds is None or before is None else adds - before,
        status=seen.status,
    )


def _find(analysis: Analysis, name: str | None) -> Node:
    """An output, what a module returned (an extra block included), or a node."""
    if name is None or name in analysis.outputs:
        return analysis.output(name)
    returned = analysis.modules.get(name)
    return returned[0] if returned else analysis[name]


def _target(node: Node, wanted: int | Sequence[int | None]) -> tuple[int | None, ...]:
    size = node.field.size
    given = (wanted,) * len(size) if isinstance(wanted, int) else tuple(wanted)
    if len(given) != len(size) or any(n is not None and n < 1 for n in given):
        raise DesignError(
            f"target_size= takes a positive number of input positions, or one for each of the "
            f"{len(size)} analysed axes; got {wanted!r}."
        )
    for n, s in zip(given, size, strict=True):
        if n is not None and s is None:
            raise DesignError(
                f"{node.name} has no local field along every wanted axis, so there is none to "
                "enlarge; ask for a node before the one that mixes the whole axis."
            )
    if all(n is None or (s is not None and s >= n) for n, s in zip(given, size, strict=True)):
        have = "×".join(map(str, size))
        raise DesignError(f"{node.name} sees {have} already; ask for more than that.")
    return given


def _windows(model: nn.Module, analysis: Analysis, wanted: Node) -> Iterator[_Window]:
    """The modules that can be changed and that the node depends on, in execution order."""
    upstream = nx.ancestors(analysis.graph, wanted.name) | {wanted.name}
    modules = dict(model.named_modules())
    for path, places in analysis.modules.items():
        module = modules.get(path)
        used = [place for place in places if place.name in upstream]
        if not used or not isinstance(module, WINDOWS):
            continue
        place = used[0]
        offset = len(place.shape) - dimensions(module)
        along = [axis.along for axis in place.field.axes]
        dims = tuple(None if a is None or a < offset else a - offset for a in along)
        yield _Window(path, module, place, len(used), dims)


def _smallest(question: _Question, window: _Window, kind: Kind) -> tuple[Change, Node]:
    """The smallest change of one kind that reaches the target, and the node after it.

    Each step can add at most gain times jump times calls, so that no amount is passed over.
    """
    count = dimensions(window.module)
    back = [False] * count
    for k, looks_back in enumerate(_back(question.wanted)):
        if (dim := window.dims[k]) is not None:
            back[dim] = looks_back
    channels = window.place.shape[len(window.place.shape) - count - 1]
    steps = [0] * count
    size = question.wanted.field.size
    if kind == "stride":
        return _strided(question, window, Change(kind, window.path, (1,) * count, tuple(back), 0))
    gains = gain(kind, window.module, back)
    for _ in range(ATTEMPTS):
        for k, missing in enumerate(_missing(question.target, size)):
            if missing <= 0:
                continue
            dim, jump = window.dims[k], window.place.field.jump[k]
            if dim is None or jump is None:
                raise _CannotError("a wanted axis does not run along it")
            if kind != "block":
                jump = Fraction(jump) / setting(window.module, "stride")[dim]
            each = gains[dim] * abs(Fraction(jump)) * window.calls
            if each == 0:
                raise _CannotError("its kernel is 1 along a wanted axis, which dilation leaves")
            steps[dim] += ceil(missing / each)
            if isinstance(window.module, MAXIMA) and gains[dim] * steps[dim] % 2:
                steps[dim] += 1  # a pooling is padded by as much on both sides
        change = Change(kind, window.path, tuple(steps), tuple(back), channels)
        seen = _tried(question, change)
        if _reached(question.target, seen.field.size):
            return change, seen
        size = seen.field.size
    raise _CannotError(
        f"{max(steps)} step{'s' * (max(steps) != 1)} leave the field at "
        f"{'×'.join(map(str, size))}, since other branches are wider or it reads another input"
    )


def _strided(question: _Question, window: _Window, still: Change) -> tuple[Change, Node]:
    """The smallest factor of a stride that reaches the target."""
    size: tuple[int | None, ...] = question.wanted.field.size
    for factor in STRIDES:
        steps = list(still.steps)
        for k, missing in enumerate(_missing(question.target, question.wanted.field.size)):
            dim = window.dims[k]
            if missing > 0 and dim is None:
                raise _CannotError("a wanted axis does not run along it")
            if missing > 0 and dim is not None:
                steps[dim] = factor
        change = Change(still.kind, still.module, tuple(steps), still.looks_back, 0)
        seen = _tried(question, change)
        size = seen.field.size
        if _reached(question.target, size):
            return change, seen
    raise _CannotError(
        f"a stride {STRIDES[-1]} times as large leaves the field at {'×'.join(map(str, size))}"
    )


def _tried(question: _Question, change: Change) -> Node:
    """The node after a change."""
    try:
        analysis = analyze(change.applied_to(question.model, drawn=False), **question.how)
    except CaptureError as error:
        reason = str(error).partition("; check that")[0]
        raise _CannotError(f"the changed model does not run: {reason}") from error
    seen = _find(analysis, question.node)
    if any(s is None for s, t in zip(seen.field.size, question.target, strict=True) if t):
        raise _CannotError("the changed node has no local field")
    if change.kind == "stride":
        return seen
    pairs = [(question.wanted, seen)]
    pairs += [(o, analysis.outputs[name]) for name, o in question.analysis.outputs.items()]
    for before, after in pairs:
        if before.shape != after.shape:
            raise _CannotError(f"{before.name} changes its shape, {before.shape} to {after.shape}")
    return seen


def _back(node: Node) -> tuple[bool, ...]:
    """Per analysed axis, whether an element sees some positions before its own and none after."""
    return tuple(
        axis.start is not None
        and axis.size is not None
        and axis.start < 0
        and axis.start + axis.size <= 1
        for axis in node.field.axes
    )


def _missing(target: tuple[int | None, ...], size: tuple[int | None, ...]) -> list[int]:
    return [0 if t is None or s is None else t - s for t, s in zip(target, size, strict=True)]


def _reached(target: tuple[int | None, ...], size: tuple[int | None, ...]) -> bool:
    return all(missing <= 0 for missing in _missing(target, size))


def _minus(size: tuple[int | None, ...], before: tuple[int | None, ...]) -> tuple[int | None, ...]:
    return tuple(
        None if s is None or b is None else s - b for s, b in zip(size, before, strict=True)
    )
