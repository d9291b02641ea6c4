"""Constants that vary along a tiled axis: the model knows where it is, so tiles would lie."""

from __future__ import annotations

import networkx as nx
import torch
from torch import fx
from torch._ops import OpOverload

from rfgraph.analysis import Analysis, Node
from rfgraph.capture import evaluate
from rfgraph.errors import TilingError
from rfgraph.geometry.tensor_map import Masked, MaskedMix
from rfgraph.propagation.graph import Edge

_JOINING = ("aten.cat", "aten.stack", "aten.where")


def refuse_position_constants(analysis: Analysis, node: Node, cut: set[int]) -> None:
    """Refuse a model that adds, multiplies or joins values that depend on the absolute position.

    Args:
        analysis: The analysis on the whole input.
        node: The node that is wanted.
        cut: The input's tensor axes that tiles cut.

    Raises:
        TilingError: There is such an operator on the way to the node.
    """
    if not cut:
        return
    names = {n.fx for n in analysis.nodes}
    for name in sorted(nx.ancestors(analysis.graph, node.name) | {node.name}):
        for data in analysis.graph.pred[name].values():
            edge: Edge = data["edge"]
            masked = any(isinstance(read.map, (Masked, MaskedMix)) for read in edge.reads)
            if masked or _varies(analysis[name], edge, names):
                raise TilingError(
                    f"{node.name} cannot be tiled: {name} combines its input with constants that "
                    "differ from position to position, and a tile does not know where it lies."
                )


def _varies(at: Node, edge: Edge, reached: set[fx.Node]) -> bool:
    caller = edge.caller
    if not isinstance(caller.target, OpOverload) or not (
        torch.Tag.pointwise in caller.target.tags or str(caller.target).startswith(_JOINING)
    ):
        return False
    for constant in caller.all_input_nodes:
        spec = constant.meta.get("spec")
        if constant in reached or spec is None or type(spec) is tuple:
            continue
        for axis in at.spatial_axes:
            own = axis - len(at.shape) + len(spec.shape)
            if own >= 0 and spec.shape[own] > 1 and _differs(constant, own):
                return True
    return False


def _differs(constant: fx.Node, axis: int) -> bool:
    value = evaluate(constant)
    if value is None:
        return True
    first = value.narrow(axis, 0, 1)
    return not torch.equal(value, first.expand_as(value))
