"""How many ways lead from each element of an earlier tensor to chosen elements.

The number of element-level paths is the gradient of the chosen elements in a network whose weights
are all one and which has no nonlinearities: the receptive field under uniform weights (Luo et al.,
*Understanding the Effective Receptive Field in Deep Convolutional Neural Networks*, NeurIPS 2016,
section 2.1).
"""

from __future__ import annotations

import math
from collections.abc import Container
from dataclasses import dataclass

import networkx as nx
import numpy as np
import numpy.typing as npt

from rfgraph.geometry.tensor_map import Shape
from rfgraph.propagation.backward import Follow, walk_back
from rfgraph.propagation.graph import Edge
from rfgraph.propagation.pull import pull
from rfgraph.rules.call import Read

Weights = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class _Scaled:
    """Numbers of paths as ``weights * 2**exponent``: deep networks have more than a float holds."""

    weights: Weights
    exponent: int

    def plus(self, other: _Scaled) -> _Scaled:
        top = max(self.exponent, other.exponent)
        mine = np.ldexp(self.weights, self.exponent - top)
        return _scaled(mine + np.ldexp(other.weights, other.exponent - top), top)


def _scaled(weights: Weights, exponent: int) -> _Scaled:
    _, power = math.frexp(float(weights.max(initial=0.0)))
    return _Scaled(np.ldexp(weights, -power), exponent + power)


def count_back(
    graph: nx.DiGraph[str],
    target: str,
    marked: npt.NDArray[np.bool_],
    sources: Container[str],
    follow: Follow | None = None,
) -> dict[str, Weights]:
    """For every source the number of paths from its elements to the marked ones, up to one factor.

    Args:
        graph: The operator graph, in topological order.
        target: The node whose elements are marked.
        marked: True at the marked elements; axes of length 1 mean "all along this axis".
        sources: The nodes to report.
        follow: Which reads to follow, given source name, reader name and read; all when None.

    Returns:
        Non-negative weights per source that is reached, broadcastable to the source's shape. Only
        their ratios mean anything. What Python code read whole counts as one path per element.
    """
    found = walk_back(
        graph,
        target,
        _scaled(marked.astype(np.float64), 0),
        sources,
        pulled=_pulled,
        joined=_Scaled.plus,
        everywhere=lambda rank: _scaled(np.ones((1,) * rank), 0),
        any_marked=lambda counts: bool(counts.weights.any()),
        follow=follow,
    )
    return {name: counts.weights for name, counts in found.items()}


def _pulled(edge: Edge, read: Read, counts: _Scaled, before: Shape, after: Shape) -> _Scaled:
    # An operand that stands twice in one read (x + x) is two paths.
    times = max(edge.multiplicity, len(edge.reads)) / len(edge.reads)
    return _scaled(pull(read.map, counts.weights, before, after) * times, counts.exponent)
