"""A difference as Markdown, made to be a comment on a pull request."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tabulate import tabulate

from rfgraph.comparison.text_spelling import cause_text, summary
from rfgraph.comparison.values import change_text, value_text
from rfgraph.report.markdown_format import escape

if TYPE_CHECKING:
    from rfgraph.comparison.difference import Difference, NodeChange


def spell(difference: Difference) -> str:
    """Return the Markdown: what entered where, with the tables folded away."""
    if not difference:
        return "**Receptive fields:** no differences.\n"
    parts = [f"**Receptive fields:** {escape(summary(difference))}"]
    if difference.model:
        parts.append("\n".join(f"- {escape(change_text(change))}" for change in difference.model))
    for cause in difference.causes:
        nodes = difference.caused_by(cause)
        parts.append(f"- **{escape(cause_text(difference, cause))}**")
        parts.append(_folded(f"{len(nodes)} changed from here", _table(nodes)))
    for title, names in (
        ("Added", difference.added),
        ("Removed", difference.removed),
        ("Renamed", tuple(f"{old} → {new}" for old, new in difference.renamed)),
    ):
        if names:
            told = "\n".join(f"- {escape(name)}" for name in names)
            parts.append(_folded(f"{title}: {len(names)}", told))
    return "\n\n".join(parts) + "\n"


def _table(nodes: tuple[NodeChange, ...]) -> str:
    rows = [
        [escape(node.node), escape(change.what)]
        + [escape(value_text(change, value)) for value in (change.old, change.new)]
        for node in nodes
        for change in node.changes
    ]
    headers = ["node", "what", "old", "new"]
    return tabulate(rows, headers=headers, tablefmt="pipe", disable_numparse=True)


def _folded(title: str, body: str) -> str:
    return f"<details><summary>{title}</summary>\n\n{body}\n\n</details>"
