"""Views as digits of an axis: splitting, regrouping and re-expressing carriers."""

from __future__ import annotations

from functools import lru_cache
from itertools import product
from math import gcd, prod

import numpy as np

from rfgraph.geometry.index_set import EMPTY, IndexSet, union_all
from rfgraph.geometry.periodic import (
    IDENTITY,
    Finite,
    IndexMap,
    Periodic,
    affine,
    compose,
    fold,
    gather,
    gather_table,
    periodic,
    tabulate,
)
from rfgraph.propagation.state import Carrier, Digit, Layout, Term

LONGEST_PERIOD = 1 << 15
"""Phases beyond which a map is not tabulated but bounded by its hull over the digits."""


def size_of(layout: Layout, entry: tuple[int, int, int]) -> int:
    """Number of values of the digit that a carrier entry names."""
    return layout[entry[0]][entry[1]]


def carrier_length(layout: Layout, carrier: Carrier) -> int | None:
    """One past the largest virtual index; None when some stride is negative."""
    if any(stride < 0 for _, _, stride in carrier):
        return None
    return 1 + sum(entry[2] * (size_of(layout, entry) - 1) for entry in carrier)


def sample(field: IndexMap, reads: Periodic, length: int) -> IndexMap:
    """``o -> union of field(i) for i in reads(o)``, kept quasi-affine where it can be."""
    if isinstance(field, Periodic):
        return compose(reads, field)
    if reads.single:
        if reads == IDENTITY:
            return field if len(field.sets) == length else tabulate(field, length)
        return Finite(
            tuple(field.at(seen.base) if (seen := reads.at(o)) else EMPTY for o in range(length))
        )
    return Finite(tuple(union_all(map(field.at, reads.at(o))) for o in range(length)))


def gather_digit(field: IndexMap, stride: int, size: int, length: int) -> IndexMap:
    """``v -> union of field(v + stride * t) for t in 0 … size-1``; ``length`` bounds v."""
    if stride == 0 or size == 1:
        return field
    if isinstance(field, Periodic):
        return gather(field, stride, size)
    return gather_table(field, stride, size, length)


