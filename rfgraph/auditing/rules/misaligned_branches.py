"""Branches that meet with different jump or centre: what is added up does not belong together.

Where branches are added or concatenated, element i of each should look at the same place. A crop on
one side, an even kernel with one-sided padding or a stride with another offset shifts a branch by a
constant; unequal jumps shift it more with every step.

Downsampling by a strided convolution and upsampling by interpolation do not meet exactly: every
U-Net and feature pyramid on a ResNet is off by half the difference of their steps, and with
align_corners or sizes that do not divide, by up to one coarse step at the far end. Offsets that
resampling explains are one note for the whole model; anything more is a warning.

Branches that are slices of one tensor (space to depth, differences of neighbours) are meant to be
shifted and are no finding. Behind windowed attention all positions of a window share one field,
which is centred on none of them; the rule does not judge there.

Literature: Araujo, Norris and Sim, Computing Receptive Fields of Convolutional Neural Networks,
Distill 2019 (alignment criteria for multi-path networks). Ronneberger, Fischer and Brox, U-Net,
MICCAI 2015 (the crop that aligns).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, TypeAlias

from rfgraph.auditing.finding import Severity
from rfgraph.auditing.rule import Problem, Rule
from rfgraph.auditing.subject import axes_text

if TYPE_CHECKING:
    from rfgraph.analysis import Branch, Node
    from rfgraph.auditing.subject import Subject

Number: TypeAlias = int | Fraction

_CUTS = ("aten.slice", "aten.select", "aten.narrow", "aten.index", "aten.roll", "aten.flip",
         "aten.split", "aten.unbind", "aten.chunk")  # fmt: skip

_ATTENTION = ("aten.bmm", "aten.baddbmm", "aten._scaled_dot_product")


def check(subject: Subject) -> Iterator[Problem]:
    """Compare every branch of every merge with the first."""
    coarsest = _coarsest_jumps(subject)
    explained: list[tuple[str, str]] = []
    attended: set[str] = set()
    for node in subject.useful_nodes():
        if node.operator.startswith(_ATTENTION) or not attended.isdisjoint(node.sources):
            attended.add(node.name)
            continue
        branches = node.branches
        if all(branch.aligned for branch in branches) or _are_cuts(subject, branches):
            continue
        first = branches[0]
        for stray in branches[1:]:
            offset = _offset(node, first, stray)
            if stray.aligned or offset is None:
                continue
            message = f"{first.source} and {stray.source} meet with {offset.text}"
            limit = max(coarsest[first.source], coarsest[stray.source])
            if offset.within(limit):
                explained.append((node.name, message))
            else:
                yield Problem(node.name, message)
                break
    if explained:
        name, message = explained[0]
        rest = len(explained) - 1
        more = f"; so do {rest} more merges" if rest > 1 else "; so does another merge"
        told = f"{message}, as resampling leaves it{more if rest else ''}"
        yield Problem(name, told, Severity.NOTE, "Nothing, unless half a coarse step matters.")


@dataclass(frozen=True, slots=True)
class _Offset:
    """How far two branches are apart, per axis, in input positions.

    Attributes:
        text: The same in words.
        jumps: The jumps of the first branch.
        shifts: Distance of the centres, at the first element.
        drifts: What unequal jumps add up to, at the last element.
    """

    text: str
    jumps: tuple[Number, ...]
    shifts: tuple[Number, ...]
    drifts: tuple[Number, ...]

    def within(self, coarsest: Number) -> bool:
        """Whether resampling from a grid of that step explains the offset."""
        return all(
            drift <= coarsest if drift else 2 * shift <= coarsest - jump
            for jump, shift, drift in zip(self.jumps, self.shifts, self.drifts, strict=True)
        )


def _offset(node: Node, first: Branch, stray: Branch) -> _Offset | None:
    """How far two branches are apart; None where either has no pattern to compare."""
    jumps: list[Number] = []
    shifts: list[Number] = []
    drifts: list[Number] = []
    for a, b in zip(first.field.axes, stray.field.axes, strict=True):
        if a.local is None or b.local is None:
            continue
        if a.jump is None or b.jump is None or a.middle is None or b.middle is None:
            return None
        steps = 0 if a.along is None else node.shape[a.along] - 1
        jumps.append(a.jump)
        shifts.append(abs(b.middle - a.middle))
        drifts.append(abs(Fraction(b.jump) - a.jump) * steps)
    if any(drifts):
        both = axes_text(first.jump), axes_text(stray.jump)
        return _Offset(f"jump {both[0]} and {both[1]}", tuple(jumps), tuple(shifts), tuple(drifts))
    text = f"jump {axes_text(tuple(jumps))}, but centres {axes_text(tuple(shifts))} positions apart"
    return _Offset(text, tuple(jumps), tuple(shifts), tuple(drifts))


def _coarsest_jumps(subject: Subject) -> dict[str, Fraction]:
    """For every node the largest step on any way to it; of maps too small to show it, the cell."""
    coarsest: dict[str, Fraction] = {}
    for node in subject.analysis.nodes:
        largest = Fraction(0)
        for axis in node.fields[subject.main_input].axes:
            if axis.jump is not None:
                largest = max(largest, abs(Fraction(axis.jump)))
            elif axis.local is not None and axis.along is not None:
                largest = max(largest, Fraction(axis.length, node.shape[axis.along]))
        for source in node.sources:
            largest = max(largest, coarsest[source])
        coarsest[node.name] = largest
    return coarsest


def _are_cuts(subject: Subject, branches: Sequence[Branch]) -> bool:
    return all(subject.analysis[branch.source].operator.startswith(_CUTS) for branch in branches)


RULE = Rule(
    "RF301",
    "misaligned-branches",
    Severity.WARNING,
    check,
    "Give both branches the same total stride and the same padding before, or crop symmetrically.",
)
