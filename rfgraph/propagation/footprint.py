"""Exact answers for chosen elements: which positions of every earlier tensor reach them.

Boolean masks are pulled back through the same maps that the fields are propagated through, with
real borders: padding is dropped at every step. A mask has length 1 along an axis on which it does
not vary, so that channels cost nothing until something tells them apart.
"""

from __future__ import annotations

import operator
from collections.abc import Container

import networkx as nx
import numpy as np
import numpy.typing as npt

from rfgraph.geometry.tensor_map import Shape
from rfgraph.propagation.backward import Follow, walk_back
from rfgraph.propagation.graph import Edge
from rfgraph.propagation.pull import pull
from rfgraph.rules.call import Read

Mask = npt.NDArray[np.bool_]


def pull_back(
    graph: nx.DiGraph[str],
    target: str,
    mask: Mask,
    sources: Container[str],
    follow: Follow | None = None,
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
    return walk_back(
        graph,
        target,
        mask,
        sources,
        pulled=_pulled,
        joined=operator.or_,
        everywhere=lambda rank: np.ones((1,) * rank, dtype=bool),
        any_marked=lambda marks: bool(marks.any()),
        follow=follow,
    )


def _pulled(_: Edge, read: Read, mask: Mask, before: Shape, after: Shape) -> Mask:
    return pull(read.map, mask, before, after)
