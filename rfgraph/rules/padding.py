"""Padding: constant padding is virtual input, every other kind moves real pixels."""

from __future__ import annotations

from rfgraph.geometry.axis_map import Border
from rfgraph.geometry.movement import pad
from rfgraph.rules.axes import along
from rfgraph.rules.call import Call, Read, Reads, Rule, shape


def _padding(argument: str, border: Border) -> Rule:
    def rule(call: Call) -> Reads:
        source = call["self"]
        rank = len(shape(source))
        amounts = call[argument]
        # Amounts come in (before, after) pairs from the last axis backwards.
        maps = {
            rank - 1 - k: pad(amounts[2 * k], border)
            for k in range(len(amounts) // 2)
            if amounts[2 * k] or amounts[2 * k + 1]
        }
        return [Read(source, along(rank, maps))]

    return rule


RULES: dict[str, Rule] = {
    "aten.constant_pad_nd": _padding("pad", Border.VIRTUAL),
    **dict.fromkeys(
        [f"aten.reflection_pad{dims}d" for dims in (1, 2, 3)], _padding("padding", Border.REFLECT)
    ),
    **dict.fromkeys(
        [f"aten.replication_pad{dims}d" for dims in (1, 2, 3)],
        _padding("padding", Border.REPLICATE),
    ),
}
