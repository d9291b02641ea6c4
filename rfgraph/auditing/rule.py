"""What a rule of the audit is."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from inspect import cleandoc
from typing import TYPE_CHECKING, TypeAlias

from rfgraph.auditing.finding import Finding, Severity

if TYPE_CHECKING:
    from rfgraph.auditing.subject import Subject


@dataclass(frozen=True, slots=True)
class Problem:
    """What a rule's check yields: a finding without what every finding of the rule shares.

    Attributes:
        node: Name of the node to look at.
        message: One sentence with the numbers.
        severity: Instead of the rule's own.
        remedy: Instead of the rule's own.
    """

    node: str
    message: str
    severity: Severity | None = None
    remedy: str | None = None


Check: TypeAlias = "Callable[[Subject], Iterator[Problem]]"


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule: a function in a file of its own, whose docstring explains it.

    Attributes:
        code: Stable code; never given to another rule.
        name: Readable name, as good as the code in every option.
        severity: How bad its findings are.
        check: Yields what is wrong with a model.
        remedy: One sentence that says how to fix it.
        needs: Says why the rule cannot be applied to a model; None if it can.
    """

    code: str
    name: str
    severity: Severity
    check: Check
    remedy: str
    needs: Callable[[Subject], str | None] = lambda _subject: None

    @property
    def summary(self) -> str:
        """The first line of the explanation."""
        return self.explanation.partition("\n")[0]

    @property
    def explanation(self) -> str:
        """What the rule finds, why it matters, and the literature: its file's docstring."""
        return cleandoc(sys.modules[self.check.__module__].__doc__ or "")

    def findings(self, subject: Subject) -> Iterator[Finding]:
        """Apply the rule."""
        for problem in self.check(subject):
            yield Finding(
                self.code,
                self.name,
                problem.severity or self.severity,
                problem.node,
                problem.message,
                problem.remedy or self.remedy,
            )
