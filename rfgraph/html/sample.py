"""Exact regions of a grid of positions of every node, and the pixels of its middle one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product
from typing import Any

import networkx as nx
import numpy as np
import numpy.typing as npt

from rfgraph.analysis import Analysis, Node
from rfgraph.html.plane import Plane

_VISITS = 400_000
"""Operators that all regions together may look at; each takes tens of microseconds."""


def sampled_regions(
    analysis: Analysis, plane: Plane, positions: int
) -> tuple[list[dict[str, Any]], Mapping[str, int]]:
    """Return regions, and for every node the number of its own; elementwise nodes share one.

    Args:
        analysis: The analysis.
        plane: How the input lies on the picture.
        positions: Positions per axis, from the first to the last; fewer where the model is so large
            that they would take minutes.
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
    count = _affordable(analysis, makers, positions)
    found = [
        _exact(node, plane, count[node.name]) if count[node.name] else _pattern(node, plane)
        for node in makers
    ]
    return found, which


def _affordable(analysis: Analysis, nodes: Sequence[Node], positions: int) -> dict[str, int]:
    """Return positions per axis for every node: first one for each, then all for the outermost."""
    above = _ancestors(analysis)
    depth: dict[str, int] = {}
    for path, returned in analysis.module_names.items():
        for name in returned:
            depth[name] = min(depth.get(name, len(analysis)), path.count(".") + bool(path))
    outermost = sorted(nodes, key=lambda node: depth.get(node.name, len(analysis)))
    count = dict.fromkeys((node.name for node in nodes), 0)
    left = _VISITS
    for wanted in (1, positions):
        for node in outermost:
            cost = above[node.name] * (wanted**2 + 1)
            if count[node.name] < wanted and cost <= left:
                count[node.name] = wanted
                left -= cost
    return count


def _ancestors(analysis: Analysis) -> dict[str, int]:
    """Return how many nodes each question about a node may look at."""
    above: dict[str, int] = {}
    for k, name in enumerate(nx.topological_sort(analysis.graph)):
        bits = 1 << k
        for source in analysis.graph.pred[name]:
            bits |= above[source]
        above[name] = bits
    return {name: bits.bit_count() for name, bits in above.items()}


def _exact(node: Node, plane: Plane, positions: int) -> dict[str, Any]:
    name = plane.info.name
    extent = [node.shape[axis] for axis in node.spatial_axes]
    middle = tuple(n // 2 for n in extent)
    grid = [_spread(n, positions) for n in extent[-2:]]
    hidden = middle[:-2] if len(extent) > 2 else ()
    regions = {middle: node.region(middle, input=name)}
    cells = []
    for place in product(*grid):
        index = (*hidden, *place)
        if index not in regions:
            regions[index] = node.region(index, input=name)
        cells.append([plane.pairs(regions[index].hull), plane.pairs(regions[index].unclipped)])
    hull = plane.pairs(regions[middle].hull)
    return {
        "extent": extent,
        "grid": grid,
        "cells": cells,
        "middle": list(middle),
        "hull": hull,
        "unclipped": plane.pairs(regions[middle].unclipped),
        "runs": _runs(plane.mask(node.footprint(middle, input=name)), hull),
    }


def _pattern(node: Node, plane: Plane) -> dict[str, Any]:
    """Return only the unclipped local field of the middle element, which costs nothing."""
    extent = [node.shape[axis] for axis in node.spatial_axes]
    middle = tuple(n // 2 for n in extent)
    place = dict(zip(node.spatial_axes, middle, strict=True))
    unclipped = node.analysis.unclipped(node.state, plane.info.name, place)
    return {
        "extent": extent,
        "grid": [],
        "cells": [],
        "middle": list(middle),
        "hull": None,
        "unclipped": plane.pairs(unclipped),
        "runs": [],
        "pattern": True,
    }


def _spread(extent: int, count: int) -> list[int]:
    """Return at most `count` positions from the first to the last, evenly.

    >>> _spread(10, 4), _spread(3, 5), _spread(7, 1)
    ([0, 3, 6, 9], [0, 1, 2], [3])
    """
    if count == 1:
        return [extent // 2]
    if extent <= count:
        return list(range(extent))
    return sorted({round(k * (extent - 1) / (count - 1)) for k in range(count)})


def _runs(mask: npt.NDArray[np.bool_], hull: Any) -> list[list[Any]] | None:  # noqa: ANN401 -- pairs
    """Return (first row, last row, [first, last, …] of the columns seen); None for a full box."""
    if hull is None:
        return []
    (top, bottom), (left, right) = hull
    if mask[top : bottom + 1, left : right + 1].all():
        return None
    runs: list[list[Any]] = []
    for row in range(top, bottom + 1):
        line = np.concatenate(([False], mask[row], [False])).astype(np.int8)
        edges = np.flatnonzero(np.diff(line))
        columns = [int(e) - k % 2 for k, e in enumerate(edges)]
        if runs and runs[-1][2] == columns and runs[-1][1] == row - 1:
            runs[-1][1] = row
        else:
            runs.append([row, row, columns])
    return [run for run in runs if run[2]]
