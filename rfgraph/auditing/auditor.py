"""The audit of one model."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from rfgraph.auditing.finding import Finding, Severity, Skipped
from rfgraph.auditing.options import DEFAULTS, AuditOptions
from rfgraph.auditing.registry import RULES
from rfgraph.auditing.rule import Rule
from rfgraph.auditing.subject import Subject
from rfgraph.errors import ConfigError

if TYPE_CHECKING:
    from rfgraph.analysis import Analysis


@dataclass(frozen=True, slots=True)
class Audit:
    """What the audit of one model found.

    Attributes:
        findings: Worst first, then in execution order.
        skipped: Rules that could not be applied.
    """

    findings: tuple[Finding, ...]
    skipped: tuple[Skipped, ...] = ()

    def failures(self, fail_on: Severity = Severity.WARNING) -> tuple[Finding, ...]:
        """The findings that are at least so severe."""
        return tuple(finding for finding in self.findings if finding.severity >= fail_on)


def audit(analysis: Analysis, options: AuditOptions = DEFAULTS) -> Audit:
    """Return what is suspicious about a model's receptive fields.

    Args:
        analysis: What :func:`rfgraph.analyze` returned. Samples that mix are only seen with a
            batch of two or more; otherwise that rule is listed as skipped.
        options: Which rules to apply, and what is known about the model.

    Raises:
        ConfigError: If an option names no rule.
    """
    subject = Subject(analysis, options)
    order = {node.name: place for place, node in enumerate(analysis.nodes)}
    findings: list[Finding] = []
    skipped: list[Skipped] = []
    ignored = {
        pattern: {rule.code for rule in find_rules(names)}
        for pattern, names in options.ignore_nodes.items()
    }
    for rule in chosen_rules(options):
        reason = rule.needs(subject)
        if reason is not None:
            skipped.append(Skipped(rule.code, rule.name, reason))
            continue
        findings += [
            finding
            for finding in rule.findings(subject)
            if not any(
                rule.code in codes and fnmatchcase(finding.node, pattern)
                for pattern, codes in ignored.items()
            )
        ]
    findings.sort(key=lambda f: (-f.severity, order.get(f.node, len(order)), f.code))
    return Audit(tuple(findings), tuple(skipped))


def chosen_rules(options: AuditOptions) -> tuple[Rule, ...]:
    """Return the rules that are selected and not ignored.

    Raises:
        ConfigError: If an option names no rule.
    """
    selected = find_rules(options.select) if options.select else RULES
    ignored = find_rules(options.ignore)
    return tuple(rule for rule in selected if rule not in ignored)


def find_rules(names: Iterable[str]) -> tuple[Rule, ...]:
    """Return the rules of these codes, beginnings of codes or names, in the order of their codes.

    Raises:
        ConfigError: If a name is none of these.
    """
    chosen = set()
    for name in names:
        found = [
            rule.code
            for rule in RULES
            if name == rule.name or (name.startswith("RF") and rule.code.startswith(name))
        ]
        if not found:
            known = [word for rule in RULES for word in (rule.code, rule.name)]
            close = difflib.get_close_matches(name, known, n=3)
            hint = f"close: {', '.join(close)}" if close else "rfgraph audit --list names all"
            raise ConfigError(f"there is no rule '{name}'; {hint}")
        chosen.update(found)
    return tuple(rule for rule in RULES if rule.code in chosen)
