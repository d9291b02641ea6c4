"""From an analysis to a plan of tiles."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from math import ceil

from rfgraph.analysis import Analysis, InputInfo, Node
from rfgraph.errors import TilingError
from rfgraph.propagation.note import Status
from rfgraph.tiles.margins import Margins, margins
from rfgraph.tiles.memory import peak_bytes, scaled
from rfgraph.tiles.plan import AxisTiling, TilePlan
from rfgraph.tiles.position_constants import refuse_position_constants


def tiling(
    analysis: Analysis,
    node: str | Node | None = None,
    *,
    tile: int | Sequence[int | None] | None = None,
    memory: int | None = None,
) -> TilePlan:
    """A plan that computes a node tile by tile with the same result as on the whole input.

    Args:
        analysis: The model's analysis on the whole input (or on one of a length that agrees with
            it modulo the plan's moduli).
        node: An output, or what a module returned; the first output by default.
        tile: Largest tile length in input positions, for all analysed axes or one each; None for
            an axis that stays whole. Rounded down to a length that fits.
        memory: Instead: the most bytes that the activations of one tile may take, by the estimate
            of :mod:`rfgraph.tiles.memory`; the tile is as near to a cube as fits.

    Raises:
        TilingError: The node cannot be tiled exactly (the message says why: a global operator,
            positions that matter), or no tile of the wanted length keeps anything.
        NodeNotFoundError: There is no such node.
    """
    if (tile is None) == (memory is None):
        raise TilingError("Give either tile= (input positions) or memory= (bytes).")
    wanted = find_node(analysis, node)
    info = only_input(analysis, wanted)
    place = place_of(analysis, wanted)
    if wanted.status is Status.UNKNOWN:
        raise TilingError(f"{wanted.name} cannot be tiled: {'; '.join(wanted.reasons)}.")
    peak = peak_bytes(analysis)
    if memory is not None:
        axes = _by_memory(wanted, info, peak, memory)
    else:
        lengths = _lengths(tile, info)
        axes = tuple(
            _whole(wanted, info, k)
            if length is None or length >= info.lengths[k]
            else _cut(wanted, info, k, margins(wanted, k), length)
            for k, length in enumerate(lengths)
        )
    cut = {a.axis for a in axes if not a.is_whole}
    refuse_position_constants(analysis, wanted, cut)
    size = scaled(peak, info.shape, {a.axis: a.tile for a in axes})
    return TilePlan(
        wanted.name, info.name, info.shape, wanted.shape, axes, place, _batch(wanted), size
    )


def _batch(node: Node) -> int | None:
    """The first axis, if it is the batch of the input and of the node alike."""
    batch = node.field.batch
    info = node.analysis.inputs[next(n for n, f in node.fields.items() if f is node.field)]
    return 0 if info.batch == 0 and batch is not None and batch.along == 0 else None


def find_node(analysis: Analysis, node: str | Node | None) -> Node:
    """The node that an output's name, a node's name or None (the first output) means."""
    if isinstance(node, Node):
        return node
    if node is None:
        return analysis.output()
    return analysis.outputs[node] if node in analysis.outputs else analysis[node]


def only_input(analysis: Analysis, node: Node) -> InputInfo:
    """The model's input, if it has but one."""
    reaching = [name for name, field in node.fields.items() if field.reaches]
    if len(reaching) != 1 or len(analysis.inputs) != 1:
        raise TilingError(
            f"Tiling needs a model with one tensor input; this one has "
            f"{', '.join(analysis.inputs)}, wrap it so that the others are constants."
        )
    return analysis.inputs[reaching[0]]


def place_of(analysis: Analysis, node: Node) -> str:
    """How a run hands the node out: the name of an output, or the path of a module."""
    for name, output in analysis.outputs.items():
        if output.name == node.name:
            return name
    for path, nodes in analysis.modules.items():
        if path and len(nodes) == 1 and nodes[0].name == node.name:
            return path
    raise TilingError(
        f"{node.name} is neither an output nor what a module called once returned, so a run cannot "
        "hand it out; ask for the module around it."
    )


