"""Audits: what is suspicious about a model's receptive fields, and how to fix it.

The package is not called `audit` because `rfgraph.audit` is the function.
"""

from rfgraph.auditing.auditor import Audit, audit, find_rules
from rfgraph.auditing.expectation import Expectation, expectation, unmet
from rfgraph.auditing.finding import Finding, Severity, Skipped
from rfgraph.auditing.options import AuditOptions
from rfgraph.auditing.registry import RULES
from rfgraph.auditing.rule import Rule

__all__ = [
    "RULES",
    "Audit",
    "AuditOptions",
    "Expectation",
    "Finding",
    "Rule",
    "Severity",
    "Skipped",
    "audit",
    "expectation",
    "find_rules",
    "unmet",
]
