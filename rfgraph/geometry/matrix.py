"""Maps given by a boolean matrix: which inputs each output reads."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from rfgraph.geometry.axis_map import AxisMap
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
    return AxisMap(Finite(tuple(from_bits(int.from_bytes(row, "little")) for row in packed)))
