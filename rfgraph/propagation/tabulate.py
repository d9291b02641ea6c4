"""Terms as tables over all their digits, where no quasi-affine map describes them.

Relative positions are often shifted into place by padding a flattened map and viewing it with rows
of another length: what an element sees is then no function of one digit, nor affine in several.
Tables of moderate size say it exactly.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import prod

import numpy as np
import numpy.typing as npt

from rfgraph.geometry.axis_map import AxisMap
from rfgraph.geometry.index_set import EMPTY, IndexSet
from rfgraph.geometry.periodic import Finite, fold
from rfgraph.propagation.digits import drop_idle_digits
from rfgraph.propagation.state import Digit, Layout, Term, numbered

LONGEST = 1 << 14
"""Entries beyond which no table is made."""

Codes = npt.NDArray[np.int64]


def merged(term: Term, digits: tuple[Digit, ...], layout: Layout, axis: int) -> Term | None:
    """The term with some digits, outermost first, as the one plain index of ``axis``.

    None where the table would be too long or the term is not resolved.
    """
    merging = set(digits)
    rest = [place for place in _places(term) if place not in merging]
    grid = _virtual(term, (*rest, *digits), layout)
    if grid is None:
        return None
    sizes = [layout[a][d] for a, d in rest]
    grid = grid.reshape(*sizes, prod(layout[a][d] for a, d in digits))
    flat = list(layout)
    for other, _ in digits:
        flat[other] = (1,)
    flat[axis] = (grid.shape[-1],)
    places = [*rest, (axis, 0)]
    codes, sets = _coded(term, grid)
    return _term(codes, sets, places, tuple(flat))


def moved(
    term: Term,
    maps: Mapping[int, tuple[AxisMap, int, int, int]],
    renamed: Mapping[int, int],
    layout: Layout,
    out_layout: Layout,
) -> Term | None:
    """The term where axes of one digit are read through maps.

    Args:
        term: A term of the input.
        maps: For an axis that is not passed through its map, the output axis, and both lengths.
        renamed: The output axis of each axis that is passed through, by input axis.
        layout: Digits of the input's axes.
        out_layout: Digits of the output's axes.

    Returns:
        The term over the output's digits; None where the table would be too long or the term is
        not resolved.
    """
    places = _places(term)
    grid = _virtual(term, places, layout)
    if grid is None:
        return None
    codes, sets = _coded(term, grid)
    after: list[Digit] = []
    for k, (axis, digit) in enumerate(places):
        if axis not in maps:
            after.append((renamed[axis], digit))
            continue
        reads, out_axis, in_length, out_length = maps[axis]
        if codes.size // in_length * out_length > LONGEST:
            return None
        rows = [_union(codes, k, list(reads.at(o, in_length)), sets) for o in range(out_length)]
        codes = np.stack(rows, axis=k)
        after.append((out_axis, 0))
    return _term(codes, sets, after, out_layout)


def _places(term: Term) -> tuple[Digit, ...]:
    return tuple((axis, digit) for axis, digit, _ in term.carrier)


def _virtual(term: Term, places: tuple[Digit, ...], layout: Layout) -> Codes | None:
    """The virtual index at all combinations of the digits; None if it is not resolved."""
    sizes = [layout[axis][digit] for axis, digit in places]
    strides = {(axis, digit): stride for axis, digit, stride in term.carrier}
    if not 0 < prod(sizes) <= LONGEST:
        return None
    if any(stride <= 0 and layout[a][d] > 1 for (a, d), stride in strides.items()):
        return None
    grid = np.zeros(sizes, dtype=np.int64)
    for k, place in enumerate(places):
        line = strides.get(place, 0) * np.arange(sizes[k], dtype=np.int64)
        grid += line.reshape([-1 if j == k else 1 for j in range(len(sizes))])
    return grid


def _coded(term: Term, grid: Codes) -> tuple[Codes, list[IndexSet]]:
    """A number for what each element sees, and what the numbers stand for."""
    known: dict[IndexSet, int] = {EMPTY: 0}
    values, places = np.unique(grid, return_inverse=True)
    codes = [known.setdefault(term.field.at(v), len(known)) for v in values.tolist()]
    return np.array(codes, dtype=np.int64)[places.reshape(grid.shape)], list(known)


def _union(codes: Codes, axis: int, positions: list[int], sets: list[IndexSet]) -> Codes:
    """The numbers of what several positions along an axis see together; new sets are added."""
    shape = codes.shape[:axis] + codes.shape[axis + 1 :]
    seen = np.zeros(shape, dtype=np.int64)
    numbers = {one: k for k, one in enumerate(sets)}
    for position in positions:
        other = codes.take(position, axis=axis)
        pairs, places = np.unique(seen * len(sets) + other, return_inverse=True)
        count = len(sets)
        joined = [sets[p // count].union(sets[p % count]) for p in pairs.tolist()]
        for one in joined:
            if one not in numbers:
                numbers[one] = len(sets)
                sets.append(one)
        seen = np.array([numbers[one] for one in joined], dtype=np.int64)[places.reshape(shape)]
    return seen


def _term(codes: Codes, sets: list[IndexSet], places: list[Digit], layout: Layout) -> Term:
    """The term whose digits are the axes of an array of numbers."""
    order = sorted(range(len(places)), key=lambda k: places[k])
    rows = np.transpose(codes, order).reshape(-1).tolist()
    carrier = numbered(places, layout)
    return drop_idle_digits(Term(carrier, fold(Finite(tuple(sets[k] for k in rows)))), layout)
