"""A node is not what the configuration expects of it.

Expectations pin the numbers that a model must keep: `layer4: {size: ">= 400", jump: 32}`. They are
checked exactly; a node that is gone counts as failed, so that renaming is noticed.

Literature: none; the numbers are yours.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from rfgraph.auditing.expectation import unmet
from rfgraph.auditing.finding import Severity
from rfgraph.auditing.rule import Problem, Rule
from rfgraph.errors import NodeNotFoundError

if TYPE_CHECKING:
    from rfgraph.auditing.subject import Subject


def check(subject: Subject) -> Iterator[Problem]:
    """Hold every expectation against its node."""
    for name, wanted in subject.options.expect.items():
        try:
            node = subject.analysis[name]
        except NodeNotFoundError as error:
            yield Problem(name, f"it is expected to exist: {error}")
            continue
        wrong = [told for one in wanted if (told := unmet(node, one)) is not None]
        if wrong:
            yield Problem(name, f"{name}: {'; '.join(wrong)}")


RULE = Rule(
    "RF902",
    "failed-expectation",
    Severity.ERROR,
    check,
    "Undo the change, or update the expectation if the change is meant.",
)
