"""Outputs of one sample depend on other samples of the batch.

A reshape that folds part of a sample into the batch axis, a transpose before a flatten, attention
or a softmax over the batch axis, or batch norm in training mode: predictions then change with what
else is in the batch. In evaluation that is a bug.

It takes a batch of two or more to see it; with one sample the rule is listed as skipped. Behind an
operator without a rule (RF901) nothing is said.

Literature: the dependence is structural and exact; see Ioffe and Szegedy, Batch Normalization, ICML
2015, for the one case that is meant.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from rfgraph.auditing.finding import Severity
from rfgraph.auditing.rule import Problem, Rule

if TYPE_CHECKING:
    from rfgraph.analysis import Node
    from rfgraph.auditing.subject import Subject


def needs(subject: Subject) -> str | None:
    """A batch of two or more."""
    batches = [
        info.shape[info.batch]
        for info in subject.analysis.inputs.values()
        if info.batch is not None
    ]
    if not batches:
        return "no input has a batch axis"
    return None if max(batches) > 1 else "the batch has one sample; analyse with two"


def check(subject: Subject) -> Iterator[Problem]:
    """Name the operators where samples first meet, if an output depends on them."""
    mixed = [name for name, node in subject.analysis.outputs.items() if _mixes(node)]
    if not mixed:
        return
    for node in subject.useful_nodes():
        if _mixes(node) and not any(_mixes(subject.analysis[name]) for name in node.sources):
            yield Problem(
                node.name,
                f"elements of one sample depend on other samples from here on, and so does "
                f"{', '.join(mixed)}",
            )


def _mixes(node: Node) -> bool:
    if node.status.value == "unknown":
        return False  # only bounded: RF901 names the operator
    return any(field.mixes_batch for field in node.fields.values())


RULE = Rule(
    "RF501",
    "mixed-samples",
    Severity.ERROR,
    check,
    "Keep the batch axis first and by itself: flatten from axis 1, reshape with the batch size.",
    needs,
)
