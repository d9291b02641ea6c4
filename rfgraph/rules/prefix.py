"""Scans: each output reads the axis up to its own position, neither local nor global."""

from __future__ import annotations

from functools import lru_cache

import torch

from rfgraph.geometry.axis_map import AxisMap
from rfgraph.geometry.index_set import interval
from rfgraph.geometry.periodic import Finite, Periodic
from rfgraph.geometry.tensor_map import Chain, Masked
from rfgraph.rules.axes import along
from rfgraph.rules.call import Call, PerOutput, Read, Reads, Rule, shape
from rfgraph.rules.structural_zeros import zero_weights

LONGEST = 4096
"""Positions up to which a prefix is a table; beyond, it is a window that reaches over the start."""


@lru_cache(maxsize=64)
def prefix(length: int) -> AxisMap:
    """Output o reads 0 … o.

    A table says that a scan has no jump. A long one would hold half the square of its length, and
    is told as a causal filter of that length, which reads the same positions.
    """
    if length > LONGEST:
        return AxisMap(Periodic(1, 1, (interval(1 - length, 0),)))
    return AxisMap(Finite(tuple(interval(0, o) for o in range(length))))


@lru_cache(maxsize=64)
def suffix(length: int) -> AxisMap:
    """Output o reads o … length-1, told as :func:`prefix` is."""
    if length > LONGEST:
        return AxisMap(Periodic(1, 1, (interval(0, length - 1),)))
    return AxisMap(Finite(tuple(interval(o, length - 1) for o in range(length))))


def scan(call: Call) -> Reads:
    """Positions up to the element's own along one axis."""
    source = call["self"]
    in_shape = shape(source)
    if not in_shape:
        return [Read(source, along(0, {}))]
    axis = call["dim"] % len(in_shape)
    return [Read(source, along(len(in_shape), {axis: prefix(in_shape[axis])}))]


def scan_of_products(call: Call) -> Reads:
    """As :func:`scan`; from an element that is zero for all inputs on, nothing."""
    source = call["self"]
    (read,) = scan(call)
    zero = zero_weights(call, source) if shape(source) else None
    if zero is None:
        return [read]
    before = zero.to(torch.int8).cummax(call["dim"]).values == 0
    return [Read(source, Chain(((read.map, call.out), (Masked(before.numpy()), call.out))))]


def scan_with_indices(call: Call) -> PerOutput:
    """Values and indices."""
    return PerOutput((scan(call),) * 2)


RULES: dict[str, Rule] = {
    "aten.cumsum": scan,
    "aten.cumprod": scan_of_products,
    "aten.logcumsumexp": scan,
    "aten._logcumsumexp": scan,
    "aten.cummax": scan_with_indices,
    "aten.cummin": scan_with_indices,
}
