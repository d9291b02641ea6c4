"""An index table as a product of axis maps, where one output axis alone tells each input axis."""

from __future__ import annotations

from math import prod

import numpy as np
import numpy.typing as npt

from rfgraph.geometry.axis_map import SAME
from rfgraph.geometry.movement import fixed, table
from rfgraph.geometry.tensor_map import WHOLE, Axes, AxisRead, Lookup, Shape
from rfgraph.propagation.state import State, axis_stand, carries

LARGEST = 1 << 20
"""Entries of a table beyond which it is not looked into."""

Keep = npt.NDArray[np.bool_]


def by_axes(state: State, lookup: Lookup, out_shape: Shape) -> tuple[Axes, Keep] | None:
    """The product of axis maps, and where the table reads at all; None if there is none.

    Only the axes along which the state differs need to be told: where scores depend on the query
    alone, ``gather`` may take any position of the keys.

    Args:
        state: State of what is looked up in.
        lookup: The table.
        out_shape: Shape of the output.
    """
    if not out_shape or prod(out_shape) > LARGEST:
        return None
    told = [axis for axis, n in enumerate(lookup.in_shape) if n > 1 and _matters(state, axis)]
    flat = lookup.build().reshape(out_shape)
    keep = flat >= 0
    if not keep.any():
        return None
    coordinates = np.unravel_index(np.where(keep, flat, 0), lookup.in_shape)
    reads = [AxisRead(None, WHOLE)] * len(lookup.in_shape)
    taken: set[int] = set()
    for axis in told:
        read = _told(coordinates[axis], keep, lookup.in_shape[axis])
        if read is None or read.out_axis in taken:
            return None  # pairs, such as a diagonal, are no product of axes
        reads[axis] = read
        if read.out_axis is not None:
            taken.add(read.out_axis)
    return Axes(tuple(reads)), keep


def _matters(state: State, axis: int) -> bool:
    labels = state.labels
    if axis_stand(state, axis) is not None or (labels is not None and labels.shape[axis] > 1):
        return True
    return carries(state, axis)


def _told(coordinates: npt.NDArray[np.int64], keep: Keep, length: int) -> AxisRead | None:
    """How one input axis is read, if the index along one output axis tells where."""
    taken = coordinates[keep]
    if (taken == taken[0]).all():
        return AxisRead(None, fixed(int(taken[0])))
    for axis, n in enumerate(coordinates.shape):
        lines = np.moveaxis(coordinates, axis, 0).reshape(n, -1)
        kept = np.moveaxis(keep, axis, 0).reshape(n, -1)
        lowest = np.where(kept, lines, length).min(axis=1)
        highest = np.where(kept, lines, -1).max(axis=1)
        if not (lowest >= highest).all():
            continue
        if n == length and (lowest == np.arange(n)).all():
            return AxisRead(axis, SAME)
        return AxisRead(axis, table([int(i) if i < length else None for i in lowest.tolist()]))
    return None
