"""Axis products that many rules share: broadcasting, permuting, mixing, selecting."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from functools import lru_cache

from rfgraph.geometry.axis_map import SAME, AxisMap
from rfgraph.geometry.movement import fixed
from rfgraph.geometry.tensor_map import WHOLE, Axes, AxisRead, Shape, identity


@lru_cache(maxsize=64)
def vector(axis: int) -> Axes:
    """A vector with one entry for each index of an output axis: biases, scales."""
    return Axes((AxisRead(axis, SAME),))


@lru_cache(maxsize=4096)
def broadcast(in_shape: Shape, out_shape: Shape) -> Axes:
    """Elementwise reading under NumPy broadcasting (axes aligned from the right)."""
    if in_shape == out_shape:
        return identity(len(in_shape))
    ahead = len(out_shape) - len(in_shape)
    return Axes(
        tuple(
            AxisRead(None, fixed(0))
            if length == 1 and out_shape[axis + ahead] != 1
            else AxisRead(axis + ahead, SAME)
            for axis, length in enumerate(in_shape)
        )
    )


@lru_cache(maxsize=4096)
def permuted(order: tuple[int, ...]) -> Axes:
    """Output axis k is input axis ``order[k]``."""
    return Axes(tuple(AxisRead(order.index(axis), SAME) for axis in range(len(order))))


def along(rank: int, maps: Mapping[int, AxisMap]) -> Axes:
    """The given maps on their axes, the identity on all others; the rank does not change."""
    return Axes(tuple(AxisRead(axis, maps.get(axis, SAME)) for axis in range(rank)))


@lru_cache(maxsize=4096)
def mixing(rank: int, whole: tuple[int, ...]) -> Axes:
    """The given axes read whole and still standing, all others elementwise (softmax)."""
    return Axes(tuple(AxisRead(axis, WHOLE if axis in whole else SAME) for axis in range(rank)))


@lru_cache(maxsize=4096)
def reduced(rank: int, whole: tuple[int, ...], keepdim: bool) -> Axes:
    """The given axes read whole and gone, or of length 1 when ``keepdim``."""
    if keepdim:
        return mixing(rank, whole)
    reads, place = [], 0
    for axis in range(rank):
        if axis in whole:
            reads.append(AxisRead(None, WHOLE))
        else:
            reads.append(AxisRead(place, SAME))
            place += 1
    return Axes(tuple(reads))


def placed(out_axes: Sequence[int | None], whole: Collection[int] = ()) -> Axes:
    """Input axis k is output axis ``out_axes[k]``; axes in ``whole`` are read whole."""
    return Axes(
        tuple(
            AxisRead(out, WHOLE if axis in whole or out is None else SAME)
            for axis, out in enumerate(out_axes)
        )
    )


def normal_axes(axes: int | Sequence[int] | None, rank: int) -> tuple[int, ...]:
    """Axis numbers from 0, sorted; all axes when None or empty."""
    if axes is None or (not isinstance(axes, int) and len(axes) == 0):
        return tuple(range(rank))
    listed = [axes] if isinstance(axes, int) else axes
    return tuple(sorted(axis % rank if rank else 0 for axis in listed))
