"""Audits as GitHub workflow commands: each finding becomes an annotation.

Source: GitHub, Workflow commands for GitHub Actions (notice, warning, error).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rfgraph.auditing.finding import Severity

if TYPE_CHECKING:
    from rfgraph.auditing.audited import Audited

_COMMANDS = {Severity.NOTE: "notice", Severity.WARNING: "warning", Severity.ERROR: "error"}


def spell(audits: Sequence[Audited]) -> str:
    """Return a workflow command per finding."""
    lines = []
    for audited in audits:
        for finding in audited.audit.findings:
            place = [] if audited.file is None else [f"file={_property(audited.file)}"]
            place += [] if audited.file is None else [f"line={audited.line}"]
            title = _property(f"{finding.code} {finding.name}")
            properties = ",".join([*place, f"title={title}"])
            text = f"{audited.name}, {finding.node}: {finding.message}. {finding.remedy}"
            lines.append(f"::{_COMMANDS[finding.severity]} {properties}::{_message(text)}\n")
    return "".join(lines)


def _message(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _message(text).replace(":", "%3A").replace(",", "%2C")
