"""Positions of a tensor along chosen axes, and masks over whole tensors that stand for them."""

from __future__ import annotations

import operator
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from rfgraph.errors import IndexRangeError
from rfgraph.geometry.tensor_map import Shape
from rfgraph.propagation.pull import Marks, total


def checked_index(index: Sequence[int] | int, lengths: Shape, name: str) -> tuple[int, ...]:
    """The index with one entry per axis, none negative.

    Args:
        index: One integer, or one per axis; negative counts from the end.
        lengths: The axes' lengths.
        name: What the index belongs to, for messages.

    Raises:
        IndexRangeError: The index is no position, has the wrong number of axes or lies outside.
    """
    given = _integers(index)
    if given is None:
        message = f"{index!r} is no position of {name}; give {len(lengths)} integers."
        raise IndexRangeError(message)
    if len(given) != len(lengths):
        message = (
            f"{name} has {len(lengths)} spatial axes of lengths {lengths}, so a position needs "
            f"{len(lengths)} indices; got {given}."
        )
        raise IndexRangeError(message)
    if any(not -n <= i < n for i, n in zip(given, lengths, strict=True)):
        message = f"Position {given} lies outside {name}, whose lengths are {lengths}."
        raise IndexRangeError(message)
    return tuple(i % n for i, n in zip(given, lengths, strict=True))


def _integers(index: object) -> tuple[int, ...] | None:
    """The index as integers, one or several, whatever integer type they are; None if not."""
    try:
        return (operator.index(index),)  # type: ignore[arg-type]
    except TypeError:
        pass
    try:
        return tuple(operator.index(i) for i in index)  # type: ignore[attr-defined]
    except TypeError:
        return None


def position_mask(shape: Shape, axes: Sequence[int], index: Sequence[int]) -> npt.NDArray[np.bool_]:
    """True at one position along some axes; length 1 along all others."""
    mask = np.zeros([n if axis in axes else 1 for axis, n in enumerate(shape)], dtype=bool)
    place: list[slice | int] = [slice(None)] * len(shape)
    for axis, i in zip(axes, index, strict=True):
        place[axis] = i
    mask[tuple(place)] = True
    return mask


def over_axes(marks: Marks, shape: Shape, axes: Sequence[int]) -> Marks:
    """The marks of a tensor summed to some of its axes, as :func:`rfgraph.propagation.pull.total`.

    Args:
        marks: Marks, length 1 along uniform axes.
        shape: The tensor's shape.
        axes: The axes to keep, ascending.
    """
    others = tuple(axis for axis in range(len(shape)) if axis not in axes)
    kept = total(marks, others, shape).reshape([marks.shape[axis] for axis in axes])
    return np.broadcast_to(kept, [shape[axis] for axis in axes])
