"""A report as JSON: the layout of the YAML, with lists of numbers on one line."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from rfgraph.report.readers import Data
from rfgraph.report.selection import EVERYTHING, Selection, selected
from rfgraph.report.structure import to_data

if TYPE_CHECKING:
    from rfgraph.report.facts import Report


def render(report: Report, selection: Selection = EVERYTHING) -> str:
    """Return `report` as a JSON document that `rfgraph.load` reads back.

    Raises:
        ReportError: If `selection` names a node that there is not.
    """
    shown = selected(report, selection)
    return _spell(to_data(shown), "") + "\n"


def _spell(value: Data, indent: str) -> str:
    inner = indent + "  "
    if isinstance(value, dict) and value:
        entries = [
            f"{inner}{json.dumps(key)}: {_spell(item, inner)}" for key, item in value.items()
        ]
        return "{\n" + ",\n".join(entries) + f"\n{indent}}}"
    if isinstance(value, list) and any(isinstance(item, dict) for item in value):
        items = [f"{inner}{_spell(item, inner)}" for item in value]
        return "[\n" + ",\n".join(items) + f"\n{indent}]"
    return json.dumps(value)
