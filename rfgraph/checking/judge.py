"""From what a method saw to verdicts, axis by axis."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

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
            asked += [
                Question(element, lines(element.footprint, k, end), accuses=False)
                for end in predicted
            ]
    return asked


def answers_about(taint: TaintMethod, elements: Sequence[Element]) -> dict[Element, list[bool]]:
    """Return the answers to :func:`questions_about` each element."""
    asked = {element: questions_about(element) for element in elements}
    answered = iter(taint.answers([q for questions in asked.values() for q in questions]))
    return {e: [next(answered) for _ in questions] for e, questions in asked.items()}


def untold(taint: TaintMethod, element: Element, answers: Sequence[bool]) -> str:
    """Return why the answers to :func:`questions_about` an element tell nothing; empty if they do.

    Args:
        taint: The method that gave them, for what misleads it.
        element: The element.
        answers: The answers.
    """
    if element in taint.failures:
        return taint.failures[element]
    leaks = answers[0]
    if leaks and (spread := taint.spread(element)):
        return f"NaN from outside arrives, perhaps through {spread}"
    if not leaks and (blind := taint.blind(element)):
        return f"{blind} can swallow NaN on the way"
    return ""


def judge_taint(
    element: Element, answers: Sequence[bool], extent: Sequence[Hull] | None
) -> list[tuple[Verdict, Hull, str]]:
    """Return verdict, observed hull and reason along each axis.

    Args:
        element: The element.
        answers: To its :func:`questions_about`.
        extent: How far it really sees along each axis; None if nothing says that this is not what
            was predicted, or if it cannot be found out.
    """
    leaks, *ends = answers
    observed: list[Hull] = []
    replies = iter(ends)
    for k, predicted in enumerate(element.hulls):
        seen = predicted if extent is None else extent[k]
        # An end that was seen alone was seen, whatever a band around it says.
        own = () if predicted is None else tuple(e for e in predicted if next(replies))
        observed.append((min(*own, *(seen or ())), max(*own, *(seen or ()))) if own else seen)
    return _compare(
        element, observed, _why_loose(element, "NaN at an end does not reach it"), leaks=leaks
    )
