"""The text of a tabular report before it is spelt as a table: titles, cells and a summary."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rfgraph.report.cells import per_axis, shape_cell, size_cell
from rfgraph.report.facts import INPUT, InputFacts, NodeFacts, Number, Report
from rfgraph.report.rows import Row, select_rows

if TYPE_CHECKING:
    from rfgraph.report.selection import Selection

HEADERS = ("node", "type", "output", "size", "jump", "start")
STATUS_HEADER = "status"


@dataclass(frozen=True, slots=True)
class Section:
    """One table: fields in one input, or in several inputs in which all rows are the same."""

    title: str
    headers: tuple[str, ...]
    cells: tuple[tuple[str, ...], ...]


def sections(report: Report, selection: Selection) -> tuple[Section, ...]:
    """Return the tables that show `report`; inputs whose tables are equal share one.

    Raises:
        ReportError: If `selection` names a node that there is not.
    """
    rows = select_rows(report, selection)
    with_status = any(row.node.status != "exact" for row in rows)
    headers = (*HEADERS, STATUS_HEADER) if with_status else HEADERS
    tables: dict[tuple[tuple[str, ...], ...], list[InputFacts]] = {}
    for entry in report.inputs:
        cells = tuple(_cells(row, entry, with_status=with_status) for row in rows)
        tables.setdefault(cells, []).append(entry)
    return tuple(Section(_title(entries), headers, cells) for cells, entries in tables.items())


def summary(report: Report, selection: Selection) -> tuple[str, ...]:
    """Return the sentences under the tables, about the whole of `report`."""
    operators = [node for node in report.nodes if node.operator != INPUT]
    counts = Counter(node.status for node in operators)
    told = ", ".join(
        f"{counts[status]} {status}" for status in ("exact", "bound", "unknown") if counts[status]
    )
    sentences = [f"{len(operators)} operators: {told}." if operators else "No operators."]
    sentences += [text for entry in report.inputs for text in _extremes(report, entry)]
    sentences += _doubts(report)
    if selection.level != "operator" and not selection.nodes:
        sentences.append("Rows that repeat the row above are left out; all: --level operator.")
    return tuple(sentences)


def _title(entries: list[InputFacts]) -> str:
    inputs = " and ".join(
        f"{entry.name} ({shape_cell(entry.shape)} {entry.dtype})" for entry in entries
    )
    axes = ", ".join(map(str, entries[0].axes))
    return f"Receptive fields in {inputs}, axes {axes}"


def _cells(row: Row, entry: InputFacts, *, with_status: bool) -> tuple[str, ...]:
    shape = shape_cell(row.node.shape)
    status = (row.node.status,) if with_status else ()
    if entry.name not in row.node.fields:
        return (row.label, row.kind, shape, "none", "-", "-", *status)
    field = row.node.fields[entry.name]
    return (
        row.label,
        row.kind,
        shape,
        size_cell(field, entry.axes),
        per_axis(field.jump),
        per_axis(field.start),
        *status,
    )


def _extremes(report: Report, entry: InputFacts) -> list[str]:
    prefix = f"{entry.name}: " if len(report.inputs) > 1 else ""
    sentences = []
    largest = max(report.nodes, key=lambda node: _extent(node, entry.name), default=None)
    if largest is not None and any(_extent(largest, entry.name)):
        size = per_axis(largest.fields[entry.name].size)
        sentences.append(f"{prefix}largest local field: {size}, first at {largest.name}.")
    for node in report.nodes:
        field = node.fields.get(entry.name)
        if field is not None and field.is_global:
            sentences.append(f"{prefix}global from {_first_few(field.global_origins)} on.")
            break
    return sentences


def _extent(node: NodeFacts, name: str) -> tuple[Number, ...]:
    field = node.fields.get(name)
    return tuple(size or 0 for size in field.size) if field else ()


def _doubts(report: Report) -> list[str]:
    reasons = Counter(reason for node in report.nodes for reason in node.reasons)
    return [f"not exact: {reason}." for reason in list(reasons)[:3]]


def _first_few(names: tuple[str, ...]) -> str:
    told = ", ".join(names[:3]) or "an unnamed node"
    return f"{told}, ..." if len(names) > 3 else told
