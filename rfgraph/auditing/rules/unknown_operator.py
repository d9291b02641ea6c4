"""An operator that rfgraph has no rule for: what comes after it is only bounded.

Behind it every element is taken to depend on everything, which is sound but says nothing. The other
rules are then blind there.

Literature: none; `rfgraph.BUILTIN_RULES.with_rule` teaches rfgraph an operator, see docs/rules.md.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from rfgraph.auditing.finding import Severity
from rfgraph.auditing.rule import Problem, Rule

if TYPE_CHECKING:
    from rfgraph.auditing.subject import Subject


def check(subject: Subject) -> Iterator[Problem]:
    """Report every such operator where it stands."""
    told = set()
    for node in subject.useful_nodes():
        for note in node.notes:
            if note.status.value == "unknown" and note not in told:
                told.add(note)
                yield Problem(note.node, f"{note.reason}, so every later field is only bounded")


RULE = Rule(
    "RF901",
    "unknown-operator",
    Severity.WARNING,
    check,
    "Give the operator a rule with BUILTIN_RULES.with_rule and pass it to analyze, or report it.",
)
