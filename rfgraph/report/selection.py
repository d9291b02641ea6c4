"""Which of a report's nodes to show; the same for every format."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Literal, TypeAlias

from rfgraph.errors import ReportError

if TYPE_CHECKING:
    from rfgraph.report.facts import NodeFacts, Report

Level: TypeAlias = Literal["module", "operator"]


@dataclass(frozen=True, slots=True)
class Selection:
    """What to show of a report.

    Attributes:
        nodes: Shell-style patterns (`layer4*`) over node names and module paths; empty for all.
        level: `operator` for every node, `module` for what modules returned, or None for the
            format's own choice.
    """

    nodes: tuple[str, ...] = ()
    level: Level | None = None


EVERYTHING = Selection()


def select_nodes(report: Report, selection: Selection) -> tuple[NodeFacts, ...]:
    """Return the nodes of `report` that `selection` wants, in execution order.

    Raises:
        ReportError: If a pattern matches no node; the message names close ones.
    """
    paths = module_paths(report)
    for pattern in selection.nodes:
        if not any(matches((pattern,), name_of(node, paths)) for node in report.nodes):
            raise ReportError(_no_match(pattern, report))
    return tuple(
        node
        for node in report.nodes
        if matches(selection.nodes, name_of(node, paths))
        and (selection.level != "module" or node.is_module)
    )


def selected(report: Report, selection: Selection) -> Report:
    """Return `report` with only the nodes that `selection` wants and the modules they belong to.

    Raises:
        ReportError: If a pattern matches no node; the message names close ones.
    """
    if not selection.nodes and selection.level != "module":
        return report
    nodes = select_nodes(report, selection)
    kept = {node.name for node in nodes}
    modules = {
        path: module for path, module in report.modules.items() if kept.issuperset(module.nodes)
    }
    return replace(report, nodes=nodes, modules=modules)


def matches(patterns: tuple[str, ...], names: tuple[str, ...]) -> bool:
    """Return whether one of `names` fits one of `patterns`; no patterns fit every name."""
    return not patterns or any(fnmatchcase(name, pattern) for name in names for pattern in patterns)


def module_paths(report: Report) -> Mapping[str, tuple[str, ...]]:
    """Return, by node name, the paths of the modules that returned the node."""
    paths: dict[str, tuple[str, ...]] = {}
    for path, module in report.modules.items():
        for name in module.nodes:
            paths[name] = (*paths.get(name, ()), path)
    return paths


def name_of(node: NodeFacts, paths: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    """Return every name that `node` answers to: its own and those of modules that returned it."""
    return (node.name, *paths.get(node.name, ()))


def _no_match(pattern: str, report: Report) -> str:
    names = [*report.modules, *(node.name for node in report.nodes)]
    close = difflib.get_close_matches(pattern.strip("*"), names, n=3)
    hint = f"; close: {', '.join(dict.fromkeys(close))}" if close else ""
    return f"no node or module is called '{pattern}'{hint}"
