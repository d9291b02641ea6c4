"""Audits as plain data, YAML and JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

from rfgraph.report.yaml_format import block

if TYPE_CHECKING:
    from rfgraph.auditing.audited import Audited
    from rfgraph.auditing.finding import Finding
    from rfgraph.report.readers import Data


def to_data(audits: Sequence[Audited]) -> dict[str, Data]:
    """Return the audits as nested plain data, in a fixed order."""
    return {
        "schema_version": 1,
        "models": [
            {
                "name": audited.name,
                "findings": [_finding(finding) for finding in audited.audit.findings],
                "skipped": [
                    {"code": skipped.code, "name": skipped.name, "reason": skipped.reason}
                    for skipped in audited.audit.skipped
                ],
            }
            for audited in audits
        ],
    }


def spell_yaml(audits: Sequence[Audited]) -> str:
    """Return the audits as YAML."""
    return "\n".join(block(to_data(audits), "")) + "\n"


def spell_json(audits: Sequence[Audited]) -> str:
    """Return the audits as JSON."""
    return json.dumps(to_data(audits), indent=2, ensure_ascii=False) + "\n"


def _finding(finding: Finding) -> Data:
    return {
        "code": finding.code,
        "name": finding.name,
        "severity": finding.severity.word,
        "node": finding.node,
        "message": finding.message,
        "remedy": finding.remedy,
    }
