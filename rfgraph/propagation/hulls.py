"""The exact hull of what reaches every element of every tensor, from one forward pass.

The last position that reaches an element is the largest of the last positions that reach what it
reads, and the first likewise: hulls of unions are exact, so no element is asked one by one. Padding
is dropped at every step, as in :mod:`rfgraph.propagation.footprint`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import networkx as nx
import numpy as np

from rfgraph.propagation.graph import Edge, shape_of
from rfgraph.propagation.pull import Marks
from rfgraph.propagation.push import push

Ends = tuple[Marks, ...]
"""For each followed axis in turn two tensors of marks: the length of the axis less the first
position that reaches an element, then one more than the last; 0 where nothing does."""


def push_hulls(
    graph: nx.DiGraph[str], source: str, axes: Sequence[int]
) -> Iterator[tuple[str, Ends | None]]:
    """Yield every node of the graph, in its order, with the ends of what reaches its elements.

    Args:
        graph: The operator graph, in topological order.
        source: The node whose positions are followed.
        axes: The axes of the source along which they are.

    Yields:
        Node name and ends, each broadcastable to the node's shape; None where the source does not
        reach the node.
    """
    shape = shape_of(graph, source)
    escapes = graph.graph.get("escapes", frozenset())
    escaped: Ends | None = None
    waiting: dict[str, Ends] = {source: _own_ends(shape, axes)}
    # What nobody reads any more is let go: large tensors are many.
    readers = {name: graph.out_degree(name) for name in graph.nodes}
    for name in graph.nodes:
        here = waiting.get(name)
        for before, data in graph.pred[name].items():
            edge: Edge = data["edge"]
            above = waiting.get(before)
            if above is not None:
                lengths = shape_of(graph, before), shape_of(graph, name)
                for read in edge.reads:
                    # Elements that see nothing are nothing for all ends alike.
                    seen = tuple(push(read.map, end, *lengths) for end in above)
                    here = _joined(here, seen)
        for before in graph.pred[name]:
            readers[before] -= 1
            if not readers[before]:
                waiting.pop(before, None)
        if escaped is not None:
            rank = len(shape_of(graph, name))
            here = _joined(here, tuple(end.reshape((1,) * rank) for end in escaped))
        if here is not None and not here[0].any():
            here = None
        if here is not None and readers[name]:
            waiting[name] = here
        yield name, here
        if here is not None and name in escapes:
            # Python code read all of its values: whatever comes later may depend on them.
            escaped = _joined(escaped, tuple(end.max(initial=0).reshape(1) for end in here))


def _own_ends(shape: tuple[int, ...], axes: Sequence[int]) -> Ends:
    """Return the ends of a tensor whose every element is reached by its own position."""
    ends: list[Marks] = []
    for axis in axes:
        line = np.arange(1, shape[axis] + 1, dtype=np.int32)
        along = [-1 if k == axis else 1 for k in range(len(shape))]
        ends += [line[::-1].reshape(along), line.reshape(along)]
    return tuple(ends)


def _joined(one: Ends | None, other: Ends) -> Ends:
    if one is None:
        return other
    return tuple(a if a is b else np.maximum(a, b) for a, b in zip(one, other, strict=True))
