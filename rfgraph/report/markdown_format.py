"""A report as Markdown pipe tables."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tabulate import tabulate

from rfgraph.report.sections import Section, sections, summary
from rfgraph.report.selection import EVERYTHING, Selection

if TYPE_CHECKING:
    from rfgraph.report.facts import Report

_SPECIAL = re.compile(r"[\\`*|<\[]|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])")
"""What Markdown would read as markup; an underscore inside a word is none."""


def render(report: Report, selection: Selection = EVERYTHING) -> str:
    """Return the module rows of `report` as Markdown, or the rows that `selection` wants.

    Raises:
        ReportError: If `selection` names a node that there is not.
    """
    parts = [_table(section) for section in sections(report, selection)]
    parts.append("\n".join(f"- {escape(text)}" for text in summary(report, selection)))
    return "\n\n".join(parts) + "\n"


def _table(section: Section) -> str:
    cells = [[escape(cell) for cell in row] for row in section.cells]
    table = tabulate(cells, headers=section.headers, tablefmt="pipe", disable_numparse=True)
    return f"**{escape(section.title)}**\n\n{table}"


def escape(text: str) -> str:
    r"""Return `text` so that Markdown shows it as it is.

    >>> print(escape("layer1.0.relu_1 | *_x"))
    layer1.0.relu_1 \| \*\_x
    """
    return _SPECIAL.sub(r"\\\g<0>", text)
