"""What the paths from the inputs to a node tell: how many there are, the narrowest, the widest.

One more topological pass each, never an enumeration: DenseNet-201 has more paths than atoms.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import networkx as nx

from rfgraph.propagation.apply import apply
from rfgraph.propagation.field import axis_field
from rfgraph.propagation.graph import Edge
from rfgraph.propagation.propagate import Subject
from rfgraph.propagation.state import State


@dataclass(frozen=True, slots=True)
class Paths:
    """The paths from the inputs to one node.

    Attributes:
        count: How many, counted on operator edges.
        smallest: Node names, input first, along a path that attains the smallest field.
        largest: The same for the largest field.
    """

    count: int
    smallest: tuple[str, ...]
    largest: tuple[str, ...]


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
) -> dict[str, tuple[str, ...]]:
    """For every node the path whose field is preferred by ``choose(new, old)``.

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
    return {name: _trace(best, name) for name in best}


def _trace(best: Mapping[str, tuple[int, State, str | None]], name: str) -> tuple[str, ...]:
    path = [name]
    step = best[name][2]
    while step is not None:
        path.append(step)
        step = best[step][2]
    return tuple(reversed(path))


def _extent(state: State, subjects: Sequence[Subject]) -> int:
    total = 0
    for k, subject in enumerate(subjects):
        field = axis_field(state, k, subject.length)
        total += subject.length if field.is_global else field.size or 0
    return total
