"""What elements see that are reached along several axes at once.

A score is reached by a query along one of its axes and by a key along another, so its field is no
function of one index. It is the union of one entry per term, in every combination that occurs:
digits that terms share (the window of both) go together, others are free.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from math import prod

import numpy as np
import numpy.typing as npt

from rfgraph.geometry.index_set import EMPTY, IndexSet
from rfgraph.geometry.matrix import products
from rfgraph.geometry.periodic import Finite
from rfgraph.propagation.digits import is_constant
from rfgraph.propagation.merge import LONGEST_TABLE, distinct
from rfgraph.propagation.parts import occupied
from rfgraph.propagation.state import Labels, Layout, Reach, State, Term

_MOST_WAYS = 62
"""Kinds of elements that a number of 64 bits tells apart."""

_MOST_REGIONS = 64
"""Regions of one kind beyond which their entries are not enumerated."""


def combinations(
    state: State, subject: int, joined: Reach, indexed: frozenset[int]
) -> Finite | None:
    """One entry for every kind of element: what it sees of an input axis over local paths.

    Args:
        state: The node's state.
        subject: Which followed axis.
        joined: How it reaches the tensor, over all parts.
        indexed: The tensor axes that a position indexes.

    Returns:
        The entries, each once, in no order; None where there are too many, or where what a position
        sees is not told by the parts one by one.
    """
    ways, labels = _told_apart(state, subject)
    varying = [axis for axis, n in enumerate(labels.shape) if n > 1]
    if not set(varying) & indexed:
        # Whatever differs from channel to channel is seen by the position as a whole.
        found = _of_part(joined.terms, state.layout, None, 0)
        return None if found is None else Finite(tuple(found))
    over = tuple(axis for axis in varying if axis not in indexed)
    if over:
        if len(ways) > _MOST_WAYS:
            return None
        # A position sees what all its channels and heads see.
        codes = np.bitwise_or.reduce(np.left_shift(1, labels), axis=over, keepdims=True)
        seen, labels = distinct(codes)
        ways = [_together(ways, code) for code in seen]
    kinds: dict[IndexSet, None] = {}
    for k, terms in enumerate(ways):
        if not terms:
            continue
        if not all(entry[0] in indexed for term in terms for entry in term.carrier):
            return None
        regions = _regions(labels, k)
        if regions is None:
            return None
        for stands, part in regions:
            found = _of_part(terms, state.layout, stands, part)
            if found is None:
                return None
            kinds.update(found)
    return Finite(tuple(kinds))


def _together(ways: Sequence[tuple[Term, ...]], code: int) -> tuple[Term, ...]:
    """The terms of all ways whose bits are set."""
    chosen = [way for k, way in enumerate(ways) if code >> k & 1]
    return tuple(dict.fromkeys(term for way in chosen for term in way))


def _regions(labels: Labels, part: int) -> list[tuple[Labels, int]] | None:
    """Where a part stands, as regions of all combinations of some indices.

    Returns:
        Labels and which of them is the region, for each one; None where there are many.
    """
    stands = labels == part
    if _is_product(stands):
        return [(labels, part)] if stands.any() else []
    found = products(stands)
    if len(found) > _MOST_REGIONS:
        return None
    regions = []
    for product in found:
        region = np.zeros(stands.shape, dtype=np.int64)
        region[np.ix_(*product)] = 1
        regions.append((region, 1))
    return regions


def _is_product(stands: npt.NDArray[np.bool_]) -> bool:
    """Whether elements stand at all combinations of the indices at which any of them stands."""
    counts = [
        stands.any(axis=tuple(a for a in range(stands.ndim) if a != axis)).sum()
        for axis in range(stands.ndim)
    ]
    return bool(stands.sum() == prod(counts))


def _told_apart(state: State, subject: int) -> tuple[list[tuple[Term, ...]], Labels]:
    """The local ways in which one input axis reaches the parts, and which of them holds where."""
    ways: dict[tuple[Term, ...], int] = {}
    numbers = [
        ways.setdefault(() if reach is None else reach.terms, len(ways))
        for reach in (part[subject] for part in state.parts)
    ]
    if state.labels is None or len(ways) == 1:
        return list(ways), np.zeros((1,) * len(state.layout), dtype=np.int64)
    return list(ways), np.array(numbers, dtype=np.int64)[state.labels]


def _of_part(
    terms: Sequence[Term], layout: Layout, labels: Labels | None, part: int
) -> dict[IndexSet, None] | None:
    kinds: dict[IndexSet, None] = {EMPTY: None}
    if labels is None:
        # What is the same everywhere goes with any combination of digits.
        terms = [Term((), t.field) if is_constant(t.field) else t for t in terms]
    for group in _groups(terms):
        stands: list[tuple[bool, ...] | None] = [None] * len(group)
        if labels is not None:
            places = [occupied(t.carrier, layout, labels, part) for t in group]
            stands = [None if p is None or p.all() else tuple(p.tolist()) for p in places]
        found = _of_group(tuple(group), tuple(stands), layout)
        if found is None or len(kinds) * len(found) > LONGEST_TABLE:
            return None
        kinds = {a.union(b): None for a in kinds for b in found}
    return kinds


def _groups(terms: Sequence[Term]) -> list[list[Term]]:
    """The terms, those that share digits together."""
    groups: list[tuple[set[tuple[int, int]], list[Term]]] = []
    for term in terms:
        digits = {entry[:2] for entry in term.carrier}
        members = [term]
        apart = []
        for places, others in groups:
            if places & digits:
                digits |= places
                members = [*others, *members]
            else:
                apart.append((places, others))
        groups = [*apart, (digits, members)]
    return [members for _, members in groups]


@lru_cache(maxsize=4096)
def _of_group(
    terms: tuple[Term, ...], stands: tuple[tuple[bool, ...] | None, ...], layout: Layout
) -> tuple[IndexSet, ...] | None:
    """What is seen for every combination of the digits at which all terms stand, each once."""
    if any(entry[2] < 0 or _is_unresolved(entry, layout) for t in terms for entry in t.carrier):
        return None
    digits = sorted({entry[:2] for term in terms for entry in term.carrier})
    sizes = [layout[axis][digit] for axis, digit in digits]
    if prod(sizes) > LONGEST_TABLE:
        return None
    index = np.indices(sizes).reshape(len(sizes), prod(sizes))
    here = np.ones(index.shape[1], dtype=bool)
    # For every combination a number that names what the terms so far see together.
    codes, known = np.zeros(index.shape[1], dtype=np.int64), [EMPTY]
    for term, where in zip(terms, stands, strict=True):
        strides = {(axis, digit): stride for axis, digit, stride in term.carrier}
        by = np.array([strides.get(place, 0) for place in digits], dtype=np.int64)
        virtual = by @ index
        if where is not None:
            here &= np.array(where, dtype=bool)[virtual]
        numbers: dict[IndexSet, int] = {}
        own = [numbers.setdefault(term.field.at(v), len(numbers)) for v in range(virtual.max() + 1)]
        pairs, codes = np.unique(
            codes * len(numbers) + np.array(own, dtype=np.int64)[virtual], return_inverse=True
        )
        sets = list(numbers)
        known = [known[pair // len(sets)].union(sets[pair % len(sets)]) for pair in pairs.tolist()]
    return tuple(dict.fromkeys(known[code] for code in np.unique(codes[here]).tolist()))


def _is_unresolved(entry: tuple[int, int, int], layout: Layout) -> bool:
    return entry[2] == 0 and layout[entry[0]][entry[1]] > 1
