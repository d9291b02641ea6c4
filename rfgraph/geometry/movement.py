"""Moving data along one axis: slices, flips, rolls, pads, segments of a concatenation."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from rfgraph.geometry.axis_map import AxisMap, Border
from rfgraph.geometry.index_set import EMPTY, IndexSet, index_set
from rfgraph.geometry.periodic import Finite, Periodic, affine


@lru_cache(maxsize=1024)
def slice_map(start: int, step: int = 1) -> AxisMap:
    """Output o reads ``start + step * o``."""
    return AxisMap(affine(step, start))


@lru_cache(maxsize=1024)
def flip(length: int) -> AxisMap:
    """Output o reads ``length - 1 - o``."""
    return AxisMap(affine(-1, length - 1))


@lru_cache(maxsize=1024)
def pad(before: int, border: Border) -> AxisMap:
    """Output o reads ``o - before``; negative padding crops."""
    return AxisMap(affine(1, -before), border)


@lru_cache(maxsize=1024)
def segment(offset: int) -> AxisMap:
    """Output o reads ``o - offset`` where that exists, and otherwise nothing."""
    return AxisMap(affine(1, -offset), Border.ABSENT)


@lru_cache(maxsize=1024)
def fixed(index: int) -> AxisMap:
    """Every output reads position ``index``."""
    return AxisMap(affine(0, index))


@lru_cache(maxsize=1024)
def written(start: int, step: int, count: int) -> AxisMap:
    """Output ``start + step * i`` reads i, for i in 0 … count-1; other outputs read nothing.

    The source of a slice assignment.
    """
    turns, phase = divmod(start, step)
    sets = tuple(IndexSet(-turns, 1) if o == phase else EMPTY for o in range(step))
    only = index_set(start + step * i for i in range(count))
    return AxisMap(Periodic(step, 1, sets), Border.ABSENT, only)


@lru_cache(maxsize=1024)
def kept(start: int, step: int, count: int, length: int) -> AxisMap:
    """Output o reads o, except ``start + step * i`` for i in 0 … count-1, which read nothing.

    The target of a slice assignment on an axis of the given length.
    """
    gone = {start + step * i for i in range(count)}
    only = index_set(o for o in range(length) if o not in gone)
    return AxisMap(affine(1), Border.ABSENT, only)


def table(rows: Sequence[int | None]) -> AxisMap:
    """Output o reads ``rows[o]``, or nothing where that is None."""
    return AxisMap(
        Finite(tuple(EMPTY if i is None else IndexSet(i, 1) for i in rows)), Border.ABSENT
    )


@lru_cache(maxsize=1024)
def blocks(in_block: int, out_block: int) -> AxisMap:
    """Output o reads the whole input block ``o div out_block`` of ``in_block`` positions.

    Grouped convolution: each group of output channels reads its group of input channels.
    """
    whole = index_set(range(in_block))
    return AxisMap(Periodic(out_block, in_block, (whole,) * out_block))
