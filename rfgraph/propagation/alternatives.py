"""One of several readings at each place: what differs from head to head or window to window."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import numpy as np
import numpy.typing as npt

from rfgraph.propagation.merge import aligned, compact
from rfgraph.propagation.note import Note
from rfgraph.propagation.state import Labels, Part, Stand, State

MOST = 64
"""Different slices of a mask beyond which they are joined."""


def kinds(
    mask: npt.NDArray[np.bool_], axes: Sequence[int]
) -> tuple[list[npt.NDArray[np.bool_]], Labels]:
    """The different slices of a mask along some axes, and which of them stands at each index.

    Returns:
        The slices, of the mask's rank with length 1 along those axes; and their numbers, of the
        mask's rank with length 1 along all other axes.
    """
    axes = sorted(axes)
    rest = [axis for axis in range(mask.ndim) if axis not in axes]
    ahead = np.transpose(mask, (*axes, *rest))
    shape = ahead.shape[: len(axes)]
    flat = np.packbits(ahead.reshape(prod(shape), -1), axis=1)
    _, first, which = np.unique(flat, axis=0, return_index=True, return_inverse=True)
    slices = []
    for entry in first.tolist():
        place: list[slice | int] = [slice(None)] * mask.ndim
        for axis, index in zip(axes, np.unravel_index(entry, shape), strict=True):
            place[axis] = slice(int(index), int(index) + 1)
        slices.append(mask[tuple(place)])
    lengths = [mask.shape[axis] if axis in axes else 1 for axis in range(mask.ndim)]
    return slices, which.reshape(lengths).astype(np.int64)


def one_of(states: Sequence[State], which: Labels) -> State:
    """The state that is, at each place, one of several states of the same shape.

    Args:
        states: The alternatives.
        which: The number of the one that stands at each element, of the tensor's rank; length 1
            along axes on which it does not vary.
    """
    if len(states) == 1:
        return states[0]
    states = aligned(states)
    rank = len(states[0].layout)
    shape = np.broadcast_shapes(
        *(state.labels.shape for state in states if state.labels is not None), which.shape
    )
    labels = np.zeros(shape, np.int64)
    which = np.broadcast_to(which, shape)
    parts: list[Part] = []
    for k, state in enumerate(states):
        own = state.labels if state.labels is not None else np.zeros((1,) * rank, np.int64)
        here = which == k
        labels[here] = len(parts) + np.broadcast_to(own, shape)[here]
        parts.extend(state.parts)
    stands = frozenset[Stand]().union(*(state.stands for state in states))
    notes = frozenset[Note]().union(*(state.notes for state in states))
    return compact(states[0].layout, tuple(parts), labels, stands, notes)
