"""The field has holes: input positions inside it that no path reads.

A dilated convolution skips positions between its taps. If no other layer fills them, neighbouring
outputs are computed from disjoint sets of pixels, which shows as a grid in dense predictions.

The finding names the dilated layer where the holes begin, if they last to the last feature map.
Holes that a later layer fills are no finding.

Literature: Wang et al., Understanding Convolution for Semantic Segmentation, WACV 2018 (gridding).
Yu, Koltun and Funkhouser, Dilated Residual Networks, CVPR 2017.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from rfgraph.auditing.finding import Severity
from rfgraph.auditing.rule import Problem, Rule
from rfgraph.auditing.subject import axes_text

if TYPE_CHECKING:
    from rfgraph.analysis import Node
    from rfgraph.auditing.subject import Subject


def check(subject: Subject) -> Iterator[Problem]:
    """Follow holes in last feature maps back to where they began."""
    seen = set()
    for last in last_local(subject):
        if not _has_holes(subject, last):
            continue
        for first in _beginnings(subject, last):
            window = first.window
            if first.name in seen or window is None or max(window.dilation) == 1:
                continue
            seen.add(first.name)
            field = last.fields[subject.main_input]
            yield Problem(
                first.name,
                f"{last.name} reads only {axes_text(field.support)} of {axes_text(field.size)} "
                f"positions per axis; the holes begin here, at dilation "
                f"{axes_text(window.dilation)}",
            )


def last_local(subject: Subject) -> list[Node]:
    """The last nodes with a local field on the ways to the outputs."""
    graph = subject.analysis.graph

    def is_local(node: Node) -> bool:
        return None not in node.fields[subject.main_input].size

    local = {node.name for node in subject.useful_nodes() if is_local(node)}
    return [
        subject.analysis[name]
        for name in local
        if not any(after in local for after in graph.succ[name])
    ]


def _has_holes(subject: Subject, node: Node) -> bool:
    field = node.fields[subject.main_input]
    return any(
        size is not None and support is not None and support < size
        for size, support in zip(field.size, field.support, strict=True)
    )


def _beginnings(subject: Subject, node: Node) -> list[Node]:
    """The nodes at the other end of the holes: they have some, and nothing that they read has."""
    found = []
    waiting = [node]
    visited = {node.name}
    while waiting:
        here = waiting.pop()
        before = [
            source
            for source in map(subject.analysis.__getitem__, here.sources)
            if _has_holes(subject, source)
        ]
        if not before:
            found.append(here)
        waiting += [source for source in before if source.name not in visited]
        visited.update(source.name for source in before)
    return found


RULE = Rule(
    "RF201",
    "gridding",
    Severity.WARNING,
    check,
    "Choose dilations without a common factor such as 1, 2, 5, or add an undilated convolution "
    "behind them.",
)
