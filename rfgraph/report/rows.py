"""The rows that a person wants to see of a report, for tables of every spelling.

Operator rows are all nodes. Module rows are what modules and their containers returned, down to the
deepest level of the module tree that still fits a screen, without rows that repeat the one above.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from rfgraph.report.facts import INPUT, FieldFacts, NodeFacts, Report
from rfgraph.report.selection import (
    Selection,
    matches,
    module_paths,
    name_of,
    select_nodes,
)

SAME = " = "
"""Between the innermost and the outermost of the modules that returned one node."""

SCREEN = 60
"""Module rows beyond which the deepest level of the module tree is left out."""


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a table: a node under the name that a person knows it by.

    Attributes:
        label: The node's name, or the path of the module that returned it.
        kind: The module's class, or the operator.
        node: The node.
        depth: Names in the path: the level of the module tree.
        is_call: Whether a module returned the node.
        is_leaf: Whether nothing below it can have a row of its own.
    """

    label: str
    kind: str
    node: NodeFacts
    depth: int
    is_call: bool
    is_leaf: bool


def select_rows(report: Report, selection: Selection) -> tuple[Row, ...]:
    """Return the rows of `report` that `selection` wants, in execution order.

    Without patterns, module rows are cut to a screen; with patterns, all that match are returned.

    Raises:
        ReportError: If a pattern matches no node.
    """
    if selection.level == "operator":
        return tuple(_operator_row(node, 1) for node in select_nodes(report, selection))
    rows = _module_rows(report)
    if not selection.nodes:
        return _one_screen(rows)
    matching = select_nodes(report, Selection(selection.nodes, "operator"))
    paths = module_paths(report)
    chosen = tuple(
        row for row in rows if matches(selection.nodes, (row.label, *name_of(row.node, paths)))
    )
    return chosen or tuple(_operator_row(node, 1) for node in matching)


def _operator_row(node: NodeFacts, depth: int) -> Row:
    kind = node.operator.removeprefix("aten.").partition(".")[0]
    return Row(node.name, kind, node, depth, is_call=False, is_leaf=True)


def _module_rows(report: Report) -> tuple[Row, ...]:
    """Return a row per module call, and one per operator that a container itself runs."""
    containers = {"", *(parent for path in report.modules for parent in _parents(path))}
    calls: dict[str, list[Row]] = {}
    by_name = {node.name: node for node in report.nodes}
    for path, module in report.modules.items():
        for number, name in enumerate(module.nodes):
            if not path or name not in by_name:
                continue
            label = f"{path}_{number}" if number else path
            leaf = path not in containers
            row = Row(label, module.type, by_name[name], _depth(path), is_call=True, is_leaf=leaf)
            calls.setdefault(name, []).append(row)
    rows: list[Row] = []
    for node in report.nodes:
        if node.name in calls:
            rows += sorted(calls[node.name], key=lambda row: -row.depth)
        elif node.module in containers and node.operator != INPUT:
            rows.append(_operator_row(node, _depth(node.module) + 1))
    return tuple(rows)


def _one_screen(rows: tuple[Row, ...]) -> tuple[Row, ...]:
    """Return `rows` down to the deepest level that fits, without those that say nothing new."""
    for deepest in range(max((row.depth for row in rows), default=1), 0, -1):
        shown = _without_repeats([row for row in rows if row.depth <= deepest])
        if len(shown) <= SCREEN:
            return shown
    top = [row for row in rows if row.depth <= 1]
    return _without_repeats([row for row in top if row.is_call] or top)


def _without_repeats(rows: list[Row]) -> tuple[Row, ...]:
    """Return `rows` without leaves that say what the row above says, and one row per node."""
    shown: list[Row] = []
    for row in rows:
        above = shown[-1] if shown else None
        if above is None:
            shown.append(row)
        elif above.node.name == row.node.name:
            innermost = above.label.partition(SAME)[0]
            shown[-1] = replace(row, label=f"{innermost}{SAME}{row.label}")
        elif _facts(above.node) != _facts(row.node):
            shown.append(row)
        elif not row.is_leaf:
            if not above.is_call and above.node.module == row.label:
                shown.pop()  # the container's own last operator, which its row stands for
            shown.append(row)
    return tuple(shown)


def _facts(node: NodeFacts) -> tuple[tuple[int, ...], str, tuple[FieldFacts, ...]]:
    return node.shape, node.status, tuple(node.fields.values())


def _parents(path: str) -> tuple[str, ...]:
    """Return the paths of the modules that contain `path`, the root (the empty path) included.

    >>> _parents("layer1.0.conv1")
    ('', 'layer1', 'layer1.0')
    """
    parts = path.split(".")
    return tuple(".".join(parts[:length]) for length in range(len(parts) if path else 0))


def _depth(path: str) -> int:
    return path.count(".") + 1 if path else 0
