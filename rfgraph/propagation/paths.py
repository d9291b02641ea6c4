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
        find_narrow_state: Finds what reaches the node along ``smallest`` alone.
    """

    count: int
    find_smallest: Callable[[], tuple[str, ...]] = field(repr=False)
    find_largest: Callable[[], tuple[str, ...]] = field(repr=False)
    find_narrow_state: Callable[[], State | None] = field(repr=False)

    @property
    def smallest(self) -> tuple[str, ...]:
        """Node names, input first, along a path that attains the smallest field."""
        return self.find_smallest()

    @property
    def largest(self) -> tuple[str, ...]:
        """Node names, input first, along a path that attains the largest field."""
        return self.find_largest()


@dataclass(frozen=True, slots=True)
class Step:
    """The end of a preferred path.

    Attributes:
        extent: The sum of the path's sizes over the followed axes.
        state: What reaches the node along the path alone.
        before: The node before it; None for an input.
    """

    extent: int
    state: State
    before: str | None


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
) -> dict[str, Step]:
    """For every node the last step of the path that ``choose(new, old)`` prefers.

    The field of a path is the sum of its sizes over the followed axes; an axis that the path mixes
    counts with its whole length.
    """
    best: dict[str, Step] = {}
    for name, attributes in graph.nodes.items():
        if name in sources:
            best[name] = Step(_extent(sources[name], subjects), sources[name], None)
            continue
        for source, data in graph.pred[name].items():
            if source not in best:
                continue
            edge: Edge = data["edge"]
            for read in edge.reads:
                state = apply(best[source].state, read.map, attributes["shape"], name)
                if not state.reaches:
                    continue
                extent = _extent(state, subjects)
                if name not in best or choose(extent, best[name].extent):
                    best[name] = Step(extent, state, source)
    return best


def trace(steps: Mapping[str, Step], name: str) -> tuple[str, ...]:
    """The path that leads to a node, input first; empty if no input does."""
    if name not in steps:
        return ()
    path = [name]
    while (before := steps[path[-1]].before) is not None:
        path.append(before)
    return tuple(reversed(path))


def _extent(state: State, subjects: Sequence[Subject]) -> int:
    total = 0
    for k, subject in enumerate(subjects):
        seen = axis_field(state, k, subject.length)
        total += subject.length if seen.is_global else seen.size or 0
    return total
