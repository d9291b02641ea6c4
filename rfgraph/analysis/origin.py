"""Asking what a node sees of any other node instead of the model's inputs."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import networkx as nx

from rfgraph.analysis.input_info import InputInfo
from rfgraph.errors import InputError
from rfgraph.propagation.propagate import Subject, propagate, source_state
from rfgraph.propagation.state import batch_axes

if TYPE_CHECKING:
    from rfgraph.analysis.analysis import Analysis
    from rfgraph.analysis.node import Node


def seen_from(analysis: Analysis, source: Node) -> Analysis:
    """The analysis of all nodes that depend on a node, in that node's coordinates.

    Its only input is ``source``, whose axes are the node's spatial axes; paths from the model's
    inputs that bypass it do not count.

    Raises:
        InputError: The node has no spatial axis left whose positions could be followed.
    """
    if not source.spatial_axes:
        message = (
            f"{source.name} of shape {source.shape} has no spatial axis whose positions could be "
            "followed; ask for a node before its axes are reduced."
        )
        raise InputError(message)
    shape = source.shape
    batch = next(iter(batch_axes(source.state)), None)
    info = InputInfo(source.name, shape, source.dtype, source.spatial_axes, batch)
    escapes = analysis.graph.graph.get("escapes", frozenset())
    later = nx.descendants(analysis.graph, source.name) | {source.name}
    if read := escapes & later:
        # What Python code read may steer whatever was made afterwards, along no edge.
        names = list(analysis.graph.nodes)
        later |= set(names[1 + min(map(names.index, read)) :])
    kept: nx.DiGraph[str] = nx.DiGraph()
    # networkx's own subgraph does not keep the order of nodes, which is that of execution.
    kept.add_nodes_from(
        (name, data) for name, data in analysis.graph.nodes.items() if name in later
    )
    kept.add_edges_from(
        (before, name, data)
        for name in kept.nodes
        for before, data in analysis.graph.pred[name].items()
        if before in later
    )
    kept.graph["escapes"] = escapes & later
    followed = info.axes if batch is None else (batch, *info.axes)
    subjects = tuple(Subject(source.name, axis, shape[axis]) for axis in followed)
    start = source_state(shape, source.name, subjects, batch)
    states = propagate(kept, {source.name: start}, len(subjects))
    return replace(
        analysis,
        graph=kept,
        inputs={source.name: info},
        states=states,
        subjects=subjects,
        output_names={k: n for k, n in analysis.output_names.items() if n in later},
        module_names={
            path: found
            for path, names in analysis.module_names.items()
            if (found := tuple(n for n in names if n in later))
        },
    )
