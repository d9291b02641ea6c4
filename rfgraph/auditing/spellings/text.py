"""Audits as text for a terminal: one paragraph per finding."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rfgraph.auditing.audited import Audited

WIDTH = 100
"""Characters; no line is longer, but for names."""


def spell(audits: Sequence[Audited]) -> str:
    """Return the text, model by model."""
    return "\n".join(_model(audited) for audited in audits)


def _model(audited: Audited) -> str:
    lines = [f"{audited.name}: {summary(audited)}"]
    for finding in audited.audit.findings:
        title = f"{finding.severity.word} {finding.code} {finding.name} at {finding.node}"
        lines += ["", f"  {title}", *_wrap(f"{finding.message}."), *_wrap(finding.remedy)]
    if audited.audit.skipped:
        lines.append("")
    for skipped in audited.audit.skipped:
        lines.append(f"  not applied: {skipped.code} {skipped.name} ({skipped.reason})")
    return "\n".join(lines) + "\n"


def summary(audited: Audited) -> str:
    """Return the counts by severity, worst first."""
    counts = Counter(finding.severity for finding in audited.audit.findings)
    told = [
        f"{counts[severity]} {severity.word}{'' if counts[severity] == 1 else 's'}"
        for severity in sorted(counts, reverse=True)
    ]
    return ", ".join(told) or "no findings"


def _wrap(sentence: str) -> list[str]:
    return textwrap.wrap(
        sentence,
        WIDTH,
        initial_indent="    ",
        subsequent_indent="    ",
        break_on_hyphens=False,
        break_long_words=False,
    )
