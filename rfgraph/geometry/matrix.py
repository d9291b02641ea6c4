"""Maps given by a boolean matrix: which inputs each output reads."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from rfgraph.geometry.axis_map import AxisMap, Border
from rfgraph.geometry.index_set import from_bits
from rfgraph.geometry.periodic import Finite


def uniform(keep: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """The array with length 1 along every axis on which it does not vary."""
    for axis, length in enumerate(keep.shape):
        first = keep.take([0], axis) if length > 1 else keep
        if length > 1 and (keep.strides[axis] == 0 or (keep == first).all()):
            keep = first
    return keep


def rows(keep: npt.NDArray[np.bool_]) -> AxisMap:
    """Output o reads the positions at which row o is true.

    Args:
        keep: Shape (outputs, inputs).
    """
    packed = np.packbits(keep, axis=1, bitorder="little")
    sets = tuple(from_bits(int.from_bytes(row, "little")) for row in packed)
    return AxisMap(Finite(sets), Border.VIRTUAL if all(sets) else Border.ABSENT)


Product = tuple[tuple[int, ...], ...]
"""Indices per axis; the product of them is a set of places in an array."""


def products(keep: npt.NDArray[np.bool_]) -> list[Product]:
    """The true places as disjoint products of indices per axis.

    Indices of the first axis behind which the same places are true go together.

    >>> products(np.array([[True, True], [True, False]]))
    [((0,), (0, 1)), ((1,), (0,))]
    """
    alike: dict[bytes, list[int]] = {}
    for index, behind in enumerate(keep):
        if behind.any():
            alike.setdefault(np.packbits(behind).tobytes(), []).append(index)
    if keep.ndim == 1:
        return [(tuple(i for found in alike.values() for i in found),)] if alike else []
    return [
        (tuple(indices), *rest) for indices in alike.values() for rest in products(keep[indices[0]])
    ]
