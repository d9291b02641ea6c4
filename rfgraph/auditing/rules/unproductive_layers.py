"""Convolutions whose input already sees the whole image over every path.

If even the smallest field over all paths is larger than the input, a convolution cannot bring
together anything that was not together before. Such layers contribute little: Richter et al. find
with linear probes that accuracy stops rising at the "border layer", the first whose input field
exceeds the image, and that removing the layers behind it costs nothing. Shortcuts count: a residual
network keeps a path with a small field, and its layers stay productive.

Literature: Richter, Byttner, Krumnack, Wiedenroth, Schallner and Shenk, (Input) Size Matters for
CNN Classifiers, ICANN 2021. Richter, Schöning, Wiedenroth and Krumnack, Should You Go Deeper?
Optimizing Convolutional Neural Network Architectures without Training, ICMLA 2021.
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
    """Look for spatial convolutions behind the border layer."""
    lengths = subject.lengths
    border: tuple[str, tuple[int, ...]] | None = None
    behind = 0
    total = 0
    for node, window, source in subject.windows:
        if max(window.kernel) == 1 or window.transposed or "pool" in node.operator:
            continue
        total += 1
        narrowest = subject.analysis.narrowest_field(source.name, subject.main_input)
        if narrowest is None or narrowest.is_global:
            continue
        sizes = tuple(size or 0 for size in narrowest.size)
        if all(size > length for size, length in zip(sizes, lengths, strict=True)):
            behind += 1
            border = border or (node.name, sizes)
    if border is not None:
        first, sizes = border
        yield Problem(
            first,
            f"{behind} of {total} spatial convolutions, from {first} on, read features whose "
            f"smallest field, {axes_text(sizes)}, already exceeds the input of "
            f"{axes_text(lengths)}",
        )


RULE = Rule(
    "RF102",
    "unproductive-layers",
    Severity.WARNING,
    check,
    "Use larger inputs, less early stride or fewer layers, or add shortcuts around them.",
)
