"""What the paths from the inputs to a node tell: how many there are, the narrowest, the widest.

One more topological pass each, never an enumeration: DenseNet-201 has more paths than atoms.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import networkx as nx

from rfgraph.propagation.apply import apply
from rfgraph.propagation.graph import Edge
from rfgraph.propagation.propagate import Subject
from rfgraph.propagation.readout import axis_field
from rfgraph.propagation.state import State


@dataclass(frozen=True, slots=True)
class Paths:
    """The paths from the inputs to one node.

    Attributes:
        count: How many, counted on operator edges.
        find_smallest: Finds what ``smallest`` tells; counting alone does not need it.
        find_largest: Finds what ``largest`` tells.
    """

    count: int
    find_smallest: Callable[[], tuple[str, ...]] = field(repr=False)
    find_largest: Callable[[], tuple[str, ...]] = field(repr=False)

    @property
    def smallest(self) -> tuple[str, ...]:
        """Node names, input first, along a path that attains the smallest field."""
        return self.find_smallest()

    @property
    def largest(self) -> tuple[str, ...]:
        """Node names, input first, along a path that attains the largest field."""
        return self.find_largest()


def count_paths(graph: nx.DiGraph[str], sources: Mapping[str, State]) -> dict[str, int]:
    """The number of paths from any source to every node."""
    counts: dict[str, int] = {}
    for name in graph.nodes:
        edges: list[tuple[str, Edge]] = [(s, d["edge"]) for s, d in graph.pred[name].items()]
        counts[name] = sum(counts[source] * edge.multiplicity for source, edge in edges) + (
            name in sources
        )
    return counts


def extreme_paths(
    graph: nx.DiGraph[str],
    sources: Mapping[str, State],
    subjects: Sequence[Subject],
    choose: Callable[[int, int], bool],
) -> dict[str, str | None]:
    """For every node the node before it on the path that ``choose(new, old)`` prefers.

    The field of a path is the sum of its sizes over the followed axes; an axis that the path mixes
    counts with its whole length.
    """
    best: dict[str, tuple[int, State, str | None]] = {}
    for name, attributes in graph.nodes.items():
        if name in sources:
            best[name] = (_extent(sources[name], subjects), sources[name], None)
            continue
        for source, data in graph.pred[name].items():
            if source not in best:
                continue
            edge: Edge = data["edge"]
            for read in edge.reads:
                state = apply(best[source][1], read.map, attributes["shape"], name)
                if not state.reaches:
                    continue
                extent = _extent(state, subjects)
                if name not in best or choose(extent, best[name][0]):
                    best[name] = (extent, state, source)
    return {name: step for name, (_, _, step) in best.items()}


def trace(before: Mapping[str, str | None], name: str) -> tuple[str, ...]:
    """The path that leads to a node, input first; empty if no input does."""
    if name not in before:
        return ()
    path = [name]
    step = before[name]
    while step is not None:
        path.append(step)
        step = before[step]
    return tuple(reversed(path))


def _extent(state: State, subjects: Sequence[Subject]) -> int:
    total = 0
    for k, subject in enumerate(subjects):
        seen = axis_field(state, k, subject.length)
        total += subject.length if seen.is_global else seen.size or 0
    return total
