"""Windows that read more padding than data, at the border or even at the centre.

A tap that lands in the padding multiplies a constant. With same padding a window at the border
still reads more data than padding along each axis; with more padding than half the window it does
not. A window that is large against its map, usually by dilation, reads mostly padding even at the
centre: a 3x3 convolution whose dilation exceeds the map degenerates to 1x1. That centre case is a
warning where less than half of the taps read data; the border case where less than half of the taps
along an axis do.

Literature: Chen, Papandreou, Schroff and Adam, Rethinking Atrous Convolution for Semantic Image
Segmentation, 2017, section 3.3 and figure 4 (valid weights against the rate). Alsallakh et al.,
Mind the Pad - CNNs Can Develop Blind Spots, ICLR 2021. Islam, Jia and Bruce, How Much Position
Information Do Convolutional Neural Networks Encode?, ICLR 2020.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import prod
from typing import TYPE_CHECKING

from rfgraph.auditing.finding import Severity
from rfgraph.auditing.rule import Problem, Rule
from rfgraph.auditing.subject import axes_text

if TYPE_CHECKING:
    from rfgraph.analysis import Window
    from rfgraph.auditing.subject import Subject


def check(subject: Subject) -> Iterator[Problem]:
    """Count the taps of each window that read data, at the centre and at the corner."""
    for node, window, source in subject.windows:
        if window.transposed or not any(window.padding):
            continue
        axes = len(window.kernel)
        lengths, outs = source.shape[-axes:], node.shape[-axes:]
        centre = _valid(window, lengths, tuple(out // 2 for out in outs))
        border = _valid(window, lengths, (0,) * axes)
        taps = prod(window.kernel)
        settings = (
            f"kernel {axes_text(window.kernel)}, dilation {axes_text(window.dilation)}, padding "
            f"{axes_text(window.padding)} on a map of {axes_text(lengths)}"
        )
        if 2 * prod(centre) < taps:
            yield Problem(
                node.name,
                f"at the centre only {prod(centre)} of {taps} taps read data, the rest padding "
                f"({settings})",
            )
        elif any(2 * valid < k for valid, k in zip(border, window.kernel, strict=True)):
            worst = min(zip(border, window.kernel, strict=True), key=lambda pair: pair[0] / pair[1])
            yield Problem(
                node.name,
                f"at the border only {worst[0]} of {worst[1]} taps along an axis read data, the "
                f"rest padding ({settings})",
            )


def _valid(window: Window, lengths: tuple[int, ...], position: tuple[int, ...]) -> tuple[int, ...]:
    """Taps per axis that land on data, for the window of one output position."""
    return tuple(
        sum(0 <= o * s - p + t * d < n for t in range(k))
        for k, s, p, d, n, o in zip(
            window.kernel,
            window.stride,
            window.padding,
            window.dilation,
            lengths,
            position,
            strict=True,
        )
    )


RULE = Rule(
    "RF103",
    "padding-dominates",
    Severity.WARNING,
    check,
    "Use a smaller dilation or kernel at this depth, less padding, or larger inputs.",
)
