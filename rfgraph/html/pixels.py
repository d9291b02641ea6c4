"""The very pixels that the middle element of every node sees: holes, crosses, windows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import networkx as nx
import numpy as np
import numpy.typing as npt

from rfgraph.analysis import Analysis, Node
from rfgraph.html.plane import Plane

_VISITS = 400_000
"""Operators that all questions together may look at; each takes tens of microseconds."""


def middle_pixels(analysis: Analysis, plane: Plane) -> tuple[list[Any], Mapping[str, int | None]]:
    """Return pixels, and for every node the number of its own; elementwise nodes share them.

    Pixels are runs (first row, last row, [first, last, … column]); None for a full box. A node has
    no number where the model is so large that asking for all would take minutes: the outermost
    modules come first.
    """
    which: dict[str, int] = {}
    makers: list[Node] = []
    for node in analysis.nodes:
        sources = list(analysis.graph.pred[node.name])
        # Elementwise operators hand on the very state that they read.
        if len(sources) == 1 and node.state is analysis.states[sources[0]]:
            which[node.name] = which[sources[0]]
        else:
            which[node.name] = len(makers)
            makers.append(node)
    chosen = _affordable(analysis, makers)
    kept = [k for k, node in enumerate(makers) if node.name in chosen]
    place = {k: number for number, k in enumerate(kept)}
    found = [_middle(makers[k], plane) for k in kept]
    return found, {name: place.get(k) for name, k in which.items()}


def _affordable(analysis: Analysis, nodes: Sequence[Node]) -> set[str]:
    """Return the nodes whose pixels are asked for, the outermost first."""
    above = _ancestors(analysis)
    depth: dict[str, int] = {}
    for path, returned in analysis.module_names.items():
        for name in returned:
            depth[name] = min(depth.get(name, len(analysis)), path.count(".") + bool(path))
    chosen = set()
    left = _VISITS
    for node in sorted(nodes, key=lambda node: depth.get(node.name, len(analysis))):
        if above[node.name] <= left:
            chosen.add(node.name)
            left -= above[node.name]
    return chosen


def _ancestors(analysis: Analysis) -> dict[str, int]:
    """Return how many nodes each question about a node may look at."""
    above: dict[str, int] = {}
    for k, name in enumerate(nx.topological_sort(analysis.graph)):
        bits = 1 << k
        for source in analysis.graph.pred[name]:
            bits |= above[source]
        above[name] = bits
    return {name: bits.bit_count() for name, bits in above.items()}


def _middle(node: Node, plane: Plane) -> list[list[Any]] | None:
    middle = tuple(node.shape[axis] // 2 for axis in node.spatial_axes)
    return _runs(plane.mask(node.footprint(middle, input=plane.info.name)))


def _runs(mask: npt.NDArray[np.bool_]) -> list[list[Any]] | None:
    """Return (first row, last row, [first, last, … of the columns seen]); None for a full box."""
    if not mask.any():
        return []
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    top, bottom, left, right = rows[0], rows[-1], columns[0], columns[-1]
    if mask[top : bottom + 1, left : right + 1].all():
        return None
    runs: list[list[Any]] = []
    for row in range(int(top), int(bottom) + 1):
        line = np.concatenate(([False], mask[row], [False])).astype(np.int8)
        edges = np.flatnonzero(np.diff(line))
        seen = [int(e) - k % 2 for k, e in enumerate(edges)]
        if runs and runs[-1][2] == seen and runs[-1][1] == row - 1:
            runs[-1][1] = row
        else:
            runs.append([row, row, seen])
    return [run for run in runs if run[2]]
