"""Quasi-affine index maps: an output index reads a finite set that repeats with a period.

``reads(o) = sets[o mod P] + D * (o div P)``. With P = 1 and a window of taps this is the classical
(start, size, jump) of Dumoulin and Visin 2016 and Araujo et al. 2019; P > 1 gives the phases of
transposed convolution and resampling, D < 0 a flip, D = 0 a constant. The family is closed under
composition and under union of equal slopes, and both are exact on sets, not only on hulls.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from math import gcd, lcm
from typing import TypeVar

import numpy as np

from rfgraph.geometry.index_set import EMPTY, IndexSet, union_all

F = TypeVar("F")


@dataclass(frozen=True, slots=True)
class Periodic:
    """An index map on all integers with ``reads(o + period) = reads(o) + advance``.

    Attributes:
        period: Number of phases P, at least 1.
        advance: Input positions D gained per period; may be 0 or negative.
        sets: The positions read by output 0 … P-1; a phase may be empty.
    """

    period: int
    advance: int
    sets: tuple[IndexSet, ...]
    _hash: int = dataclasses.field(init=False, repr=False, compare=False, default=0)

    def __post_init__(self) -> None:
        # Maps are looked up in caches at every step; hashing their long masks once is enough.
        object.__setattr__(self, "_hash", hash((self.period, self.advance, self.sets)))

    def __hash__(self) -> int:
        return self._hash

    def at(self, index: int) -> IndexSet:
        """The input positions that output ``index`` reads."""
        turns, phase = divmod(index, self.period)
        return self.sets[phase].shift(self.advance * turns)

    @property
    def slope(self) -> Fraction:
        """Input positions per step of the output index (the jump), exact."""
        return Fraction(self.advance, self.period)

    @property
    def is_constant(self) -> bool:
        """Whether every output reads the same positions."""
        return self.period == 1 and self.advance == 0

    @property
    def single(self) -> bool:
        """Whether every output reads at most one position."""
        return all(s.bits <= 1 for s in self.sets)


def periodic(period: int, advance: int, sets: tuple[IndexSet, ...]) -> Periodic:
    """The map in normal form: the smallest period that describes it."""
    if period > 1:
        for p in range(1, period // 2 + 1):
            if period % p or advance * p % period:
                continue
            step = advance * p // period
            if all(sets[i] == sets[i - p].shift(step) for i in range(p, period)):
                return Periodic(p, step, sets[:p])
    return Periodic(period, advance, sets)


def affine(advance: int, offset: int = 0) -> Periodic:
    """The map that reads the one position ``advance * o + offset``."""
    return Periodic(1, advance, (IndexSet(offset, 1),))


IDENTITY = affine(1)


@lru_cache(maxsize=8192)
def compose(reads: Periodic, field: Periodic) -> Periodic:
    """What ``o`` sees through ``reads`` when index ``i`` sees ``field(i)``.

    ``out(o) = union of field(i) for i in reads(o)``; associative. The period of the result is at
    most ``reads.period * field.period / gcd(reads.advance, field.period)``.
    """
    if reads.period == 1 and field.period == 1:
        seen = field.sets[0].dilate(reads.sets[0], field.advance)
        return Periodic(1, reads.advance * field.advance, (seen,))
    repeats = field.period // gcd(reads.advance, field.period)
    period = reads.period * repeats
    advance = reads.advance * repeats // field.period * field.advance
    sets = tuple(union_all(map(field.at, reads.at(o))) for o in range(period))
    return periodic(period, advance, sets)


def same_slope(a: Periodic, b: Periodic) -> bool:
    """Whether both maps advance equally, so that their union is quasi-affine."""
    return a.advance * b.period == b.advance * a.period


@lru_cache(maxsize=8192)
def union(a: Periodic, b: Periodic) -> Periodic:
    """What either map reads. The slopes must be equal (see :func:`same_slope`)."""
    if a == b:
        return a
    period = lcm(a.period, b.period)
    advance = a.advance * (period // a.period)
    return periodic(period, advance, tuple(a.at(o).union(b.at(o)) for o in range(period)))


@lru_cache(maxsize=8192)
def stride(field: Periodic, by: int) -> Periodic:
    """The map ``o -> field(by * o)``."""
    return field if by == 1 else compose(affine(by), field)


@lru_cache(maxsize=8192)
def gather(field: Periodic, step: int, count: int) -> Periodic:
    """The map ``v -> union of field(v + step * t) for t in 0 … count-1``: a dilated window."""
    if step == 0 or count == 1:
        return field
    return _doubled(field, count, lambda a, b, by: union(a, compose(affine(1, step * by), b)))


def _doubled(field: F, count: int, joined: Callable[[F, F, int], F]) -> F:
    """The union of ``field`` moved by 0 … count-1 steps, in about ``2 * log2(count)`` unions.

    What an index sees over a + b steps is what it sees over a, and what the index a steps on sees
    over b. ``joined(one, other, by)`` is the union of one and the other moved by so many steps.
    """
    power, seen = field, None
    done, width = 0, 1
    while True:
        if count & 1:
            seen = power if seen is None else joined(seen, power, done)
            done += width
        count >>= 1
        if not count:
            return field if seen is None else seen
        power = joined(power, power, width)
        width *= 2


def from_function(period: int, advance: int, sets: Callable[[int], IndexSet]) -> Periodic:
    """The map whose phases 0 … period-1 are given by a function."""
    return periodic(period, advance, tuple(sets(o) for o in range(period)))


@dataclass(frozen=True, slots=True)
class Finite:
    """An index map on 0 … n-1 given entry by entry; positions outside read nothing.

    What is not quasi-affine along its axis: concatenation along it, unequal branches, index tables.
    """

    sets: tuple[IndexSet, ...]
    _hash: int = dataclasses.field(init=False, repr=False, compare=False, default=0)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_hash", hash(self.sets))

    def __hash__(self) -> int:
        return self._hash

    def at(self, index: int) -> IndexSet:
        """The input positions that output ``index`` reads; empty outside 0 … n-1."""
        return self.sets[index] if 0 <= index < len(self.sets) else EMPTY


IndexMap = Periodic | Finite


def gather_table(field: Finite, step: int, count: int, length: int) -> Finite:
    """The table ``v -> union of field(v + step * t) for t in 0 … count-1`` for v in 0 … length-1.

    The index may run below 0 and beyond ``length``; the table reads nothing outside its entries.
    """
    sets = [*field.sets, *[EMPTY] * (length - len(field.sets))]
    return Finite(tuple(_doubled(sets, count, lambda a, b, by: _moved(a, b, step * by))[:length]))


def _moved(a: list[IndexSet], b: list[IndexSet], by: int) -> list[IndexSet]:
    """Entry v is the union of ``a[v]`` and ``b[v + by]``, nothing beyond either end."""
    n = len(b)
    return [one.union(b[v + by]) if 0 <= v + by < n else one for v, one in enumerate(a)]


def tabulate(field: IndexMap, length: int) -> Finite:
    """The map restricted to 0 … length-1."""
    return Finite(tuple(field.at(i) for i in range(length)))


def fold(field: Finite, longest: int = 64) -> IndexMap:
    """The quasi-affine map that agrees with every entry, or the table itself if there is none.

    Two whole periods must be seen, and two steps: a pattern is never guessed from one occurrence.
    Of periods beyond ``longest`` the shortest are tried after which the first entries come again.
    """
    sets = field.sets
    first = next((i for i, seen in enumerate(sets) if seen), None)
    if first is None:
        return field
    half = len(sets) // 2
    # Each kind of set as a number, so that trying a period compares numbers and not long masks.
    kinds: dict[int, int] = {0: 0}
    kind = np.array([kinds.setdefault(seen.bits, len(kinds)) for seen in sets])
    base = np.array([seen.base for seen in sets])
    for period in (*range(1, min(longest, half) + 1), *_returns(sets, longest + 1, half)):
        if len(sets) < max(2 * period, 3):
            break
        # Where nothing is read a whole period long, nothing is read ever after.
        if first >= period or not sets[first + period]:
            continue
        step = sets[first + period].base - sets[first].base
        later, earlier = kind[period:], kind[:-period]
        if later[-1] != earlier[-1] or not np.array_equal(later, earlier):
            continue
        if np.all((base[period:] == base[:-period] + step) | (later == 0)):
            return Periodic(period, step, sets[:period])
    return field


def _returns(sets: tuple[IndexSet, ...], start: int, stop: int, most: int = 16) -> Iterator[int]:
    """Distances from ``start`` to ``stop`` at which the first entries occur again, moved."""
    shapes = [seen.bits for seen in sets[: start + most]]
    found = 0
    for period in range(start, stop + 1):
        if sets[period].bits == shapes[0] and all(
            sets[period + k].bits == bits for k, bits in enumerate(shapes[:start])
        ):
            yield period
            found += 1
            if found == most:
                return
