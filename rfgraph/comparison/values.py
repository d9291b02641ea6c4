"""The spelling of one changed value."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rfgraph.report.cells import shape_cell

if TYPE_CHECKING:
    from rfgraph.comparison.difference import Change
    from rfgraph.report.readers import Data


def change_text(change: Change) -> str:
    """Return the change for a person.

    >>> from rfgraph.comparison import Change
    >>> change_text(Change("jump", [4, 4], [8, 8])), change_text(Change("mixes batch", False, True))
    ('jump 4 → 8', 'mixes batch no → yes')
    """
    return f"{change.what} {value_text(change, change.old)} → {value_text(change, change.new)}"


def value_text(change: Change, value: Data) -> str:
    """Return one value of the change: numbers of all axes as one if they agree."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if not isinstance(value, list):
        return str(value)
    if change.what.endswith("shape"):
        return shape_cell([entry for entry in value if isinstance(entry, int)])
    cells = [_entry(entry) for entry in value]
    if not cells:
        return "nothing"
    if change.what == "reads" or change.what.endswith("global from"):
        return " and ".join(cells)
    agree = len(set(cells)) == 1 and not change.what.endswith("axes")
    return cells[0] if agree or len(cells) == 1 else "×".join(cells)


def _entry(entry: Data) -> str:
    if isinstance(entry, bool):
        return "yes" if entry else "no"
    return "-" if entry is None else str(entry)
