"""A report as a table for a terminal of 100 columns."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

from tabulate import MIN_PADDING, tabulate

from rfgraph.report.cells import shorten
from rfgraph.report.sections import Section, sections, summary
from rfgraph.report.selection import EVERYTHING, Selection

if TYPE_CHECKING:
    from rfgraph.report.facts import Report

WIDTH = 100
"""Characters; no line is longer."""

_GAP = 2
_NARROWEST = 6


def render(report: Report, selection: Selection = EVERYTHING) -> str:
    """Return the module rows of `report` as text, or the rows that `selection` wants.

    Raises:
        ReportError: If `selection` names a node that there is not.
    """
    parts = [_table(section) for section in sections(report, selection)]
    parts.append("\n".join(_wrap(sentence) for sentence in summary(report, selection)))
    return "\n\n".join(parts) + "\n"


def _table(section: Section) -> str:
    widths = _widths(section)
    cells = [
        [shorten(cell, width) for cell, width in zip(row, widths, strict=True)]
        for row in section.cells
    ]
    table = tabulate(cells, headers=section.headers, tablefmt="simple", disable_numparse=True)
    return f"{_wrap(section.title)}\n\n" + "\n".join(line.rstrip() for line in table.split("\n"))


def _widths(section: Section) -> list[int]:
    """Return the width of each column: as wide as its cells, the widest cut until all fit."""
    floors = [max(len(header) + MIN_PADDING, _NARROWEST) for header in section.headers]
    columns = zip(*section.cells, strict=True) if section.cells else [()] * len(floors)
    widths = [
        max(floor, *map(len, column), 0) for floor, column in zip(floors, columns, strict=True)
    ]
    excess = sum(widths) + _GAP * (len(widths) - 1) - WIDTH
    while excess > 0:
        widest = max(range(len(widths)), key=lambda column: widths[column] - floors[column])
        if widths[widest] <= floors[widest]:
            break
        widths[widest] -= 1
        excess -= 1
    return widths


def _wrap(sentence: str) -> str:
    return textwrap.fill(sentence, WIDTH, break_on_hyphens=False)