def _lengths(tile: int | Sequence[int | None] | None, info: InputInfo) -> tuple[int | None, ...]:
    given = (tile,) * len(info.axes) if tile is None or isinstance(tile, int) else tuple(tile)
    if len(given) != len(info.axes) or any(n is not None and n < 1 for n in given):
        raise TilingError(
            f"tile= takes a positive length, or one for each of the {len(info.axes)} analysed axes "
            f"{info.axes}; got {tile!r}."
        )
    return given


def _whole(node: Node, info: InputInfo, k: int) -> AxisTiling:
    """An axis that no tile cuts, so nothing is asked of it."""
    length = info.lengths[k]
    free = [a for a in range(len(node.shape)) if a not in node.spatial_axes]
    along = node.field.axes[k].along
    place = along if along is not None else (free[-1] if free else 0)
    out = node.shape[place]
    return AxisTiling(info.axes[k], place, length, out, length, 0, Fraction(1), (0, 0), length, 1)


def _cut(node: Node, info: InputInfo, k: int, m: Margins, longest: int) -> AxisTiling:
    """The longest cut of an axis that fits, but at most ``longest``."""
    length, along = info.lengths[k], node.field.axes[k].along
    assert along is not None
    remainder = length % m.modulus
    # A tile must keep the elements of one modulus after dropping what is wrong on both sides.
    kept = Fraction(m.modulus) / m.jump + m.left + m.right - node.shape[along]
    needed = max(ceil(length + kept * m.jump), m.shortest)
    smallest = needed + (remainder - needed) % m.modulus
    tile = longest - (longest - remainder) % m.modulus
    if tile < smallest:
        raise TilingError(
            f"A tile of {longest} along axis {info.axes[k]} keeps nothing of {node.name}, which "
            f"drops {m.left} + {m.right} elements at cuts; the smallest tile is {smallest}."
            if smallest < length
            else f"No tile shorter than the {length} positions of axis {info.axes[k]} keeps "
            f"anything of {node.name}, which drops {m.left} + {m.right} elements at cuts."
        )
    return AxisTiling(
        info.axes[k], along, length, node.shape[along], m.modulus, remainder, m.jump,
        (m.left, m.right), tile, smallest,
    )  # fmt: skip


def _by_memory(node: Node, info: InputInfo, peak: int, memory: int) -> tuple[AxisTiling, ...]:
    """The largest cube-like tile whose estimated activations fit."""
    if memory < 1:
        raise TilingError(f"memory= takes a positive number of bytes; got {memory}.")
    if peak <= memory:
        return tuple(_whole(node, info, k) for k in range(len(info.axes)))
    limits = [margins(node, k) for k in range(len(info.axes))]

    def at(side: int) -> tuple[AxisTiling, ...]:
        return tuple(
            _whole(node, info, k)
            if side >= info.lengths[k]
            else _cut(node, info, k, m, max(side, _smallest(node, info, k, m)))
            for k, m in enumerate(limits)
        )

    def size(axes: tuple[AxisTiling, ...]) -> int:
        return scaled(peak, info.shape, {a.axis: a.tile for a in axes})

    low, high = 1, max(info.lengths)
    if size(at(low)) > memory:
        raise TilingError(
            f"The smallest exact tile of {node.name} takes about {size(at(low))} bytes of "
            f"activations, more than the {memory} allowed."
        )
    while low + 1 < high:
        middle = (low + high) // 2
        low, high = (middle, high) if size(at(middle)) <= memory else (low, middle)
    return at(low)


def _smallest(node: Node, info: InputInfo, k: int, m: Margins) -> int:
    along = node.field.axes[k].along
    assert along is not None
    length = info.lengths[k]
    kept = Fraction(m.modulus) / m.jump + m.left + m.right - node.shape[along]
    needed = max(ceil(length + kept * m.jump), m.shortest)
    return min(needed + (length - needed) % m.modulus, length)
