"""An output depends on the future, where the configuration declares causality.

With `causal: [2]` no output may read positions of axis 2 that come after it. Outputs are lined up
with the input at the end: the last output may read everything, and one step back in the output is
one jump back in the input. So valid convolutions and strided blocks count as causal (their latency
is no look-ahead), and symmetric padding does not. An output without that axis has no position to
look ahead from.

The check is exact at every position, borders included.

Literature: van den Oord et al., WaveNet, 2016, section 2.1 (causal convolution). Bai, Kolter and
Koltun, An Empirical Evaluation of Generic Convolutional and Recurrent Networks, 2018 (TCN).
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from math import ceil
from typing import TYPE_CHECKING

from rfgraph.auditing.finding import Severity
from rfgraph.auditing.rule import Problem, Rule

if TYPE_CHECKING:
    from rfgraph.analysis import Node
    from rfgraph.auditing.subject import Subject


def check(subject: Subject) -> Iterator[Problem]:
    """Compare the last position that each output element reads with its own."""
    for axis in subject.options.causal:
        for input_name, info in subject.analysis.inputs.items():
            wanted = axis % len(info.shape) if -len(info.shape) <= axis < len(info.shape) else axis
            if wanted not in info.axes:
                yield Problem(
                    input_name,
                    f"axis {axis} is declared causal, but the analysed axes of {input_name} are "
                    f"{', '.join(map(str, info.axes))}",
                )
                continue
            place = info.axes.index(wanted)
            for output_name, output in subject.analysis.outputs.items():
                ahead = look_ahead(output, input_name, place)
                if ahead is not None:
                    culprit = _first(subject, output, input_name, place)
                    yield Problem(
                        culprit.name,
                        f"{output_name} looks {ahead} ahead along axis {wanted} of {input_name}; "
                        "the look-ahead enters here",
                    )


def look_ahead(node: Node, input_name: str, place: int) -> str | None:
    """How far a node reads beyond its own position, in words; None if it does not.

    Args:
        node: The node.
        input_name: The input.
        place: Which of the input's analysed axes.
    """
    field = node.fields[input_name].axes[place]
    if not field.reaches:
        return None
    if field.along is None and not node.spatial_axes:
        return None  # one answer for the whole signal: nothing is ahead of it
    if node.status.value == "unknown":
        return "by an amount that cannot be told"
    if field.is_global:
        return "without bound"
    if field.local is None or field.along is None or not field.resolved:
        return "by an amount that cannot be told"
    length = node.shape[field.along]
    jump = Fraction(field.length, length) if field.jump is None else Fraction(field.jump)
    worst = 0
    for position in range(length):
        seen = field.local.at(position)
        if not seen:
            continue
        own = ceil(field.length - 1 - (length - 1 - position) * jump)
        worst = max(worst, min(seen.last, field.length - 1) - own)
    return f"{worst} position{'' if worst == 1 else 's'}" if worst else None


def _first(subject: Subject, node: Node, input_name: str, place: int) -> Node:
    """The node that the look-ahead of a node comes from: none of its sources looks ahead."""
    while True:
        before = next(
            (
                source
                for source in map(subject.analysis.__getitem__, node.sources)
                if look_ahead(source, input_name, place) is not None
            ),
            None,
        )
        if before is None:
            return node
        node = before


RULE = Rule(
    "RF502",
    "look-ahead",
    Severity.ERROR,
    check,
    "Pad only before the signal, mask attention causally, and normalise per step.",
)
