"""An output, an input or a convolution that is cut off from the data.

An output that depends on no input is a constant; an input that no output depends on is read for
nothing; a convolution that computes from constants alone is a branch that somebody forgot to
connect. All of them run without an error.

Literature: none is needed; the dependence is structural and exact.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from rfgraph.auditing.finding import Severity
from rfgraph.auditing.rule import Problem, Rule

if TYPE_CHECKING:
    from rfgraph.auditing.subject import Subject


def check(subject: Subject) -> Iterator[Problem]:
    """Look for outputs, inputs and convolutions without a path between them."""
    outputs = subject.analysis.outputs
    for name, node in outputs.items():
        if not any(field.reaches for field in node.fields.values()):
            yield Problem(node.name, f"{name} depends on no input")
    for name in subject.analysis.inputs:
        if not any(node.fields[name].reaches for node in outputs.values()):
            yield Problem(name, f"no output depends on the input {name}")
    recorded = next(iter(subject.analysis.nodes)).fx.graph
    for node in recorded.nodes:
        name = node.meta.get("name")
        if "convolution" in str(node.target) and name not in subject.analysis.graph:
            yield Problem(name, f"the convolution {name} computes from constants alone")


RULE = Rule(
    "RF503",
    "independent-of-input",
    Severity.WARNING,
    check,
    "Connect it, or remove it from the model and from its inputs and outputs.",
)
