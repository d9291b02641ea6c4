"""Products with an operator of their own: grouped, scaled, time-first convolution."""

from __future__ import annotations

from rfgraph.geometry.axis_map import SAME
from rfgraph.geometry.tensor_map import WHOLE, Axes, AxisRead
from rfgraph.geometry.window import window
from rfgraph.rules.axes import broadcast, placed
from rfgraph.rules.call import Call, Read, Reads, Rule, shape
from rfgraph.rules.contraction import addmm

_GROUPS = "which group a row belongs to is not followed"


def grouped(call: Call) -> Reads:
    """Products of groups of rows, of columns, or of a batch, each with its own factor.

    (rows, k) with (g, k, j) or (g, i, k) with (k, columns): ``offs`` says where groups end.
    (i, all k) with (all k, j) gives (g, i, j); (g, i, k) with (g, k, j) is a batch.
    """
    left, right, ends = call["self"], call["mat2"], call["offs"]
    i, j = len(call.out) - 2, len(call.out) - 1
    gone = AxisRead(None, WHOLE)
    batch = len(shape(left)) == len(shape(right)) == 3
    group = AxisRead(0, SAME) if batch else gone
    caveat = None if batch else _GROUPS
    # A factor with groups of its own is chosen from; where neither has them, the sum is cut.
    cut = len(call.out) > len(shape(left)) == len(shape(right))
    reads = []
    for node, own in ((left, (AxisRead(i, SAME), gone)), (right, (gone, AxisRead(j, SAME)))):
        chosen = len(shape(node)) == 3
        axes = Axes((group, *own) if chosen else own)
        reads.append(Read(node, axes, caveat if chosen or cut else None))
    if ends is not None:
        reads.append(Read(ends, Axes((gone,)), _GROUPS))
    if call["bias"] is not None:
        bias = call["bias"]
        per_group = len(shape(bias)) == 2
        added = Axes((group, AxisRead(j, SAME))) if per_group else placed([j])
        reads.append(Read(bias, added, caveat if per_group else None))
    return reads


def scaled(call: Call) -> Reads:
    """(i, k) times (k, j), with a scale for all, for each row or column, or for blocks."""
    reads = [Read(call["self"], placed([0, None])), Read(call["mat2"], placed([None, 1]))]
    for name, axis in (("scale_a", 0), ("scale_b", 1)):
        node = call[name]
        own = shape(node)
        single = len(own) < 2 or own[axis] == 1
        follows = not single and own[axis] == call.out[axis]
        entries = [AxisRead(None, WHOLE)] * len(own)
        if follows:
            entries[axis] = AxisRead(axis, SAME)
        loose = not follows and not all(n == 1 for n in own)
        reads.append(
            Read(node, Axes(tuple(entries)), "blocks of scales are not followed" if loose else None)
        )
    rest = (node for name in ("bias", "scale_result") if (node := call[name]) is not None)
    return [*reads, *(Read(node, broadcast(shape(node), call.out)) for node in rest)]


def packed_weights(call: Call) -> Reads:
    """(i, k) times weights that are stored (j, k), with a scale per j."""
    source, weight, scales = call["self"], call["mat2"], call["scales"]
    return [
        Read(source, placed([0, None])),
        Read(weight, placed([1, None])),
        Read(scales, broadcast(shape(scales), call.out)),
    ]


def time_first(call: Call) -> Reads:
    """A convolution of (time, batch, channels) with weights (kernel, channels, outputs)."""
    source, weight, bias = call["self"], call["weight"], call["bias"]
    taps = window(kernel=shape(weight)[0], padding=call["pad"])
    gone = AxisRead(None, WHOLE)
    return [
        Read(source, Axes((AxisRead(0, taps), AxisRead(1, SAME), gone))),
        Read(weight, Axes((gone, gone, AxisRead(2, SAME)))),
        Read(bias, placed([2])),
    ]


RULES: dict[str, Rule] = {
    "aten._addmm_activation": addmm,
    "aten._grouped_mm": grouped,
    "aten._scaled_mm": scaled,
    "aten._weight_int8pack_mm": packed_weights,
    "aten.conv_tbc": time_first,
}
