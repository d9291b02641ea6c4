"""Rows of facts as a table, Markdown, YAML or JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

import yaml
from tabulate import tabulate

FORMATS = ("table", "yaml", "json", "markdown")
"""What `--format` takes."""

Value = int | str | bool | None | list["Value"] | dict[str, "Value"]


def render_rows(
    name: str,
    format_name: str,
    title: str,
    facts: Mapping[str, Value],
    rows: Sequence[dict[str, Value]],
) -> str:
    """Return facts and the rows of a table called `name` as text that ends with a newline.

    YAML and JSON hold `facts` and the rows; tables and Markdown the title and the rows.
    """
    document = {**facts, name: list(rows)}
    if format_name == "json":
        return json.dumps(document, indent=2) + "\n"
    if format_name == "yaml":
        return yaml.safe_dump(document, sort_keys=False)
    cells = [[_cell(value) for value in row.values()] for row in rows]
    headers = list(rows[0]) if rows else []
    style = "github" if format_name == "markdown" else "simple"
    table = tabulate(cells, headers=headers, tablefmt=style, disable_numparse=True)
    return f"{title}\n\n" + "\n".join(line.rstrip() for line in table.split("\n")) + "\n"


def _cell(value: Value) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(_cell(item) for item in value)
    return "-" if value is None else str(value)
