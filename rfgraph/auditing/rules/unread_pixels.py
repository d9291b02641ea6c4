"""Input positions that have no influence on any output.

Strides and windows without enough padding leave a rest at the right and bottom that no window
covers: a 2x2 pooling drops the last of an odd number of columns. The network is blind there, and
its field is off centre by half of what is lost.

The finding counts the positions exactly, over all outputs and all paths.

Literature: Alsallakh, Kokhlikyan, Miglani, Yuan and Reblitz-Richardson, Mind the Pad - CNNs Can
Develop Blind Spots, ICLR 2021 (uneven application of padding).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from rfgraph.auditing.finding import Severity
from rfgraph.auditing.rule import Problem, Rule

if TYPE_CHECKING:
    from rfgraph.auditing.subject import Subject


def check(subject: Subject) -> Iterator[Problem]:
    """Ask for each input which positions no output reads."""
    import numpy as np  # noqa: PLC0415 -- explaining a rule needs no arrays

    outputs = subject.analysis.outputs.values()
    for name, info in subject.analysis.inputs.items():
        if not any(output.fields[name].reaches for output in outputs):
            continue  # RF503 tells about inputs that are not read at all
        unread = subject.analysis.unread(name)
        if not unread.any():
            continue
        lines = []
        for k, axis in enumerate(info.axes):
            others = tuple(j for j in range(unread.ndim) if j != k)
            whole = np.asarray(unread.all(axis=others))
            if whole.any():
                found = np.flatnonzero(whole).tolist()
                lines.append(f"{_places(found)} along axis {axis}")
        where = " and ".join(lines) or "scattered"
        yield Problem(
            name,
            f"{unread.mean():.1%} of the positions of {name} influence no output: {where}",
        )


def _places(found: list[int]) -> str:
    """Return positions as runs, the first three of them.

    >>> _places([5, 9, 10, 11])
    '5, 9–11'
    """
    runs: list[list[int]] = []
    for place in found:
        if runs and runs[-1][-1] == place - 1:
            runs[-1].append(place)
        else:
            runs.append([place])
    told = [str(run[0]) if len(run) == 1 else f"{run[0]}–{run[-1]}" for run in runs[:3]]
    return ", ".join(told) + (", ..." if len(runs) > 3 else "")


RULE = Rule(
    "RF205",
    "unread-pixels",
    Severity.WARNING,
    check,
    "Use an input size that strides divide without rest, pad, or pool with ceil_mode.",
)
