"""The modules of a model as a graph, each with the field that it ends with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise

import networkx as nx
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch

from rfgraph.analysis import Analysis, Node
from rfgraph.errors import InputError
from rfgraph.plot.style import new_figure, style

_MOST = 120
"""Boxes beyond which nobody reads a figure."""

_SWEEPS = 8
"""How often boxes are sorted by their neighbours; a few suffice (Sugiyama et al., *Methods for
Visual Understanding of Hierarchical System Structures*, 1981)."""

_WIDTH, _HEIGHT = 1.9, 0.62
"""Inches between the middles of neighbouring boxes."""


@dataclass
class _Drawing:
    """Where everything stands: boxes and the bends of long edges by row and place in it.

    Attributes:
        rows: What stands in each row, from the left; edges that pass a row stand in it too.
        links: Edges between neighbouring rows.
        bends: Of every edge between boxes, what it passes, ends included.
    """

    rows: list[list[object]] = field(default_factory=list)
    links: list[tuple[object, object]] = field(default_factory=list)
    bends: list[list[object]] = field(default_factory=list)


def graph(analysis: Analysis, *, depth: int = 1) -> Figure:
    """Return a figure of the model's modules from top to bottom, each with its field's size.

    Operators inside a module at `depth` are one box with it; those outside any stand for
    themselves. Boxes in orange see a whole axis.

    Args:
        analysis: The analysis of the model.
        depth: Levels of the module tree that are open, at least 1.

    Raises:
        InputError: There are more boxes than a figure holds, or `depth` is less than 1.
    """
    if depth < 1:
        raise InputError(f"depth is a number of levels of the module tree, at least 1; got {depth}")
    boxes, edges = _boxes(analysis, depth)
    if len(boxes) > _MOST:
        raise InputError(
            f"{len(boxes)} boxes are more than the {_MOST} that a figure holds; "
            f"{'open fewer levels' if depth > 1 else 'see rfgraph report, which opens modules'}"
        )
    drawing = _arranged(boxes, edges)
    widest = max(len(row) for row in drawing.rows)
    if widest > _MOST // 4:
        raise InputError(
            f"{widest} edges and boxes stand side by side, more than a figure holds; open fewer "
            "levels, or see rfgraph report"
        )
    place = {
        item: ((k - (len(row) - 1) / 2) * _WIDTH, -r * _HEIGHT)
        for r, row in enumerate(drawing.rows)
        for k, item in enumerate(row)
    }
    height = len(drawing.rows) * _HEIGHT + 0.6
    width = max(widest * _WIDTH, 4.2)
    figure, (axes,) = new_figure(width + 0.2, height)
    with style():
        for bends in drawing.bends:
            axes.plot(
                [place[item][0] for item in bends], [place[item][1] for item in bends],
                color="0.55", linewidth=1.1, zorder=1, solid_joinstyle="round",
            )  # fmt: skip
            (x0, y0), (x1, y1) = place[bends[-2]], place[bends[-1]]
            axes.annotate(
                "", (x1 + 0.3 * (x0 - x1), y1 + 0.3 * (y0 - y1)), (x0, y0), zorder=1,
                arrowprops={"arrowstyle": "-|>", "color": "0.55", "linewidth": 1.1},
            )  # fmt: skip
        for name, node in boxes.items():
            x, y = place[name]
            axes.add_patch(
                FancyBboxPatch(
                    (x - 0.4 * _WIDTH, y - 0.27 * _HEIGHT), 0.8 * _WIDTH, 0.54 * _HEIGHT,
                    boxstyle="round,pad=0.03", edgecolor="0.3", linewidth=1.0, zorder=2,
                    facecolor="#f7e3c8" if node.field.is_global else "#dbe9f6",
                )
            )  # fmt: skip
            axes.text(
                x,
                y + 0.085,
                name if len(name) <= 24 else "…" + name[-23:],
                ha="center",
                va="center",
                fontsize=8,
                zorder=3,
            )
            axes.text(
                x, y - 0.095, _said(analysis, name, node), ha="center", va="center",
                fontsize=7, color="0.25", zorder=3,
            )  # fmt: skip
        axes.set_axis_off()
        axes.set_xlim(-width / 2, width / 2)
        axes.set_ylim(-(len(drawing.rows) - 0.5) * _HEIGHT, 0.5 * _HEIGHT)
        axes.set_title("Receptive field after each module\n(px; orange: sees a whole axis)")
    return figure


def _boxes(analysis: Analysis, depth: int) -> tuple[dict[str, Node], set[tuple[str, str]]]:
    """Return what each box ends with, in order of execution, and the edges between boxes."""
    home: dict[str, str] = {}
    for node in analysis.nodes:
        parts = node.module.split(".") if node.module else []
        home[node.name] = ".".join(parts[:depth]) or node.name
    last = {home[node.name]: node for node in analysis.nodes}
    first: dict[str, None] = dict.fromkeys(home.values())
    boxes = {
        name: analysis.modules[name][-1] if analysis.modules.get(name) else last[name]
        for name in first
    }
    edges = {(home[a], home[b]) for a, b in analysis.graph.edges}
    return boxes, {(a, b) for a, b in edges if a != b}


def _arranged(boxes: Mapping[str, Node], edges: set[tuple[str, str]]) -> _Drawing:
    """Return rows by longest path, sorted so that neighbours stand near each other.

    A module that runs twice may be read by what it reads: edges against the order of execution do
    not count for rows.
    """
    order = {name: k for k, name in enumerate(boxes)}
    forward: nx.DiGraph[str] = nx.DiGraph()
    forward.add_nodes_from(boxes)
    forward.add_edges_from(
        sorted(
            ((a, b) if order[a] < order[b] else (b, a) for a, b in edges),
            key=lambda e: (order[e[0]], order[e[1]]),
        )
    )
    row_of: dict[str, int] = {}
    for name in boxes:
        row_of[name] = 1 + max((row_of[a] for a in forward.pred[name]), default=-1)
    drawing = _Drawing(rows=[[] for _ in range(1 + max(row_of.values()))])
    for name in boxes:
        drawing.rows[row_of[name]].append(name)
    for a, b in forward.edges:
        bends: list[object] = [a, *((a, b, r) for r in range(row_of[a] + 1, row_of[b])), b]
        for item in bends[1:-1]:
            drawing.rows[item[2]].append(item)  # type: ignore[index]
        drawing.links += list(pairwise(bends))
        drawing.bends.append(bends if (a, b) in edges else bends[::-1])
    near: dict[object, list[object]] = {}
    for above, below in drawing.links:
        near.setdefault(above, []).append(below)
        near.setdefault(below, []).append(above)
    for sweep in range(_SWEEPS):
        rows = drawing.rows if sweep % 2 == 0 else drawing.rows[::-1]
        at: dict[object, float] = {}
        for row in rows:
            if at:
                # Stable: what has no neighbour yet keeps its place.
                means = {}
                for k, item in enumerate(row):
                    seen = [at[other] for other in near.get(item, ()) if other in at]
                    means[item] = sum(seen) / len(seen) if seen else k - (len(row) - 1) / 2
                row.sort(key=lambda item, means=means: means[item])  # type: ignore[misc]
            at = {item: k - (len(row) - 1) / 2 for k, item in enumerate(row)}
    return drawing


def _said(analysis: Analysis, name: str, node: Node) -> str:
    kind = (
        analysis.module_types.get(name)
        or node.operator.split(".")[-2 if "." in node.operator else 0]
    )
    sizes = [str(n) for n in node.field.size if n is not None]
    size = sizes[0] if len(set(sizes)) == 1 else " × ".join(sizes)
    whole = "global" if node.field.is_global else ""
    kind = kind if len(kind) <= 18 else kind[:17] + "…"
    return f"{kind} · {', '.join(filter(None, (size, whole))) or 'nothing'}"
