"""How one operator reads one axis: the map on all integers, and what happens at the border.

``interior`` is the map as if the axis had no ends; ``border`` says what a position outside the
axis stands for. The unclipped field uses the first alone, the exact bounded answers use both.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from rfgraph.geometry.index_set import EMPTY, IndexSet, index_set
from rfgraph.geometry.periodic import IDENTITY, Finite, IndexMap, Periodic

IndexArray = npt.NDArray[np.int64]


class Border(Enum):
    """What an input position outside ``0 … n-1`` stands for."""

    VIRTUAL = "virtual"  # constant padding: reads nothing, counts as virtual input
    ABSENT = "absent"  # the operator does not read there at all (a segment of a concatenation)
    REFLECT = "reflect"  # -1 is 1, n is n-2
    REPLICATE = "replicate"  # -1 is 0, n is n-1
    CIRCULAR = "circular"  # -1 is n-1, n is 0


@dataclass(frozen=True, slots=True)
class AxisMap:
    """The input positions that each output index of one axis reads.

    Attributes:
        interior: The map as if the axis had no ends.
        border: What positions outside the axis stand for.
        only: The outputs at which the map applies, others read nothing; None for all. An operator
            that writes into part of a tensor reads one source inside and another outside.
    """

    interior: IndexMap
    border: Border = Border.VIRTUAL
    only: IndexSet | None = None

    @property
    def is_identity(self) -> bool:
        """Whether the axis is passed through as it is, with its length.

        A slice from 0 reads ``o`` too, but from a longer axis: only ``SAME`` itself qualifies.
        """
        return self is SAME

    @property
    def is_partial(self) -> bool:
        """Whether some outputs read nothing because another source supplies them."""
        return self.only is not None or self.border is Border.ABSENT

    def at(self, index: int, length: int) -> IndexSet:
        """The positions in ``0 … length-1`` that output ``index`` really reads."""
        if self.only is not None and index not in self.only:
            return EMPTY
        seen = self.interior.at(index)
        if not seen or (seen.first >= 0 and seen.last < length):
            return seen
        if self.border in (Border.VIRTUAL, Border.ABSENT):
            return seen.within(length)
        return index_set(q for p in seen if (q := _land(p, length, self.border)) is not None)


SAME = AxisMap(IDENTITY)


def _land(position: int, length: int, border: Border) -> int | None:
    if 0 <= position < length:
        return position
    if border is Border.CIRCULAR:
        return position % length
    if border is Border.REPLICATE:
        return min(max(position, 0), length - 1)
    if border is Border.REFLECT and length > 1:
        turn = position % (2 * length - 2)
        return min(turn, 2 * length - 2 - turn)
    return None


@lru_cache(maxsize=2048)
def bounded(reads: AxisMap, out_length: int, in_length: int) -> Finite:
    """The map between real positions only: padding dropped or landed, one entry per output."""
    return Finite(tuple(reads.at(o, in_length) for o in range(out_length)))


@lru_cache(maxsize=2048)
def pairs(
    reads: AxisMap, out_length: int, in_length: int
) -> tuple[tuple[IndexArray, IndexArray], ...]:
    """All (output index, input index) pairs of real positions, in vectorised chunks.

    Within a chunk no output index and no input index occurs twice, so that both
    ``target[in] |= mask[out]`` and ``target[out] |= mask[in]`` are plain assignments.
    """
    chunks: list[tuple[IndexArray, IndexArray]] = []
    applies = None
    if reads.only is not None:
        applies = np.array([o in reads.only for o in range(out_length)], dtype=bool)
    for raw_outs, raw_ins in _raw_pairs(reads.interior, out_length):
        outs, ins = raw_outs, raw_ins
        if applies is not None:
            outs, ins = outs[applies[raw_outs]], ins[applies[raw_outs]]
        inside = (ins >= 0) & (ins < in_length)
        if not inside.all():
            if reads.border in (Border.VIRTUAL, Border.ABSENT):
                outs, ins = outs[inside], ins[inside]
            else:
                landed = [_land(int(p), in_length, reads.border) for p in ins]
                kept = np.array([q is not None for q in landed], dtype=bool)
                outs = outs[kept]
                ins = np.array([q for q in landed if q is not None], dtype=np.int64)
        chunks.extend(_distinct(outs, ins))
    return tuple(chunks)


@dataclass(frozen=True, eq=False, slots=True)
class Scan:
    """A map whose outputs read all positions up to one, or all from one on.

    It is told by its ends, where its pairs are half the square of its length.

    Attributes:
        from_start: Whether all read from position 0 on.
        ends: The last position that each output reads, -1 for none; or the first one, the length
            of the input for none.
    """

    from_start: bool
    ends: IndexArray


@lru_cache(maxsize=2048)
def scan_of(reads: AxisMap, out_length: int, in_length: int) -> Scan | None:
    """The scan that a map is between real positions; None if it is none."""
    sets = reads.interior.sets
    if (
        reads.only is not None
        or reads.border not in (Border.VIRTUAL, Border.ABSENT)
        or any(seen.bits & (seen.bits + 1) for seen in sets)
    ):
        return None
    first = np.array([seen.base for seen in sets], dtype=np.int64)
    extent = np.array([seen.extent for seen in sets], dtype=np.int64)
    outs = np.arange(out_length)
    if isinstance(reads.interior, Periodic):
        turns, phase = np.divmod(outs, reads.interior.period)
        first, extent = first[phase] + turns * reads.interior.advance, extent[phase]
    else:
        missing = max(out_length - len(sets), 0)
        first = np.pad(first[:out_length], (0, missing))
        extent = np.pad(extent[:out_length], (0, missing))
    last = np.minimum(first + extent - 1, in_length - 1)
    first = np.maximum(first, 0)
    some = first <= last
    if (first[some] == 0).all():
        return Scan(from_start=True, ends=np.where(some, last, -1))
    if (last[some] == in_length - 1).all():
        return Scan(from_start=False, ends=np.where(some, first, in_length))
    return None


def _raw_pairs(interior: IndexMap, out_length: int) -> Iterator[tuple[IndexArray, IndexArray]]:
    if isinstance(interior, Periodic):
        for phase, seen in enumerate(interior.sets):
            outs = np.arange(phase, out_length, interior.period, dtype=np.int64)
            if outs.size:
                turns = outs // interior.period * interior.advance
                for tap in seen:
                    yield outs, turns + tap
        return
    rows = [_positions(interior.at(o)) for o in range(out_length)]
    sizes = np.array([row.size for row in rows], dtype=np.int64)
    if not sizes.any():
        return
    outs, ins = np.repeat(np.arange(out_length), sizes), np.concatenate(rows)
    ranks = np.arange(ins.size) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    apart = ins - outs
    # Rows of a triangle all begin alike, so that by rank each pair would be a chunk; diagonals are
    # never longer than both axes. A permutation is one chunk by rank and has many diagonals.
    keys = apart if np.unique(apart).size < _chunks_by_rank(ranks, ins) else ranks
    order = np.argsort(keys, kind="stable")
    edges = np.flatnonzero(np.diff(keys[order])) + 1
    yield from zip(np.split(outs[order], edges), np.split(ins[order], edges), strict=True)


def _positions(seen: IndexSet) -> IndexArray:
    """The positions of a set as an array, without a step of Python for each."""
    packed = np.frombuffer(seen.bits.to_bytes((seen.extent + 7) // 8, "little"), dtype=np.uint8)
    return seen.base + np.flatnonzero(np.unpackbits(packed, bitorder="little"))


def _chunks_by_rank(ranks: IndexArray, ins: IndexArray) -> int:
    """How many chunks the pairs of one rank in their rows make: inputs that repeat are apart."""
    first, width = int(ins.min()), int(ins.max() - ins.min()) + 1
    places, counts = np.unique(ranks * width + (ins - first), return_counts=True)
    most = np.zeros(int(ranks.max()) + 1, dtype=np.int64)
    np.maximum.at(most, places // width, counts)
    return int(most.sum())


def _distinct(outs: IndexArray, ins: IndexArray) -> Iterator[tuple[IndexArray, IndexArray]]:
    while ins.size:
        _, first = np.unique(ins, return_index=True)
        if first.size == ins.size:
            yield outs, ins
            return
        yield outs[first], ins[first]
        rest = np.ones(ins.size, dtype=bool)
        rest[first] = False
        outs, ins = outs[rest], ins[rest]
