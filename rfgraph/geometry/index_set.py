"""Finite sets of integers, held as one arbitrary-precision bit mask each.

A receptive field along one axis is such a set. Bit masks make union a single ``|`` and translation
free, however large the set: the 1,451 positions of ResNet-152 are one Python integer.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class IndexSet:
    """A finite set of integer positions: ``base + t`` for every set bit ``t`` of ``bits``.

    Normal form: bit 0 is set, or the set is empty and ``base`` is 0, so equal sets compare equal.
    Build with :func:`index_set` or :func:`from_bits`; the constructor does not normalise.
    """

    base: int
    bits: int

    def __bool__(self) -> bool:
        return self.bits != 0

    def __len__(self) -> int:
        """Number of positions in the set."""
        return self.bits.bit_count()

    def __iter__(self) -> Iterator[int]:
        """The positions in ascending order."""
        position, bits = self.base, self.bits
        while bits:
            skip = (bits & -bits).bit_length() - 1
            position += skip
            yield position
            bits >>= skip + 1
            position += 1

    def __contains__(self, position: int) -> bool:
        offset = position - self.base
        return offset >= 0 and bool(self.bits >> offset & 1)

    @property
    def first(self) -> int:
        """The smallest position. Meaningless for an empty set."""
        return self.base

    @property
    def last(self) -> int:
        """The largest position, inclusive. Meaningless for an empty set."""
        return self.base + self.bits.bit_length() - 1

    @property
    def extent(self) -> int:
        """Positions from first to last inclusive, holes counted; 0 when empty."""
        return self.bits.bit_length()

    def shift(self, by: int) -> IndexSet:
        """The set with every position moved by ``by``."""
        return IndexSet(self.base + by, self.bits) if self.bits and by else self

    def union(self, other: IndexSet) -> IndexSet:
        """The positions in either set."""
        if not other.bits or self is other:
            return self
        if not self.bits:
            return other
        if self.base <= other.base:
            return IndexSet(self.base, self.bits | other.bits << (other.base - self.base))
        return IndexSet(other.base, other.bits | self.bits << (self.base - other.base))

    def dilate(self, offsets: IndexSet, step: int) -> IndexSet:
        """The union of this set moved by ``step * t`` for every ``t`` in ``offsets``."""
        if not self.bits or not offsets.bits:
            return EMPTY
        if offsets.bits == 1 or step == 0:
            return self.shift(step * offsets.base)
        if offsets.bits & (offsets.bits + 1) == 0:
            return self._dilate_run(offsets, step)
        moves = [step * t for t in offsets]
        lowest = min(moves)
        bits = self.bits
        out = 0
        for move in moves:
            out |= bits << (move - lowest)
        return IndexSet(self.base + lowest, out)

    def _dilate_run(self, offsets: IndexSet, step: int) -> IndexSet:
        """As `dilate`, for offsets without a hole: what was moved so far is moved at once."""
        length, pace = offsets.extent, abs(step)
        bits, done = self.bits, 1
        while done < length:
            more = min(done, length - done)
            bits |= bits << pace * more
            done += more
        return IndexSet(self.base + min(step * offsets.first, step * offsets.last), bits)

    def within(self, length: int) -> IndexSet:
        """The positions from 0 to ``length - 1``."""
        bits = self.bits >> -self.base if self.base < 0 else self.bits
        base = max(self.base, 0)
        return from_bits(bits & ((1 << max(length - base, 0)) - 1)).shift(base)


EMPTY = IndexSet(0, 0)


def index_set(positions: Iterable[int]) -> IndexSet:
    """The set of the given positions, in any order, duplicates allowed.

    >>> s = index_set([4, -1, 4])
    >>> (s.first, s.last, s.extent, len(s))
    (-1, 4, 6, 2)
    """
    found = set(positions)
    if not found:
        return EMPTY
    lowest = min(found)
    bits = 0
    for position in found:
        bits |= 1 << (position - lowest)
    return IndexSet(lowest, bits)


def from_bits(bits: int) -> IndexSet:
    """The positions of the set bits.

    >>> list(from_bits(0b1100))
    [2, 3]
    """
    base = (bits & -bits).bit_length() - 1
    return IndexSet(base, bits >> base) if bits else EMPTY


def interval(first: int, last: int) -> IndexSet:
    """All positions from ``first`` to ``last`` inclusive; empty when ``last < first``."""
    return IndexSet(first, (1 << (last - first + 1)) - 1) if last >= first else EMPTY


def union_all(sets: Iterable[IndexSet]) -> IndexSet:
    """The positions in any of the sets."""
    out = EMPTY
    for one in sets:
        out = out.union(one)
    return out
