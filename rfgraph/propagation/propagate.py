"""One topological pass that gives every node its state. Linear in nodes and edges."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import networkx as nx

from rfgraph.geometry.periodic import IDENTITY
from rfgraph.geometry.tensor_map import Everything, Shape, TensorMap
from rfgraph.propagation.apply import apply
from rfgraph.propagation.graph import Edge
from rfgraph.propagation.join import see_through
from rfgraph.propagation.merge import union_states
from rfgraph.propagation.note import Note, Status
from rfgraph.propagation.repeats import Repeats
from rfgraph.propagation.state import Reach, State, Term, plain_layout, untouched


@dataclass(frozen=True, slots=True)
class Subject:
    """One axis of one input whose reach is followed.

    Attributes:
        source: Name of the node that the positions belong to.
        axis: Tensor axis of it.
        length: Number of positions.
    """

    source: str
    axis: int
    length: int


def source_state(shape: Shape, name: str, subjects: Sequence[Subject], batch: int | None) -> State:
    """The state of an input: each followed axis sees itself."""
    part = tuple(
        Reach((Term(((subject.axis, 0, 1),), IDENTITY),)) if subject.source == name else None
        for subject in subjects
    )
    stands = frozenset((s.axis, 0, s.axis != batch) for s in subjects if s.source == name)
    return State(plain_layout(shape), (part,), None, stands)


def propagate(
    graph: nx.DiGraph[str], sources: Mapping[str, State], subjects: int
) -> dict[str, State]:
    """The state of every node, in graph order, which must be topological.

    Args:
        graph: As :func:`rfgraph.propagation.graph.build_graph` makes it.
        sources: The states of the nodes where followed axes enter.
        subjects: How many axes are followed.
    """
    states: dict[str, State] = {}
    repeats = Repeats()
    escaped: State | None = None
    escapes = graph.graph.get("escapes", frozenset())
    incoming: dict[str, list[tuple[str, Edge]]] = {name: [] for name in graph}
    edge: Edge
    for source, target, edge in graph.in_edges(data="edge"):
        incoming[target].append((source, edge))
    for name, attributes in graph.nodes(data=True):
        if name in sources:
            states[name] = sources[name]
            if name in escapes:
                escaped = _joined(escaped, _read_by_python(states[name], name))
            continue
        shape: Shape = attributes["shape"]
        reads: list[tuple[State, TensorMap]] = []
        for source, edge in incoming[name]:
            before = states[source]
            if before.reaches:
                reads.extend([(before, read.map) for read in edge.reads])
        outcome = repeats.outcome((shape, tuple(reads)))
        if outcome:
            (state,) = outcome
        else:
            found = see_through(reads, shape, name)
            state = union_states(found) if found else untouched(shape, subjects)
            state = repeats.one(state)
            repeats.remember(outcome, state, name)
        if escaped is not None:
            unseen = _unseen(escaped, shape)
            state = union_states([state, unseen]) if state.reaches else unseen
        if attributes["notes"]:
            state = repeats.one(replace(state, notes=state.notes | attributes["notes"]))
        states[name] = state
        if name in escapes:
            escaped = _joined(escaped, _read_by_python(state, name))
    return states


def _read_by_python(state: State, name: str) -> State:
    """What reaches Python code that reads all values of a tensor."""
    note = Note(Status.BOUND, name, "its values were read by Python code, or decided a shape")
    here = apply(state, Everything(), (1,), name)
    return replace(here, notes=here.notes | {note})


def _joined(escaped: State | None, here: State) -> State:
    return here if escaped is None else union_states([escaped, here])


def _unseen(escaped: State, shape: Shape) -> State:
    """What reaches a tensor of any shape through values that Python code read earlier."""
    return State(plain_layout(shape), escaped.parts, notes=escaped.notes)
