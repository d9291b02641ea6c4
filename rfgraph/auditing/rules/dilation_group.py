"""A group of dilated convolutions that, taken by itself, reads a grid.

Hybrid dilated convolution (HDC) asks that the dilations of a group of layers have no common factor,
and that the group reads every position of the map that it starts from. A group such as 2, 2, 2
reads every second position in each direction; what fills the grid is only what came before it. A
group such as 1, 2, 9 has no common factor, but gaps between its taps; 1, 2, 5 has none.

The check composes the group exactly, shortcuts and the undilated convolution before it included,
where the paper bounds the distance of its taps.

This is a note: DeepLab and dilated ResNets are built this way and work, with artefacts that the
paper measures.

Literature: Wang et al., Understanding Convolution for Semantic Segmentation, WACV 2018, section 3.2
(HDC, equation 2).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import gcd
from typing import TYPE_CHECKING

from rfgraph.auditing.finding import Severity
from rfgraph.auditing.rule import Problem, Rule
from rfgraph.auditing.subject import axes_text

if TYPE_CHECKING:
    from rfgraph.analysis import Window
    from rfgraph.auditing.subject import Subject


def check(subject: Subject) -> Iterator[Problem]:
    """Compose each group of consecutive dilated convolutions on its own."""
    windows = {node.name: window for node, window, _ in subject.windows}
    for before, run in _groups(subject, windows):
        factor = gcd(*(rate for name in run for rate in windows[name].dilation))
        members = run if factor > 1 or before is None else (before, *run)
        start = subject.analysis[members[0]].sources[0]
        field = subject.analysis.between(start, run[-1]).field
        if all(size == support for size, support in zip(field.size, field.support, strict=True)):
            continue
        why = f", for {factor} divides all their dilations" if factor > 1 else ""
        yield Problem(
            run[0],
            f"the {len(members)} convolutions from {members[0]} to {run[-1]} read only "
            f"{axes_text(field.support)} of {axes_text(field.size)} positions per axis of "
            f"{start}{why}",
        )


def _groups(
    subject: Subject, windows: Mapping[str, Window]
) -> Iterator[tuple[str | None, tuple[str, ...]]]:
    """Runs of two or more dilated convolutions, each reading the one before.

    A convolution with a kernel but without dilation ends the run and may be the one before the
    next; a stride or a pooling ends it too. Of the runs that begin at one convolution the longest
    is returned.

    Yields:
        The undilated convolution before the run if there is one, and the run.
    """
    graph = subject.analysis.graph
    run_at: dict[str, tuple[str, ...]] = {}
    before_at: dict[str, str] = {}
    longest: dict[str, tuple[str | None, tuple[str, ...]]] = {}
    for name in graph.nodes:
        if name not in subject.useful:
            continue
        window = windows.get(name)
        run = max((run_at[s] for s in graph.pred[name] if s in run_at), key=len, default=())
        before = next((before_at[s] for s in graph.pred[name] if s in before_at), None)
        if window is not None and max(window.kernel) > 1:
            if max(window.stride) > 1 or window.transposed:
                continue
            if max(window.dilation) == 1:
                before_at[name] = name
                continue
            run = (*run, name)
            if len(run) > len(longest.get(run[0], (None, ()))[1]):
                longest[run[0]] = (before, run)
        if run:
            run_at[name] = run
        if before is not None:
            before_at[name] = before
    yield from (found for found in longest.values() if len(found[1]) > 1)


RULE = Rule(
    "RF202",
    "dilation-group",
    Severity.NOTE,
    check,
    "Choose dilations without a common factor such as 1, 2, 5, or put an undilated convolution "
    "into the group.",
)
