"""Matrix products: each operand is read along its free axes and over its whole contracted axis."""

from __future__ import annotations

from rfgraph.rules.axes import broadcast, placed
from rfgraph.rules.call import Call, Read, Reads, Rule, shape


def mm(call: Call) -> Reads:
    """(i, k) times (k, j)."""
    return [
        Read(call["self"], placed([0, None])),
        Read(call["mat2"], placed([None, 1])),
    ]


def bmm(call: Call) -> Reads:
    """(b, i, k) times (b, k, j)."""
    return [
        Read(call["self"], placed([0, 1, None])),
        Read(call["mat2"], placed([0, None, 2])),
    ]


def addmm(call: Call) -> Reads:
    """A bias plus (i, k) times (k, j)."""
    bias = call["self"]
    return [
        Read(bias, broadcast(shape(bias), call.out)),
        Read(call["mat1"], placed([0, None])),
        Read(call["mat2"], placed([None, 1])),
    ]


def baddbmm(call: Call) -> Reads:
    """A bias plus (b, i, k) times (b, k, j)."""
    bias = call["self"]
    return [
        Read(bias, broadcast(shape(bias), call.out)),
        Read(call["batch1"], placed([0, 1, None])),
        Read(call["batch2"], placed([0, None, 2])),
    ]


def mv(call: Call) -> Reads:
    """(i, k) times (k)."""
    return [Read(call["self"], placed([0, None])), Read(call["vec"], placed([None]))]


def addmv(call: Call) -> Reads:
    """A bias plus (i, k) times (k)."""
    bias = call["self"]
    return [
        Read(bias, broadcast(shape(bias), call.out)),
        Read(call["mat"], placed([0, None])),
        Read(call["vec"], placed([None])),
    ]


def dot(call: Call) -> Reads:
    """(k) times (k)."""
    return [Read(node, placed([None])) for node in call.tensors()]


def linear(call: Call) -> Reads:
    """(…, k) times (j, k), plus a bias (j)."""
    source, weight, bias = call["input"], call["weight"], call["bias"]
    rank = len(shape(source))
    reads = [Read(source, placed([*range(rank - 1), None]))]
    if len(shape(weight)) == 1:
        return [*reads, Read(weight, placed([None]))]
    reads.append(Read(weight, placed([rank - 1, None])))
    if bias is not None:
        reads.append(Read(bias, broadcast(shape(bias), call.out)))
    return reads


def outer(call: Call) -> Reads:
    """(i) times (j)."""
    return [Read(call["self"], placed([0])), Read(call["vec2"], placed([1]))]


RULES: dict[str, Rule] = {
    "aten.mm": mm,
    "aten._int_mm": mm,
    "aten.bmm": bmm,
    "aten.addmm": addmm,
    "aten.baddbmm": baddbmm,
    "aten.mv": mv,
    "aten.addmv": addmv,
    "aten.dot": dot,
    "aten.vdot": dot,
    "aten.linear": linear,
    "aten.ger": outer,
    "aten.outer": outer,
}
