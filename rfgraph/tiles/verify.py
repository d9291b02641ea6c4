"""That a model does on a tile what it does on the whole input."""

from __future__ import annotations

from collections.abc import Sequence

import networkx as nx

from rfgraph.analysis import Analysis, Node
from rfgraph.errors import TilingError
from rfgraph.geometry.tensor_map import Axes, TensorMap, Whole
from rfgraph.propagation.field import AxisField
from rfgraph.propagation.graph import edge_of


def verify_lengths(
    node: str, places: Sequence[int], whole: Analysis, tile: Analysis, *, in_step: bool = True
) -> None:
    """Refuse a model whose operators depend on the length of a tiled axis.

    Every tensor on the way to the node must have the length that its jump predicts, the same
    repeating field, and be read by the same maps.

    Args:
        node: Name of the node that is wanted.
        places: The cut axes, as places among the input's analysed axes.
        whole: The analysis of the model on the whole input.
        tile: The analysis on one tile, or on a batch of them.
        in_step: Whether the tile's length agrees with the whole modulo the modulus, so that every
            tensor's length is predicted exactly.

    Raises:
        TilingError: Some tensor differs; the message names it.
    """
    if node not in tile or node not in whole:
        raise TilingError(f"{node} is no node of the model when it runs on a tile.")
    if tile[node].field.mixes_batch:
        raise TilingError(f"{node} mixes the samples of a batch; use batch_size=1.")
    upstream = nx.ancestors(tile.graph, node) | {node}
    for name in tile.graph.nodes:
        if name not in upstream:
            continue
        if name not in whole:
            raise TilingError(f"The model computes {name} on a tile but not on the whole input.")
        for k in places:
            long, short = whole[name].field.axes[k], tile[name].field.axes[k]
            _compare(name, long, short)
            if in_step:
                _compare_lengths(whole[name], tile[name], k)
        for before in tile.graph.pred[name]:
            if not whole.graph.has_edge(before, name) or not _same_edge(whole, tile, before, name):
                raise _depends(name)


def _depends(name: str) -> TilingError:
    return TilingError(
        f"{name} does not do the same on a tile as on the whole input, because it looks at the "
        "size (align_corners, adaptive pooling, a fixed output size, or an input length that the "
        "model's strides do not divide); pad the input to such a length, or tile a node before it."
    )


def _compare_lengths(whole: Node, tile: Node, k: int) -> None:
    long, short = whole.field.axes[k], tile.field.axes[k]
    if long.interior is None or long.along is None:
        return
    missing = whole.shape[long.along] - tile.shape[long.along]
    if missing * long.interior.slope != long.length - short.length and long.interior.slope:
        raise _depends(whole.name)


def _compare(name: str, long: AxisField, short: AxisField) -> None:
    if long.interior is None or long.along is None:
        return
    if short.along != long.along or short.jump not in (long.jump, None):
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