@lru_cache(maxsize=4096)
def express(term: Term, order: tuple[Digit, ...], layout: Layout) -> IndexMap | None:
    """The term's field as a function of the mixed-radix index over ``order`` (outermost first).

    None when the term has a carrier outside ``order``, an unresolved digit, or too many phases.
    """
    strides = {(axis, digit): stride for axis, digit, stride in term.carrier}
    if not strides.keys() <= set(order):
        return None
    if any(stride == 0 and size_of(layout, (a, d, 0)) > 1 for a, d, stride in term.carrier):
        return None
    sizes = [layout[axis][digit] for axis, digit in order]
    first = next((k for k, place in enumerate(order) if strides.get(place)), len(order))
    inner = prod(sizes[first + 1 :])
    if first == len(order):
        return sample(term.field, Periodic(1, 0, (IndexSet(0, 1),)), prod(sizes))
    outermost = all(size == 1 for size in sizes[:first])
    lead = strides[order[first]]
    if (
        all(
            strides.get(place, 0) == lead // inner * prod(sizes[k + 1 :])
            for k, place in enumerate(order)
            if k >= first and sizes[k] > 1
        )
        and outermost
        and lead % inner == 0
    ):
        # The digits are the plain index times one stride: no phases are needed.
        return sample(term.field, Periodic(1, lead // inner, (IndexSet(0, 1),)), prod(sizes))
    values = [range(size) for size in sizes[first + 1 :]]
    steps = [strides.get(place, 0) for place in order[first + 1 :]]
    if outermost:
        period, advance = inner, lead
    else:
        period, advance = inner * sizes[first], 0
        values, steps = [range(sizes[first]), *values], [lead, *steps]
    if period > LONGEST_PERIOD:
        return None
    sets = tuple(
        IndexSet(sum(s * v for s, v in zip(steps, row, strict=True)), 1) for row in product(*values)
    )
    return sample(term.field, periodic(period, advance, sets), prod(sizes))


def is_constant(field: IndexMap) -> bool:
    """Whether a field is the same everywhere: its digits tell what carries it, and nothing else."""
    return isinstance(field, Periodic) and field.is_constant


def unresolved(term: Term, axes: frozenset[int], layout: Layout) -> Term:
    """A sound stand-in: the union over the digits on ``axes``, which are kept with stride 0."""
    field, kept = term.field, []
    rest = tuple(e for e in term.carrier if e[0] not in axes)
    length = carrier_length(layout, rest)
    for axis, digit, stride in term.carrier:
        if axis in axes:
            size = layout[axis][digit]
            field = gather_digit(field, stride, size, (length or 1) if rest else 1)
            kept.append((axis, digit, 0))
        else:
            kept.append((axis, digit, stride))
    return Term(tuple(sorted(kept)), field)


def refinement(a: tuple[int, ...], b: tuple[int, ...]) -> tuple[int, ...] | None:
    """The coarsest digits that both factorisations of one axis split into, or None."""
    inner = sorted({_inner(a, k) for k in range(len(a))} | {_inner(b, k) for k in range(len(b))})
    total = prod(a)
    sizes = []
    for here, above in zip(inner, [*inner[1:], total], strict=True):
        if above % here:
            return None
        sizes.append(above // here)
    return tuple(reversed(sizes))


def _inner(sizes: tuple[int, ...], digit: int) -> int:
    return prod(sizes[digit + 1 :])


def restated(digit: int, old: tuple[int, ...], new: tuple[int, ...]) -> list[int]:
    """Which digits of a new factorisation overlap a digit of the old one."""
    low = _inner(old, digit)
    high = low * old[digit]
    return [k for k in range(len(new)) if _inner(new, k) < high and _inner(new, k) * new[k] > low]


def refine_axis(term: Term, axis: int, old: tuple[int, ...], new: tuple[int, ...]) -> Term:
    """The term with the digits of one axis split further."""
    entries = []
    for entry_axis, digit, stride in term.carrier:
        if entry_axis != axis:
            entries.append((entry_axis, digit, stride))
            continue
        low = _inner(old, digit)
        high = low * old[digit]
        for k in range(len(new)):
            inner = _inner(new, k)
            if low <= inner < high or (old[digit] == 1 and inner == low):
                entries.append((axis, k, stride * (inner // low)))
    return Term(tuple(sorted(entries)), term.field)


@lru_cache(maxsize=4096)
def drop_idle_digits(term: Term, layout: Layout) -> Term:
    """The term without carrier digits that its field does not depend on.

    After a view has split a flattened axis, the row digit of an image does not move the column
    field. Only structural independence counts: the field is compared as a function on all integers.
    """
    field = term.field
    if len(term.carrier) < 2:
        return term
    if isinstance(field, Finite):
        return _without_idle_digits(term, field, layout)
    if field.is_constant:
        # A field that is the same everywhere has no digit of its own: all of them stay.
        return term
    kept = list(term.carrier)
    for entry in term.carrier:
        others = [e for e in kept if e is not entry]
        if not others:
            break
        starts = _residues(others, field.period, layout)
        size = size_of(layout, entry)
        if all(field.at(v + entry[2] * t) == field.at(v) for v in starts for t in range(1, size)):
            kept = others
    if len(kept) == len(term.carrier) or len(kept) > 1 or kept[0][2] == 0:
        return Term(tuple(kept), field)
    axis, digit, by = kept[0]
    return refitted(Term(((axis, digit, 1),), compose(affine(by), field)), layout)


def refitted(term: Term, layout: Layout) -> Term:
    """The term with a pattern of its own where its one digit is no longer than a period.

    What then repeats lies beyond the digit: the advance from period to period was that of digits
    that are gone.
    """
    if len(term.carrier) != 1 or not isinstance(term.field, Periodic) or term.carrier[0][2] != 1:
        return term
    size = size_of(layout, term.carrier[0])
    if not term.field.period >= size > 1:
        return term
    return Term(term.carrier, fold(tabulate(term.field, size)))


def _without_idle_digits(term: Term, field: Finite, layout: Layout) -> Term:
    """As :func:`drop_idle_digits` for a table: tokens behind a class token, split into an image."""
    numbers: dict[IndexSet, int] = {}
    codes = np.array([numbers.setdefault(s, len(numbers)) for s in (*field.sets, EMPTY)])
    places = np.zeros((1,) * len(term.carrier), dtype=np.int64)
    for k, entry in enumerate(term.carrier):
        line = entry[2] * np.arange(size_of(layout, entry))
        places = places + line.reshape([-1 if j == k else 1 for j in range(len(term.carrier))])
    if places.min() < 0 or len(numbers) == 1:
        return term
    table = codes[np.minimum(places, len(field.sets))]
    idle = [k for k in range(table.ndim) if (table == table.take([0], axis=k)).all()]
    kept = [e for k, e in enumerate(term.carrier) if k not in idle]
    if len(kept) != 1:
        return Term(tuple(kept), field) if kept else term
    axis, digit, by = kept[0]
    alone = tuple(field.at(by * i) for i in range(layout[axis][digit]))
    return Term(((axis, digit, 1),), fold(Finite(alone)))


def _residues(carrier: list[tuple[int, int, int]], period: int, layout: Layout) -> set[int]:
    """What the virtual index can be, modulo the period, over all values of the digits.

    The digit of the largest stride runs on for ever, as fields do not end with the tensor.
    """
    outermost = max(carrier, key=lambda entry: abs(entry[2]))
    found = set(range(0, period, gcd(period, outermost[2])))
    for entry in carrier:
        if entry is not outermost and len(found) < period:
            steps = {entry[2] * t % period for t in range(size_of(layout, entry))}
            found = {(v + step) % period for v in found for step in steps}
    return found
