"""How many ways lead from each element of an earlier tensor to chosen elements.

The number of element-level paths is the gradient of the chosen elements in a network whose weights
are all one and which has no nonlinearities: the receptive field under uniform weights (Luo et al.,
*Understanding the Effective Receptive Field in Deep Convolutional Neural Networks*, NeurIPS 2016,
section 2.1).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Container
from dataclasses import dataclass

import networkx as nx
import numpy as np
import numpy.typing as npt

from rfgraph.propagation.graph import Edge, shape_of
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
    follow: Callable[[str, str, Read], bool] | None = None,
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
        their ratios mean anything.
    """
    counts: dict[str, _Scaled] = {target: _scaled(marked.astype(np.float64), 0)}
    found: dict[str, Weights] = {}
    needed = nx.ancestors(graph, target) | {target}
    for name in reversed([n for n in graph.nodes if n in needed]):
        here = counts.pop(name, None)
        if here is None or not here.weights.any():
            continue
        if name in sources:
            found[name] = here.weights
        for source, data in graph.pred[name].items():
            edge: Edge = data["edge"]
            before, after = shape_of(graph, source), shape_of(graph, name)
            # An operand that stands twice in one read (x + x) is two paths.
            times = max(edge.multiplicity, len(edge.reads)) / len(edge.reads)
            for read in edge.reads:
                if follow is not None and not follow(source, name, read):
                    continue
                seen = _scaled(pull(read.map, here.weights, before, after) * times, here.exponent)
                counts[source] = counts[source].plus(seen) if source in counts else seen
    return found
