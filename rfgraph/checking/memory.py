"""What runs of the model need, in bytes, estimated from the recorded shapes."""

from __future__ import annotations

from math import prod

from torch._ops import OpOverload

from rfgraph.analysis import Analysis

_DOUBLE, _SINGLE = 8, 4
_WORKSPACE = 4
"""Tensors as large as the largest that a run without gradients holds at once: arguments, result,
masks of NaN."""


def gradient_bytes(analysis: Analysis, node: str) -> int:
    """Return what a graph for gradients of `node` holds: all tensors until then."""
    total = 0
    for found in analysis:
        target = found.fx.target
        if not (isinstance(target, OpOverload) and target.is_view):
            total += prod(found.shape) * _DOUBLE
        if found.name == node:
            break
    return total


def taint_bytes(analysis: Analysis) -> int:
    """Return what one poisoned input holds at most."""
    return _WORKSPACE * _SINGLE * max(prod(node.shape) for node in analysis)


def spell(size: int) -> str:
    """Return a number of bytes in a unit of which it is at least a tenth."""
    for unit, name in ((2**30, "GiB"), (2**20, "MiB"), (2**10, "KiB")):
        if size * 10 >= unit:
            return f"{size / unit:.1f} {name}"
    return f"{size} B"
