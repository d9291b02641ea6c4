"""Audits as Markdown: a table per model, made to be a comment on a pull request."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from tabulate import tabulate

from rfgraph.auditing.spellings.text import summary
from rfgraph.report.markdown_format import escape

if TYPE_CHECKING:
    from rfgraph.auditing.audited import Audited


def spell(audits: Sequence[Audited]) -> str:
    """Return the Markdown, model by model."""
    return "\n\n".join(_model(audited) for audited in audits) + "\n"


def _model(audited: Audited) -> str:
    title = f"**{escape(audited.name)}**: {summary(audited)}"
    if not audited.audit.findings:
        return title
    rows = [
        [
            finding.severity.word,
            f"{finding.code} {finding.name}",
            escape(finding.node),
            escape(f"{finding.message}. {finding.remedy}"),
        ]
        for finding in audited.audit.findings
    ]
    headers = ["severity", "rule", "node", "finding"]
    table = tabulate(rows, headers=headers, tablefmt="pipe", disable_numparse=True)
    return f"{title}\n\n{table}"
