"""Everything that the page shows, as plain data that JSON can spell."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

from rfgraph.analysis import Analysis, Node
from rfgraph.errors import InputError
from rfgraph.html.finding import Finding
from rfgraph.html.pixels import middle_pixels
from rfgraph.html.plane import Plane
from rfgraph.html.regions import stored_regions


def page_content(analysis: Analysis, *, title: str, findings: Sequence[Finding]) -> dict[str, Any]:
    """Return the page's data: nodes, edges, modules, fields, regions and findings.

    Args:
        analysis: The analysis; fields are those in its first input with an analysed axis.
        title: The page's title.
        findings: What the page points at.

    Raises:
        InputError: No input has an analysed axis, or a finding is about no node.
    """
    plane = Plane(_shown_input(analysis))
    stored, region_of = stored_regions(analysis, plane)
    pixels, pixels_of = middle_pixels(analysis, plane)
    number = {node.name: k for k, node in enumerate(analysis.nodes)}
    called: dict[str, list[str]] = {}
    for path, nodes in analysis.modules.items():
        for node in nodes:
            if path:
                called.setdefault(node.name, []).append(path)
    return {
        "title": title,
        "provenance": dict(analysis.provenance),
        "input": {
            "name": plane.info.name,
            "shape": list(plane.info.shape),
            "axes": list(plane.info.axes),
            "lengths": list(plane.lengths),
            "others": [name for name in analysis.inputs if name != plane.info.name],
        },
        "nodes": [
            {
                **_node(node, plane.info.name),
                "returns": called.get(node.name, []),
                "reads": [number[source] for source in analysis.graph.pred[node.name]],
                "region": region_of[node.name],
                "pixels": pixels_of[node.name],
                "before": [
                    number[path[-2]] if len(path) > 1 else None
                    for path in (node.paths.smallest, node.paths.largest)
                ],
            }
            for node in analysis.nodes
        ],
        "types": {path: kind for path, kind in analysis.module_types.items() if path},
        **stored,
        "pixels": pixels,
        "findings": [_finding(finding, analysis) for finding in findings],
    }


def _shown_input(analysis: Analysis) -> Any:  # noqa: ANN401 -- an InputInfo
    for info in analysis.inputs.values():
        if info.axes:
            return info
    raise InputError("no input has an analysed axis, so there is no field to show")


def _node(node: Node, input_name: str) -> dict[str, Any]:
    field = node.fields[input_name]
    return {
        "name": node.name,
        "operator": node.operator.removeprefix("aten.").removesuffix(".default"),
        "module": node.module,
        "shape": list(node.shape),
        "status": node.status.value,
        "reasons": list(node.reasons),
        "size": _plain(field.size),
        "jump": _plain(field.jump),
        "start": _plain(field.start),
        "center": _plain(field.center),
        "support": _plain(field.support),
        "global": list(field.global_axes),
        "origins": list(field.global_origins),
        "paths": str(node.paths.count),
        "branches": [
            [branch.source, _plain(branch.size), _plain(branch.center), branch.aligned]
            for branch in node.branches
        ],
    }


def _plain(numbers: Sequence[int | Fraction | None]) -> list[int | str | None]:
    return [str(n) if isinstance(n, Fraction) else n for n in numbers]


def _finding(finding: Finding, analysis: Analysis) -> dict[str, str]:
    if finding.severity not in ("error", "warning", "note"):
        raise InputError(
            f"a finding is an error, a warning or a note, not of severity {finding.severity!r}"
        )
    node = analysis[finding.node].name if finding.node else ""
    return {
        "title": finding.title, "text": finding.text, "node": node, "severity": finding.severity,
    }  # fmt: skip
