"""What a check found, as plain data."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import yaml

from rfgraph.checking.finding import CheckFinding, Verdict


@dataclass(frozen=True, slots=True)
class CheckResult:
    """All findings of a check.

    Attributes:
        findings: In the order of nodes, positions, inputs, scopes, methods and axes.
        substitutions: What was replaced in the copy that gradients were taken of.
        notes: What the check could not do, or did otherwise than asked.
        advice: What to do about the first violation; empty without one.
        cost: Forward passes, counted in samples, and backward passes, by what made them.
    """

    findings: tuple[CheckFinding, ...]
    substitutions: tuple[str, ...]
    notes: tuple[str, ...]
    advice: str
    cost: dict[str, int]

    @property
    def violations(self) -> tuple[CheckFinding, ...]:
        """The findings that prove a field too small."""
        return tuple(f for f in self.findings if f.verdict is Verdict.VIOLATED)

    @property
    def ok(self) -> bool:
        """Whether nothing is violated; inconclusive findings prove nothing either way."""
        return not self.violations

    def count(self, verdict: Verdict | str) -> int:
        """How many findings have the verdict."""
        return sum(f.verdict is Verdict(verdict) for f in self.findings)

    @property
    def inputs(self) -> tuple[str, ...]:
        """The inputs that findings are about, in their order."""
        return tuple(dict.fromkeys(finding.input for finding in self.findings))

    def place_of(self, finding: CheckFinding) -> str:
        """Where the finding was made: node, position and axis, and the input if there are more."""
        of = f" of {finding.input}" if len(self.inputs) > 1 else ""
        return f"{finding.node}{list(finding.position)} axis {finding.axis}{of}"

    @property
    def summary(self) -> str:
        """One line: how many findings of each verdict."""
        counts = Counter(f.verdict for f in self.findings)
        told = ", ".join(f"{counts[v]} {v.value}" for v in Verdict if counts[v])
        return f"{len(self.findings)} findings: {told}."

    def to_dict(self) -> dict[str, object]:
        """The result as plain values, in a fixed order."""
        return {
            "verdicts": {v.value: self.count(v) for v in Verdict},
            "substitutions": list(self.substitutions),
            "notes": list(self.notes),
            "advice": self.advice,
            "cost": dict(self.cost),
            "findings": [finding.to_dict() for finding in self.findings],
        }

    def to_yaml(self) -> str:
        """The result as YAML."""
        text: str = yaml.safe_dump(self.to_dict(), sort_keys=False, width=100)
        return text

    def __str__(self) -> str:
        lines = [self.summary]
        for finding in self.findings:
            if finding.verdict is not Verdict.EXACT:
                at = self.place_of(finding)
                how = f"{finding.scope}, {finding.method}"
                lines.append(f"{finding.verdict.value}: {at} ({how}): {finding.reason}")
        return "\n".join([*lines, *self.notes, *([self.advice] if self.advice else [])])
