"""A stride larger than the window: features that were computed and that nothing reads.

A 1x1 convolution with stride 2 reads one position in four. That is harmless beside a branch that
reads the others, as in the shortcut of torchvision's ResNet; where all readers skip the same
positions, as in the original ResNet with its stride in the first 1x1 of each branch, three quarters
of the features are lost, and with them their computation.

The finding names the map of which positions go unread, and counts them exactly over all readers.

Literature: He et al., Bag of Tricks for Image Classification with Convolutional Neural Networks,
CVPR 2019, section 4.1 (ResNet-B).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from rfgraph.auditing.finding import Severity
from rfgraph.auditing.rule import Problem, Rule
from rfgraph.auditing.subject import axes_text

if TYPE_CHECKING:
    from rfgraph.auditing.subject import Subject


def check(subject: Subject) -> Iterator[Problem]:
    """For windows that leave gaps, ask whether any other reader closes them."""
    readers: dict[str, list[str]] = {}
    settings = {node.name: window for node, window, _ in subject.windows}
    for node, window, source in subject.windows:
        gaps = any(s > e for s, e in zip(window.stride, window.extent, strict=True))
        if gaps and not window.transposed:
            readers.setdefault(source.name, []).append(node.name)
    for source_name, names in readers.items():
        skipped = subject.analysis.skipped(source_name)
        if not skipped.any():
            continue
        window = settings[names[0]]
        yield Problem(
            names[0],
            f"kernel {axes_text(window.kernel)} with stride {axes_text(window.stride)} leaves "
            f"{skipped.mean():.0%} of the positions of {source_name} unread, and nothing else "
            "reads them",
        )


RULE = Rule(
    "RF203",
    "skipped-positions",
    Severity.WARNING,
    check,
    "Move the stride to a layer whose kernel is at least as large, or pool before it.",
)
