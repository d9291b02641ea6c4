"""Audits as SARIF 2.1.0, which code scanning services show.

Source: OASIS, Static Analysis Results Interchange Format (SARIF) Version 2.1.0, 2020.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from rfgraph._version import __version__
from rfgraph.auditing.registry import RULES

if TYPE_CHECKING:
    from rfgraph.auditing.audited import Audited
    from rfgraph.auditing.finding import Finding
    from rfgraph.auditing.rule import Rule

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/os/schemas/sarif-schema-2.1.0.json"


def spell(audits: Sequence[Audited]) -> str:
    """Return one SARIF log with one run."""
    log = {
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": "rfgraph",
                        "version": __version__,
                        "rules": [_rule(rule) for rule in RULES],
                    }
                },
                "results": [
                    _result(audited, finding)
                    for audited in audits
                    for finding in audited.audit.findings
                ],
            }
        ],
    }
    return json.dumps(log, indent=2) + "\n"


def _rule(rule: Rule) -> dict[str, Any]:
    return {
        "id": rule.code,
        "name": "".join(word.capitalize() for word in rule.name.split("-")),
        "shortDescription": {"text": rule.summary},
        "fullDescription": {"text": rule.explanation},
        "help": {"text": f"{rule.remedy}\n\n{rule.explanation}"},
        "defaultConfiguration": {"level": rule.severity.word},
    }


def _result(audited: Audited, finding: Finding) -> dict[str, Any]:
    location: dict[str, Any] = {
        "logicalLocations": [
            {"name": finding.node, "fullyQualifiedName": f"{audited.name}::{finding.node}"}
        ]
    }
    if audited.file is not None:
        location["physicalLocation"] = {
            "artifactLocation": {"uri": audited.file},
            "region": {"startLine": audited.line},
        }
    # The numbers in a message may change; the finding is the same while rule and node are.
    identity = f"{audited.name} {finding.code} {finding.node}".encode()
    return {
        "ruleId": finding.code,
        "ruleIndex": [rule.code for rule in RULES].index(finding.code),
        "level": finding.severity.word,
        "message": {"text": f"{audited.name}, {finding.node}: {finding.message}. {finding.remedy}"},
        "locations": [location],
        "partialFingerprints": {"ruleAndNode/v1": hashlib.sha256(identity).hexdigest()},
    }
