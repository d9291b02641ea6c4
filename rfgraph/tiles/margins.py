"""How much of a tile's output is wrong because the tile was cut out of a larger input.

A cut is a border that the whole input does not have: operators pad there, and every element that
reads such padding, of any tensor on the way, is wrong. So an element is right if its unclipped
field *in every tensor that a window reads* lies inside that tensor. The field in the input alone is
not enough: after a crop, a later padding hides input that was there.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from math import ceil, floor, lcm

import networkx as nx

from rfgraph.analysis import Analysis, Node
from rfgraph.errors import TilingError
from rfgraph.geometry.periodic import IDENTITY, Finite, Periodic
from rfgraph.geometry.tensor_map import Axes, AxisRead, Reshape, Shape, TensorMap, Whole
from rfgraph.propagation.field import AxisField
from rfgraph.propagation.graph import Edge


@dataclass(frozen=True, slots=True)
class Margins:
    """What cutting one axis costs at one node.

    Attributes:
        modulus: Cuts must lie at multiples of this many input positions, so that every stride
            and every phase of every tensor on the way falls as in the whole input.
        jump: Input positions per output element.
        left: Output elements that are wrong after a cut on the left.
        right: Output elements that are wrong before a cut on the right.
        shortest: The least input length of a tile, where padding that moves real pixels reads
            further in at a border than elsewhere; 1 for constant padding.
    """

    modulus: int
    jump: Fraction
    left: int
    right: int
    shortest: int


def margins(node: Node, axis: int) -> Margins:
    """The margins of a node along one analysed axis of its input.

    Args:
        node: The node whose elements are wanted.
        axis: Place among the input's analysed axes, from 0.

    Raises:
        TilingError: No tile shorter than the axis can be exact; the message names the node that
            makes it so.
    """
    analysis = node.analysis
    pattern, along = _pattern(node, axis)
    upstream = nx.ancestors(analysis.graph, node.name) | {node.name}
    modulus = 1
    for name in upstream:
        local = analysis[name].field.axes[axis]
        if local.interior is not None:
            modulus = lcm(modulus, abs(local.interior.advance) or 1)
    left = right = 0
    shortest = 1
    length = node.shape[along]
    input_length = node.field.axes[axis].length
    for source in _padded(analysis, node.name, upstream):
        origin = analysis[source]
        seen, source_axis = _seen(analysis, origin, node, axis)
        if seen is None:
            continue
        source_length = origin.shape[source_axis]
        reads = seen.interior
        if reads is None or reads.advance <= 0:
            raise _no_pattern(node, axis, source)
        left = max(left, _wrong_before(reads))
        right = max(right, length - 1 - _right_until(reads, source_length - 1))
        if isinstance(seen.local, Finite):
            pace = origin.field.axes[axis].jump
            assert pace is not None
            before, after = _unlike(seen.local, reads)
            left, right = max(left, before), max(right, after)
            spare = _spare(seen.local, reads, source_length)
            shortest = max(shortest, input_length - floor(spare * pace))
    if shortest >= input_length:
        raise TilingError(
            f"{node.name} cannot be tiled along input axis {_tensor_axis(node, axis)}: elements at "
            "one border read positions of the other (circular padding or a roll); run it whole "
            "along that axis."
        )
    return Margins(modulus, pattern.slope, left, right, shortest)


def _tensor_axis(node: Node, axis: int) -> int:
    info = next(i for name, i in node.analysis.inputs.items() if node.fields[name] is node.field)
    return info.axes[axis]


def _pattern(node: Node, axis: int) -> tuple[Periodic, int]:
    """The node's repeating field along an input axis, and the tensor axis that it runs along."""
    local = node.field.axes[axis]
    where = f"{node.name} cannot be tiled along input axis {_tensor_axis(node, axis)}"
    if local.is_global:
        origins = ", ".join(local.origins)
        raise TilingError(
            f"{where}: {origins} mix{'' if ',' in origins else 'es'} the whole axis, so every "
            "element depends on all of it; tile another axis, or ask for a node before it."
        )
    if local.interior is None or local.along is None or local.interior.advance <= 0:
        raise _no_pattern(node, axis, node.name)
    return local.interior, local.along


