"""The comparison of two reports."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from os import PathLike
from typing import Protocol, TypeAlias, runtime_checkable

from rfgraph.comparison.causes import find_causes
from rfgraph.comparison.difference import Change, Difference, NodeChange
from rfgraph.comparison.match import match_nodes
from rfgraph.comparison.node_facts import node_changes
from rfgraph.comparison.read import read_report
from rfgraph.report import Report


@runtime_checkable
class HasReport(Protocol):
    """Something that knows its report, such as an analysis."""

    def report(self) -> Report:
        """Return it."""


Comparable: TypeAlias = "Report | HasReport | str | PathLike[str]"


def diff(a: Comparable, b: Comparable) -> Difference:
    """Return what differs between two analyses, reports or report files, from `a` to `b`.

    Only facts are compared; provenance (versions, targets) is not.

    Args:
        a: The old one: an analysis, a report, or the path of a report file, also in a git revision
            (``"HEAD~1:fields.yaml"``).
        b: The new one, likewise.

    Raises:
        ReportError: If a file cannot be read or holds no report.

    >>> import rfgraph
    >>> report = rfgraph.Report(inputs=(), outputs={}, modules={}, nodes=())
    >>> bool(rfgraph.diff(report, report))
    False
    """
    old, new = _report(a), _report(b)
    names = match_nodes(old, new)
    by_name = {node.name: node for node in new.nodes}
    old_name = {after: before for before, after in names.items()}
    changes = {
        names[node.name]: node_changes(node, by_name[names[node.name]], names)
        for node in old.nodes
        if node.name in names
    }
    causes = find_causes(new, changes)
    return Difference(
        model=tuple(_model_changes(old, new, names)),
        nodes=tuple(
            NodeChange(node.name, changes[node.name], tuple(causes[node.name]), node.is_module)
            for node in new.nodes
            if changes.get(node.name)
        ),
        added=tuple(node.name for node in new.nodes if node.name not in old_name),
        removed=tuple(node.name for node in old.nodes if node.name not in names),
        renamed=tuple(
            (node.name, names[node.name])
            for node in old.nodes
            if names.get(node.name, node.name) != node.name
        ),
    )


def _report(given: Comparable) -> Report:
    if isinstance(given, Report):
        return given
    if isinstance(given, HasReport):
        return given.report()
    return read_report(given)


def _model_changes(old: Report, new: Report, names: Mapping[str, str]) -> Iterator[Change]:
    before = {entry.name: entry for entry in old.inputs}
    after = {entry.name: entry for entry in new.inputs}
    for name in dict.fromkeys([*before, *after]):
        a, b = before.get(name), after.get(name)
        for what in ("shape", "dtype", "axes"):
            was, now = getattr(a, what, None), getattr(b, what, None)
            if was != now:
                yield Change(
                    f"input {name} {what}",
                    list(was) if isinstance(was, tuple) else was,
                    list(now) if isinstance(now, tuple) else now,
                )
    for name in dict.fromkeys([*old.outputs, *new.outputs]):
        node = old.outputs.get(name)
        moved = names.get(node, node) if node is not None else None
        if moved != new.outputs.get(name):
            yield Change(f"output {name}", node, new.outputs.get(name))
