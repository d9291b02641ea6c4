"""Exact answers for chosen elements: which positions of every earlier tensor reach them.

Boolean masks are pulled back through the same maps that the fields are propagated through, with
real borders: padding is dropped at every step. A mask has length 1 along an axis on which it does
not vary, so that channels cost nothing until something tells them apart.
"""

from __future__ import annotations

from collections.abc import Callable, Container

import networkx as nx
import numpy as np
import numpy.typing as npt

from rfgraph.propagation.graph import Edge, shape_of
from rfgraph.propagation.pull import pull
from rfgraph.rules.call import Read

Mask = npt.NDArray[np.bool_]


def pull_back(
    graph: nx.DiGraph[str],
    target: str,
    mask: Mask,
    sources: Container[str],
    follow: Callable[[str, str, Read], bool] | None = None,
) -> dict[str, Mask]:
    """For every source, the mask of its elements that some marked element of the target reads.

    Args:
        graph: The operator graph, in topological order.
        target: The node whose elements are marked.
        mask: True at the marked elements; axes of length 1 mean "all along this axis".
        sources: The nodes to report.
        follow: Which reads to follow, given source name, reader name and read; all when None.

    Returns:
        A mask per source that is reached, broadcastable to the source's shape.
    """
    masks: dict[str, Mask] = {target: mask}
    found: dict[str, Mask] = {}
    needed = nx.ancestors(graph, target) | {target}
    if follow is None:
        for name in _before(graph, target) & graph.graph.get("escapes", frozenset()):
            # Python code read all of it before the target was made.
            masks[name] = np.ones((1,) * len(shape_of(graph, name)), dtype=bool)
            needed |= nx.ancestors(graph, name) | {name}
    for name in reversed([n for n in graph.nodes if n in needed]):
        here = masks.pop(name, None)
        if here is None or not here.any():
            continue
        if name in sources:
            found[name] = here
        for source, data in graph.pred[name].items():
            edge: Edge = data["edge"]
            before, after = shape_of(graph, source), shape_of(graph, name)
            for read in edge.reads:
                if follow is not None and not follow(source, name, read):
                    continue
                seen = pull(read.map, here, before, after)
                masks[source] = masks[source] | seen if source in masks else seen
    return found


def _before(graph: nx.DiGraph[str], target: str) -> set[str]:
    if not graph.graph.get("escapes"):
        return set()
    names = list(graph.nodes)
    return set(names[: names.index(target)])
