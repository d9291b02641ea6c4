"""A larger input, so that whole fields fit and unclipped numbers are tested."""

from __future__ import annotations

from fractions import Fraction
from math import ceil, gcd

from rfgraph.analysis import Analysis, Node
from rfgraph.geometry.tensor_map import Shape

_GRID = 32
"""Sizes stay multiples of what the given size is a multiple of, up to this: nets halve often."""


def wanted_shape(node: Node, name: str) -> Shape | None:
    """Return an input shape in which some element of the node has its whole local field.

    Returns:
        None if the given one is large enough, or there is no local field on every axis.
    """
    info = node.analysis.inputs[name]
    shape = list(info.shape)
    field = node.fields[name]
    for axis, size, jump in zip(info.axes, field.size, field.jump, strict=True):
        if size is None or jump is None:
            return None
        grid = gcd(shape[axis], _GRID)
        needed = size + ceil(abs(Fraction(jump))) - 1
        shape[axis] = max(shape[axis], -(-needed // grid) * grid)
    return None if tuple(shape) == info.shape else tuple(shape)


def whole_position(analysis: Analysis, node: Node, name: str) -> tuple[int, ...] | None:
    """Return the position of an element of the node whose field the input does not cut."""
    field = node.fields[name]
    info = analysis.inputs[name]
    if len(node.spatial_axes) != len(info.axes):
        return None
    place = []
    for axis, start, jump in zip(node.spatial_axes, field.start, field.jump, strict=True):
        if start is None or not jump or jump < 0:
            return None
        place.append(min(max(ceil(Fraction(-start) / Fraction(jump)), 0), node.shape[axis] - 1))
    seen = node.region(place, input=name, scope="local").unclipped
    fits = all(
        hull is not None and hull[0] >= 0 and hull[1] < n
        for hull, n in zip(seen, info.lengths, strict=True)
    )
    return tuple(place) if fits else None
