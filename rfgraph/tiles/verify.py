"""That a model does on a tile what it does on the whole input."""

from __future__ import annotations

from fractions import Fraction

import networkx as nx

from rfgraph.analysis import Analysis
from rfgraph.errors import TilingError
from rfgraph.geometry.tensor_map import Axes, TensorMap, Whole
from rfgraph.propagation.field import AxisField
from rfgraph.propagation.graph import edge_of
from rfgraph.tiles.plan import TilePlan


def verify_lengths(plan: TilePlan, whole: Analysis, tile: Analysis) -> None:
    """Refuse a model whose operators depend on the length of a tiled axis.

    Every tensor on the way to the node must have the length that its jump predicts, the same
    repeating field, and be read by the same maps.

    Args:
        plan: The plan.
        whole: The analysis of the model on the whole input.
        tile: The analysis on one tile, or on a batch of them.

    Raises:
        TilingError: Some tensor differs; the message names it.
    """
    if plan.node not in tile or plan.node not in whole:
        raise TilingError(f"{plan.node} is no node of the model when it runs on a tile.")
    if tile[plan.node].field.mixes_batch:
        raise TilingError(f"{plan.node} mixes the samples of a batch; use batch_size=1.")
    upstream = nx.ancestors(tile.graph, plan.node) | {plan.node}
    for name in tile.graph.nodes:
        if name not in upstream:
            continue
        if name not in whole:
            raise TilingError(f"The model computes {name} on a tile but not on the whole input.")
        for k, a in enumerate(plan.axes):
            if not a.is_whole:
                _compare(name, whole[name].field.axes[k], tile[name].field.axes[k], whole, tile)
        for before in tile.graph.pred[name]:
            if not whole.graph.has_edge(before, name) or not _same_edge(whole, tile, before, name):
                raise _depends(name)


def _depends(name: str) -> TilingError:
    return TilingError(
        f"{name} does not do the same on a tile as on the whole input, because it looks at the "
        "size (align_corners, adaptive pooling, a fixed output size, or an input length that the "
        "model's strides do not divide); pad the input to such a length, or tile a node before it."
    )


def _compare(name: str, long: AxisField, short: AxisField, whole: Analysis, tile: Analysis) -> None:
    if long.interior is None or long.along is None:
        return
    if short.along != long.along or short.jump not in (long.jump, None):
        raise _depends(name)
    pace = long.interior.slope
    missing = whole[name].shape[long.along] - tile[name].shape[long.along]
    if pace and missing != Fraction(long.length - short.length) / pace:
        raise _depends(name)
    # Where padding moves real pixels, a short tile may not show the pattern; maps are compared too.
    if short.interior is not None and short.interior != long.interior:
        raise _depends(name)


def _same_edge(whole: Analysis, tile: Analysis, before: str, name: str) -> bool:
    long, short = edge_of(whole.graph, before, name), edge_of(tile.graph, before, name)
    return len(long.reads) == len(short.reads) and all(
        _same_map(a.map, b.map) for a, b in zip(long.reads, short.reads, strict=True)
    )


def _same_map(a: TensorMap, b: TensorMap) -> bool:
    """Whether two maps read alike but for lengths; views are judged by their shapes and fields."""
    if not isinstance(a, Axes) or not isinstance(b, Axes):
        return type(a) is type(b)
    return all(
        x.out_axis == y.out_axis
        and (
            x.reads == y.reads
            or (not isinstance(x.reads, Whole) and not isinstance(y.reads, Whole)
                and not x.is_identity and x.reads.only is not None)
        )
        for x, y in zip(a.reads, b.reads, strict=True)
    )  # fmt: skip
