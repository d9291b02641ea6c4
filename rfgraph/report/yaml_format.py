"""A report as YAML: one number a line, in a fixed order, so that a diff shows what changed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from rfgraph.report.readers import Data
from rfgraph.report.selection import EVERYTHING, Selection, selected
from rfgraph.report.structure import to_data

if TYPE_CHECKING:
    from rfgraph.report.facts import Report

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_./-]*")
_LONGEST_SIMPLE_KEY = 1000
"""Characters; YAML reads `key: value` only up to 1024 of them."""
_RESERVED = frozenset({"false", "n", "no", "null", "off", "on", "true", "y", "yes"})


def render(report: Report, selection: Selection = EVERYTHING) -> str:
    """Return `report` as a YAML document that `rfgraph.load` reads back.

    Raises:
        ReportError: If `selection` names a node that there is not.
    """
    shown = selected(report, selection)
    return "\n".join(block(to_data(shown), "")) + "\n"


def block(value: dict[str, Data], indent: str) -> Iterator[str]:
    """Return the lines of a block of YAML: nested tables, and lists on one line."""
    for key, item in value.items():
        start = f"{indent}{_key(key, indent)}:"
        if isinstance(item, dict) and item:
            yield start
            yield from block(item, indent + "  ")
        elif isinstance(item, list) and any(isinstance(entry, dict) for entry in item):
            yield start
            for entry in item:
                yield from _item(entry, indent)
        else:
            yield f"{start} {_flow(item)}"


def _item(value: Data, indent: str) -> Iterator[str]:
    if not isinstance(value, dict):
        yield f"{indent}- {_flow(value)}"
        return
    for number, line in enumerate(block(value, indent + "  ")):
        yield line if number else f"{indent}- {line[len(indent) + 2 :]}"


def _key(key: str, indent: str) -> str:
    spelt = _scalar(key)
    return spelt if len(spelt) <= _LONGEST_SIMPLE_KEY else f"? {spelt}\n{indent}"


def _flow(value: Data) -> str:
    if isinstance(value, list):
        return f"[{', '.join(map(_flow, value))}]"
    if isinstance(value, dict):
        return "{}"
    return _scalar(value)


def _scalar(value: bool | int | str | None) -> str:  # noqa: FBT001 -- any plain value is spelt here
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if _PLAIN.fullmatch(value) and value.lower() not in _RESERVED:
        return value
    return f'"{"".join(map(_character, value))}"'


def _character(character: str) -> str:
    if character in '"\\':
        return "\\" + character
    if " " <= character <= "~":
        return character
    return f"\\U{ord(character):08X}"
