"""The operators at which local paths end: what is held constant to see local fields alone."""

from __future__ import annotations

import operator
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import networkx as nx
from torch import fx

from rfgraph.analysis import Analysis, Node
from rfgraph.checking.operator_calls import Key, recorded_keys


@dataclass(frozen=True, slots=True)
class Mixer:
    """An operator that mixes a whole axis.

    Attributes:
        name: Its node.
        keeps_local: Whether its result also reads its argument position by position, as a norm
            over space does.
        shape: Shape of its result.
    """

    name: str
    keeps_local: bool
    shape: tuple[int, ...]

    def is_stacked(self, shape: Sequence[int], runs: int) -> bool:
        """Whether a result of that shape is this one's with its samples several times over.

        On a stack of inputs a layer may call other operators than the recorded ones, so that the
        next one of the same name is another one, often with as many elements.
        """
        grown = [a for a, (n, m) in enumerate(zip(self.shape, shape, strict=False)) if n != m]
        if len(shape) != len(self.shape) or len(grown) > 1:
            return False
        return all(shape[axis] == self.shape[axis] * runs for axis in grown)


def global_mixers(analysis: Analysis) -> Mapping[Key, Mixer]:
    """Return the operators that mix a whole axis, by where a run of the model meets them.

    Which ones these are is the analysis's claim. A false claim shows all the same: in the local
    scope what is not held is seen, in the total scope nothing is held.
    """
    keeps: dict[str, bool] = {}
    mixing: set[str] = set()
    for source, name, data in analysis.graph.edges(data=True):
        for read in data["edge"].reads:
            if analysis.is_local_read(source, name, read):
                keeps[name] = keeps.get(name, False) or _is_elementwise(analysis, source, name)
            else:
                mixing.add(name)
    found: dict[Key, Mixer] = {}
    if not mixing:
        return found
    keys = recorded_keys(analysis[next(iter(mixing))].fx.graph)
    for name in sorted(mixing):
        node = analysis[name].fx
        caller = node.args[0] if node.target is operator.getitem else node
        if isinstance(caller, fx.Node) and caller in keys:
            found[keys[caller]] = Mixer(name, keeps.get(name, False), tuple(analysis[name].shape))
    return found


def mixers_before(node: Node, mixers: Mapping[Key, Mixer]) -> frozenset[str]:
    """Return the names of the mixers that the node depends on, itself included."""
    before = {*nx.ancestors(node.analysis.graph, node.name), node.name}
    return frozenset(mixer.name for mixer in mixers.values() if mixer.name in before)


def _is_elementwise(analysis: Analysis, source: str, name: str) -> bool:
    return analysis[source].shape == analysis[name].shape
