"""From what a method saw to verdicts, axis by axis."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from rfgraph.checking.element import Element, hull
from rfgraph.checking.finding import CheckFinding, Hull, Verdict
from rfgraph.checking.gradient import Seen
from rfgraph.checking.taint import Question, TaintMethod, lines
from rfgraph.propagation.note import Status


def findings(
    element: Element,
    method: str,
    verdicts: Sequence[tuple[Verdict, Hull, str]],
) -> Iterator[CheckFinding]:
    """Yield one finding per axis from (verdict, observed, reason)."""
    for k, (axis, (verdict, observed, reason)) in enumerate(
        zip(element.axes, verdicts, strict=True)
    ):
        yield CheckFinding(
            node=element.node.name,
            position=element.position,
            input=element.input,
            axis=axis,
            scope=element.scope,
            method=method,
            shape=element.node.analysis.inputs[element.input].shape,
            predicted=element.hulls[k],
            observed=observed,
            clipped=element.clipped[k],
            verdict=verdict,
            reason=reason,
        )


def inconclusive(element: Element, reason: str) -> list[tuple[Verdict, Hull, str]]:
    """Return that nothing can be told along any axis."""
    return [(Verdict.INCONCLUSIVE, None, reason)] * len(element.axes)


def judge_gradient(element: Element, seen: Seen, *, raw: bool) -> list[tuple[Verdict, Hull, str]]:
    """Return verdict, observed hull and reason along each axis.

    What was seen outside was seen; that nothing was is no proof behind a function without a
    derivative.
    """
    found = judge_support(element, seen, raw=raw)
    if not seen.lost:
        return found
    why = f"{', '.join(seen.lost)} {'has' if len(seen.lost) == 1 else 'have'} no derivative"
    return [
        one if one[0] is Verdict.VIOLATED else (Verdict.INCONCLUSIVE, None, why) for one in found
    ]


def judge_support(element: Element, seen: Seen, *, raw: bool) -> list[tuple[Verdict, Hull, str]]:
    """Return what the support says if every function has a derivative."""
    if seen.support is None:
        return inconclusive(element, seen.reason)
    if not seen.support.any() and element.footprint.any():
        return inconclusive(element, "the gradient is zero everywhere, which shows nothing")
    observed = [hull(seen.support, k) for k in range(len(element.axes))]
    leaks = bool((seen.support & ~element.footprint).any())
    return _compare(
        element, observed, _why_loose(element, "no gradient at an end", raw=raw), leaks=leaks
    )


def _compare(
    element: Element, observed: Sequence[Hull], loose: str, *, leaks: bool
) -> list[tuple[Verdict, Hull, str]]:
    """Return what observed hulls say of the predicted ones.

    Args:
        element: The element.
        observed: Its hull along each axis.
        loose: The reason to give where an end was not seen.
        leaks: Whether anything outside the footprint was seen.
    """
    outside = [_exceeds(o, p) for o, p in zip(observed, element.hulls, strict=True)]
    found: list[tuple[Verdict, Hull, str]] = []
    for seen, predicted, beyond in zip(observed, element.hulls, outside, strict=True):
        if beyond:
            why = f"it depends on {_span(seen)}, outside the predicted {_span(predicted)}"
            found.append((Verdict.VIOLATED, seen, why))
        elif leaks and not any(outside):
            why = "it depends on positions inside the hull that the footprint leaves out"
            found.append((Verdict.VIOLATED, seen, why))
        elif seen != predicted:
            found.append((Verdict.LOOSE, seen, loose))
        else:
            found.append((Verdict.EXACT, seen, ""))
    return found


def _span(seen: Hull) -> str:
    return "nothing" if seen is None else f"{seen[0]}–{seen[1]}"


def _exceeds(observed: Hull, predicted: Hull) -> bool:
    if observed is None:
        return False
    return predicted is None or observed[0] < predicted[0] or observed[1] > predicted[1]


def _why_loose(element: Element, what: str, *, raw: bool = False) -> str:
    if element.node.status is not Status.EXACT:
        return f"{what}; the analysis claims no more than {element.node.reasons[0]}"
    return f"{what}; without substitutions that can be luck" if raw else what


def questions_about(element: Element) -> list[Question]:
    """Return what is asked of one element: all outside, then both ends along each axis."""
    asked = [Question(element, ~element.footprint)]
    for k, predicted in enumerate(element.hulls):
        if predicted is not None:
            asked += [Question(element, lines(element.footprint, k, end)) for end in predicted]
    return asked


def judge_taint(
    taint: TaintMethod, element: Element, answers: Sequence[bool]
) -> list[tuple[Verdict, Hull, str]]:
    """Return verdict, observed hull and reason along each axis.

    Args:
        taint: The method, for what misleads it and for where a wrong region really ends.
        element: The element.
        answers: To its :func:`questions_about`.
    """
    leaks, *ends = answers
    if leaks and (spread := taint.spread(element)):
        return inconclusive(element, f"NaN from outside arrives, perhaps through {spread}")
    blind = taint.blind(element)
    if blind and not leaks:
        return inconclusive(element, f"{blind} can swallow NaN on the way")
    if not leaks and all(ends):
        return [(Verdict.EXACT, predicted, "") for predicted in element.hulls]
    loose = _why_loose(element, "NaN at an end does not reach it")
    return _compare(element, _extent(taint, element), loose, leaks=leaks)


def _extent(taint: TaintMethod, element: Element) -> list[Hull]:
    """Return how far the element really sees along each axis, by bisection with half-planes."""
    found: list[Hull] = []
    for k, length in enumerate(element.footprint.shape):
        last = length - 1
        if not _reaches(taint, element, k, 0, last):
            found.append(None)
            continue
        low, high = 0, last
        while low < high:
            middle = (low + high) // 2
            if _reaches(taint, element, k, 0, middle):
                high = middle
            else:
                low = middle + 1
        first, high = low, last
        while low < high:
            middle = (low + high + 1) // 2
            if _reaches(taint, element, k, middle, last):
                low = middle
            else:
                high = middle - 1
        found.append((first, low))
    return found


def _reaches(taint: TaintMethod, element: Element, k: int, first: int, last: int) -> bool:
    """Whether NaN at all positions with index `first` to `last` along axis `k` reaches it."""
    band = np.zeros_like(element.footprint)
    band[tuple(slice(first, last + 1) if a == k else slice(None) for a in range(band.ndim))] = True
    return taint.answers([Question(element, band)])[0]
