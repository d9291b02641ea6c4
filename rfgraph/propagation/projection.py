"""The forward question: which elements of a later tensor can chosen elements reach.

Boolean masks are pushed through the same maps that :mod:`rfgraph.propagation.pull` reads backwards.
"""

from __future__ import annotations

import networkx as nx
import numpy as np
import numpy.typing as npt

from rfgraph.propagation.backward import Follow
from rfgraph.propagation.graph import Edge, shape_of
from rfgraph.propagation.push import push

Mask = npt.NDArray[np.bool_]


def push_forward(
    graph: nx.DiGraph[str],
    source: str,
    mask: Mask,
    target: str,
    follow: Follow | None = None,
) -> Mask | None:
    """The mask of the target's elements that read some marked element of the source.

    Args:
        graph: The operator graph, in topological order.
        source: The node whose elements are marked.
        mask: True at the marked elements; axes of length 1 mean "all along this axis".
        target: The node to report.
        follow: Which reads to follow, given source name, reader name and read; all when None.

    Returns:
        A mask broadcastable to the target's shape, or None when nothing is reached.
    """
    return push_to(graph, source, mask, target, follow).get(target)


def push_to(
    graph: nx.DiGraph[str],
    source: str,
    mask: Mask,
    target: str,
    follow: Follow | None = None,
) -> dict[str, Mask]:
    """As :func:`push_forward`, for every node on the way that is reached, the source included."""
    masks: dict[str, Mask] = {source: mask}
    escapes = graph.graph.get("escapes", frozenset()) if follow is None else frozenset()
    escaped = False
    wanted = {target, *escapes}.union(*(nx.ancestors(graph, n) for n in (target, *escapes)))
    for name in graph.nodes:
        if name not in wanted:
            continue
        shape = shape_of(graph, name)
        for before, data in graph.pred[name].items():
            here = masks.get(before)
            if here is None:
                continue
            edge: Edge = data["edge"]
            for read in edge.reads:
                if follow is not None and not follow(before, name, read):
                    continue
                seen = push(read.map, here, shape_of(graph, before), shape)
                if seen.any():
                    masks[name] = masks[name] | seen if name in masks else seen
        if escaped:
            masks[name] = np.ones((1,) * len(shape), dtype=bool)
        if name == target:
            break
        # Python code read all of its values: whatever comes later may depend on them.
        escaped |= name in escapes and name in masks
    return masks