def _no_pattern(node: Node, axis: int, source: str) -> TilingError:
    return TilingError(
        f"{node.name} cannot be tiled along input axis {_tensor_axis(node, axis)}: what it sees of "
        f"{source} follows no pattern that repeats and moves forward; if the input is only a few "
        "fields long, analyse a longer one."
    )


def _padded(analysis: Analysis, target: str, upstream: set[str]) -> Iterator[str]:
    """The tensors on the way to the target that some operator reads through a window."""
    for name in upstream - {target}:
        for consumer, data in analysis.graph.succ[name].items():
            edge: Edge = data["edge"]
            shapes = analysis[name].shape, analysis[consumer].shape
            if consumer in upstream and any(_may_pad(r.map, *shapes) for r in edge.reads):
                yield name
                break


def _may_pad(how: TensorMap, before: Shape, after: Shape) -> bool:
    if isinstance(how, Reshape):
        return False
    return not isinstance(how, Axes) or any(
        _reaches_out(read, length, after) for read, length in zip(how.reads, before, strict=True)
    )


def _reaches_out(read: AxisRead, length: int, after: Shape) -> bool:
    if isinstance(read.reads, Whole) or read.out_axis is None:
        return False
    # The identity onto a longer axis pads its end.
    longer = after[read.out_axis] > length
    return longer or read.reads.is_partial or read.reads.interior != IDENTITY


def _seen(analysis: Analysis, origin: Node, node: Node, axis: int) -> tuple[AxisField | None, int]:
    """What the node sees of another along an input axis, and that node's tensor axis."""
    along = origin.field.axes[axis].along
    if along is None or along not in origin.spatial_axes:
        if origin.field.axes[axis].reaches:
            raise _no_pattern(node, axis, origin.name)
        return None, 0
    seen = analysis.between(origin.name, node.name).field
    found = seen.axes[origin.spatial_axes.index(along)]
    if found.is_global:
        raise _no_pattern(node, axis, origin.name)
    return (found if found.local is not None else None), along


def _wrong_before(reads: Periodic) -> int:
    """The first element from which on none reads a position before 0."""
    first = 0
    for phase, seen in enumerate(reads.sets):
        if seen:
            turns = ceil(Fraction(-seen.first, reads.advance))
            # The turn before is the last one of this phase that reads too far left.
            first = max(first, phase + reads.period * (turns - 1) + 1)
    return first


def _right_until(reads: Periodic, last: int) -> int:
    """The last element up to which none reads a position after ``last``."""
    ends = [
        phase + reads.period * (floor(Fraction(last - seen.last, reads.advance)) + 1) - 1
        for phase, seen in enumerate(reads.sets)
        if seen
    ]
    return min(ends)


def _unlike(local: Finite, reads: Periodic) -> tuple[int, int]:
    """How many elements at either end hold a place that does not follow the pattern.

    Padding that moves real pixels is one reason, a write into the first rows another: in a tile
    that is cut there, such an element is not what it is in the whole.
    """
    length = len(local.sets)
    unlike = [o for o, seen in enumerate(local.sets) if seen != reads.at(o)]
    before = max((o + 1 for o in unlike if o < length // 2), default=0)
    return before, length - min((o for o in unlike if o >= length // 2), default=length)


def _spare(local: Finite, reads: Periodic, length: int) -> int:
    """By how many positions a tensor can be cut so that border elements still find all they read.

    Padding that moves real pixels makes border elements read further in than the pattern says.
    """
    spare = length
    half = len(local.sets) // 2
    for place, seen in enumerate(local.sets):
        if seen and seen != reads.at(place):
            spare = min(spare, length - 1 - seen.last if place < half else seen.first)
    return spare
