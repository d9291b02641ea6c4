"""The operator graph: tensors as nodes, how each operator reads as edges.

Every node is one tensor. An operator with several tensor outputs stands as one node per output,
each with its own reads.
"""

from __future__ import annotations

import operator
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import networkx as nx
from torch import fx
from torch._ops import OpOverload

from rfgraph.errors import UnknownOperatorError
from rfgraph.geometry.tensor_map import Everything, Shape
from rfgraph.propagation.note import Note, Status
from rfgraph.rules.call import Call, Evaluate, PerOutput, Read, Reads, Rule
from rfgraph.rules.checked import check_reads
from rfgraph.rules.rule_set import RuleSet


class Edge(NamedTuple):
    """All ways in which one tensor is read by the operator that makes another.

    Attributes:
        reads: The maps, with the caveats of the rule.
        source: The tensor's recorded node.
        caller: The operator's recorded node.
    """

    reads: tuple[Read, ...]
    source: fx.Node
    caller: fx.Node

    @property
    def multiplicity(self) -> int:
        """How many of the operator's arguments the tensor is."""
        count = 0

        def see(node: fx.Node) -> fx.Node:
            nonlocal count
            count += node is self.source
            return node

        fx.node.map_arg((self.caller.args, self.caller.kwargs), see)
        return max(count, 1)


def build_graph(
    nodes: Iterable[fx.Node],
    inputs: Mapping[str, fx.Node],
    outputs: Iterable[fx.Node],
    rules: RuleSet,
    evaluate: Evaluate,
    *,
    strict: bool,
    escapes: Iterable[fx.Node] = (),
) -> nx.DiGraph[str]:
    """The graph of all tensors that some input reaches, and of the outputs.

    Node keys are node names in execution order, with attributes ``fx`` (the recorded node),
    ``shape``, and ``notes`` (what the operator costs in certainty). Each edge has an attribute
    ``edge``, an :class:`Edge`. The graph's own attribute ``escapes`` names the nodes whose values
    Python code read: every later node may depend on them.

    Raises:
        UnknownOperatorError: ``strict`` and an operator on a path from an input has no rule.
    """
    graph: nx.DiGraph[str] = nx.DiGraph()
    several: dict[fx.Node, PerOutput | Reads] = {}
    names: dict[fx.Node, str] = {}
    unknown: dict[fx.Node, Note] = {}
    known: dict[Any, Rule | None] = {}
    edges: list[tuple[str, str, dict[str, Edge]]] = []

    def add(node: fx.Node, reads: Reads, caller: fx.Node) -> None:
        name = node.meta["name"]
        grouped: dict[fx.Node, list[Read]] = {}
        for read in reads:
            if read.source in names:
                grouped.setdefault(read.source, []).append(read)
        if not grouped:
            return
        names[node] = name
        if caller in unknown:
            notes = frozenset([unknown[caller]])
        else:
            caveats = [r.caveat for found in grouped.values() for r in found if r.caveat]
            notes = frozenset([Note(Status.BOUND, name, why) for why in caveats])
        graph.add_node(name, fx=node, shape=node.meta["spec"].shape, notes=notes)
        for source, found in grouped.items():
            edge = Edge(tuple(found), source, caller)
            edges.append((names[source], name, {"edge": edge}))

    for name, node in inputs.items():
        names[node] = name
        graph.add_node(name, fx=node, shape=node.meta["spec"].shape, notes=frozenset())
    for node in nodes:
        if node.op != "call_function":
            continue
        if node.target is operator.getitem:
            caller, place = node.args
            assert isinstance(caller, fx.Node)
            assert isinstance(place, int)
            if caller in several:
                found = several[caller]
                add(node, found.outputs[place] if isinstance(found, PerOutput) else found, caller)
            continue
        if names.keys().isdisjoint(node.all_input_nodes):
            continue
        key = type(node.meta["opaque"]) if "opaque" in node.meta else node.target
        if key not in known:
            known[key] = _rule_of(node, rules)
        rule = known[key]
        reads = (
            _asked(rule, Call(node, evaluate))
            if rule is not None
            else _without_rule(node, unknown, strict=strict)
        )
        if type(node.meta["spec"]) is tuple:
            several[node] = reads
        else:
            add(node, reads.outputs[0] if isinstance(reads, PerOutput) else reads, node)
    for node in outputs:
        if node not in names and "spec" in node.meta and type(node.meta["spec"]) is not tuple:
            names[node] = node.meta["name"]
            graph.add_node(
                node.meta["name"], fx=node, shape=node.meta["spec"].shape, notes=frozenset()
            )
    graph.add_edges_from(edges)
    graph.graph["escapes"] = frozenset(names[node] for node in escapes if node in names)
    return graph


def _rule_of(node: fx.Node, rules: RuleSet) -> Rule | None:
    if "opaque" in node.meta:
        return rules.find_module(node.meta["opaque"])
    assert isinstance(node.target, OpOverload)
    return rules.find(node.target)


def _asked(rule: Rule, call: Call) -> Reads | PerOutput:
    """What the rule answers; somebody's own rule is checked against the shapes."""
    reads = rule(call)
    if call.module is not None or getattr(call.node.target, "namespace", "aten") != "aten":
        check_reads(call, reads)
    return reads


def _without_rule(node: fx.Node, unknown: dict[fx.Node, Note], *, strict: bool) -> Reads:
    if strict:
        message = (
            f"{node.target} at {node.meta['name']} has no rule; give one with "
            "rules=BUILTIN_RULES.with_rule(...), or analyse without strict."
        )
        raise UnknownOperatorError(message)
    unknown[node] = Note(Status.UNKNOWN, node.meta["name"], f"{node.target} has no rule")
    return [Read(source, Everything()) for source in node.all_input_nodes]


def edge_of(graph: nx.DiGraph[str], source: str, target: str) -> Edge:
    """The edge between two nodes."""
    attributes: dict[str, Any] = graph.edges[source, target]
    edge: Edge = attributes["edge"]
    return edge


def shape_of(graph: nx.DiGraph[str], name: str) -> Shape:
    """The shape of a node's tensor."""
    shape: Shape = graph.nodes[name]["shape"]
    return shape
