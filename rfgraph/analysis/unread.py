"""Which elements are read: of an input by the outputs, of any tensor by its consumers."""

from __future__ import annotations

from collections.abc import Iterable

import networkx as nx
import numpy as np
import numpy.typing as npt

from rfgraph.analysis.input_info import InputInfo
from rfgraph.propagation.footprint import pull_back
from rfgraph.propagation.graph import Edge, shape_of
from rfgraph.propagation.pull import pull

Mask = npt.NDArray[np.bool_]


def read_by_outputs(graph: nx.DiGraph[str], info: InputInfo, outputs: Iterable[str]) -> Mask:
    """True at the input positions that some element of some output reads, over analysed axes."""
    lengths = tuple(info.shape[axis] for axis in info.axes)
    others = tuple(axis for axis in range(len(info.shape)) if axis not in info.axes)
    read = np.zeros(lengths, dtype=bool)
    for name in dict.fromkeys(outputs):
        everything = np.ones((1,) * len(shape_of(graph, name)), dtype=bool)
        found = pull_back(graph, name, everything, {info.name}).get(info.name)
        if found is not None:
            read |= np.broadcast_to(found.any(axis=others), lengths)
    return read


def read_by_consumers(graph: nx.DiGraph[str], name: str) -> Mask:
    """True at the elements of a node that some operator reads; broadcasts to its shape."""
    shape = shape_of(graph, name)
    if name in graph.graph.get("escapes", frozenset()):
        return np.ones((1,) * len(shape), dtype=bool)
    read = np.zeros((1,) * len(shape), dtype=bool)
    for consumer, data in graph.succ[name].items():
        edge: Edge = data["edge"]
        after = shape_of(graph, consumer)
        for one in edge.reads:
            everything = np.ones((1,) * len(after), dtype=bool)
            read = read | pull(one.map, everything, shape, after)
    return read
