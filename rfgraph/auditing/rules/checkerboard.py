"""A transposed convolution whose kernel is no multiple of its stride: checkerboard patterns.

The outputs between two inputs then receive different numbers of taps, 1 and 2 in turn for kernel 3
and stride 2, so that the unevenness must be unlearned everywhere and usually shows as a
checkerboard. A kernel smaller than the stride even leaves outputs that see no input at all.

Literature: Odena, Dumoulin and Olah, Deconvolution and Checkerboard Artifacts, Distill 2016.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING

from rfgraph.auditing.finding import Severity
from rfgraph.auditing.rule import Problem, Rule
from rfgraph.auditing.subject import axes_text

if TYPE_CHECKING:
    from rfgraph.auditing.subject import Subject


def check(subject: Subject) -> Iterator[Problem]:
    """Count the taps that each phase of the output receives."""
    for node, window, _ in subject.windows:
        if not window.transposed:
            continue
        for k, s, d in zip(window.kernel, window.stride, window.dilation, strict=True):
            received = Counter(tap * d % s for tap in range(k))
            counts = [received[phase] for phase in range(s)]
            if min(counts) != max(counts):
                yield Problem(
                    node.name,
                    f"outputs receive {min(counts)} to {max(counts)} taps per axis in turn, for "
                    f"kernel {axes_text(window.kernel)} is no multiple of stride "
                    f"{axes_text(window.stride)}",
                )
                break


RULE = Rule(
    "RF204",
    "checkerboard",
    Severity.WARNING,
    check,
    "Make the kernel a multiple of the stride (4 for stride 2), or resize and then convolve.",
)
