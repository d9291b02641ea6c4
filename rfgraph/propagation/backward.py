"""The walk from chosen elements of one node back to every earlier tensor.

What travels is a mark per element: whether it is read (:mod:`~rfgraph.propagation.footprint`), or
in how many ways (:mod:`~rfgraph.propagation.density`). The walk is the same for both: one pass
over the ancestors in reverse order, linear in edges, whatever the number of paths.
"""

from __future__ import annotations

from collections.abc import Callable, Container
from typing import TypeVar

import networkx as nx

from rfgraph.geometry.tensor_map import Shape
from rfgraph.propagation.graph import Edge, shape_of
from rfgraph.rules.call import Read

M = TypeVar("M")

Follow = Callable[[str, str, Read], bool]
"""Which reads to follow, given source name, reader name and read."""


def walk_back(
    graph: nx.DiGraph[str],
    target: str,
    marks: M,
    sources: Container[str],
    *,
    pulled: Callable[[Edge, Read, M, Shape, Shape], M],
    joined: Callable[[M, M], M],
    everywhere: Callable[[int], M],
    any_marked: Callable[[M], bool],
    follow: Follow | None = None,
) -> dict[str, M]:
    """For every source the marks that arrive at it from the marked elements of the target.

    Args:
        graph: The operator graph, in topological order.
        target: The node whose elements are marked.
        marks: The marks of the target's elements.
        sources: The nodes to report.
        pulled: The marks of a source, of one read of an edge, given the reader's marks and the
            shapes of source and reader.
        joined: The marks of a tensor whose elements are reached by two reads.
        everywhere: The marks of a tensor of so many axes that was read whole by Python code.
        any_marked: Whether any element is marked; where none is, nothing is followed.
        follow: Which reads to follow; all when None.

    Returns:
        Marks per source that is reached.
    """
    waiting: dict[str, M] = {target: marks}
    found: dict[str, M] = {}
    needed = nx.ancestors(graph, target) | {target}
    if follow is None:
        for name in _before(graph, target) & graph.graph.get("escapes", frozenset()):
            # Python code read all of it before the target was made.
            waiting[name] = everywhere(len(shape_of(graph, name)))
            needed |= nx.ancestors(graph, name) | {name}
    for name in reversed([n for n in graph.nodes if n in needed]):
        here = waiting.pop(name, None)
        if here is None or not any_marked(here):
            continue
        if name in sources:
            found[name] = here
        for source, data in graph.pred[name].items():
            edge: Edge = data["edge"]
            before, after = shape_of(graph, source), shape_of(graph, name)
            for read in edge.reads:
                if follow is not None and not follow(source, name, read):
                    continue
                seen = pulled(edge, read, here, before, after)
                waiting[source] = joined(waiting[source], seen) if source in waiting else seen
    return found


def _before(graph: nx.DiGraph[str], target: str) -> set[str]:
    if not graph.graph.get("escapes"):
        return set()
    names = list(graph.nodes)
    return set(names[: names.index(target)])
