"""Terms as tables over all their digits, where no quasi-affine map describes them.

Relative positions are often shifted into place by padding a flattened map and viewing it with rows
of another length: what an element sees is then no function of one digit, nor affine in several.
Tables of moderate size say it exactly.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import repeat
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

Numbers = dict[IndexSet, int]
"""Sets of input positions, numbered in order."""


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
    codes, numbers = _coded(term, grid)
    return _term(codes, numbers, places, tuple(flat))


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
    codes, numbers = _coded(term, grid)
    after: list[Digit] = []
    for k, (axis, digit) in enumerate(places):
        if axis not in maps:
            after.append((renamed[axis], digit))
            continue
        reads, out_axis, in_length, out_length = maps[axis]
        if codes.size // in_length * out_length > LONGEST:
            return None
        wanted = [reads.at(o, in_length) for o in range(out_length)]
        codes = np.stack(_rows(codes, k, wanted, numbers), axis=k)
        after.append((out_axis, 0))
    return _term(codes, numbers, after, out_layout)


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


def _coded(term: Term, grid: Codes) -> tuple[Codes, Numbers]:
    """A number for what each element sees, and what is numbered."""
    known: Numbers = {EMPTY: 0}
    values, places = np.unique(grid, return_inverse=True)
    codes = [known.setdefault(term.field.at(v), len(known)) for v in values.tolist()]
    return np.array(codes, dtype=np.int64)[places.reshape(grid.shape)], known


def _rows(codes: Codes, axis: int, reads: list[IndexSet], numbers: Numbers) -> list[Codes]:
    """The numbers of what each of the sets of positions along an axis sees; new sets are added."""
    lines = np.moveaxis(codes, axis, 0)
    sets = list(numbers)

    def joined(a: Codes, b: Codes) -> Codes:
        count = len(sets)
        pairs, places = np.unique(a * count + b, return_inverse=True)
        told = []
        for first, second in map(divmod, pairs.tolist(), repeat(count)):
            one = sets[first].union(sets[second])
            number = numbers.setdefault(one, len(numbers))
            if number == len(sets):
                sets.append(one)
            told.append(number)
        made: Codes = np.array(told, dtype=np.int64)[places.reshape(a.shape)]
        return made

    if all(one.extent == len(one) for one in reads):
        return _runs(lines, reads, joined)
    rows = []
    for read in reads:
        seen = np.zeros(lines.shape[1:], dtype=np.int64)
        for position in read:
            seen = joined(seen, lines[position])
        rows.append(seen)
    return rows


def _runs(
    lines: Codes, reads: list[IndexSet], joined: Callable[[Codes, Codes], Codes]
) -> list[Codes]:
    """As :func:`_rows` for sets without holes: two runs as long as a power of two cover each.

    Source: the sparse table of Bender and Farach-Colton, *The LCA Problem Revisited*, LATIN 2000;
    a union, like a minimum, may count what lies in both runs twice.
    """
    longest = max(len(one) for one in reads)
    powers = [lines]
    while 2 << len(powers) - 1 <= longest:
        last, step = powers[-1], 1 << len(powers) - 1
        powers.append(joined(last[:-step], last[step:]))
    nothing = np.zeros(lines.shape[1:], dtype=np.int64)
    rows = []
    for read in reads:
        if not read:
            rows.append(nothing)
            continue
        level = len(read).bit_length() - 1
        power = powers[level]
        first, last = power[read.first], power[read.last + 1 - (1 << level)]
        rows.append(first if len(read) == 1 << level else joined(first, last))
    return rows


def _term(codes: Codes, numbers: Numbers, places: list[Digit], layout: Layout) -> Term:
    """The term whose digits are the axes of an array of numbers."""
    order = sorted(range(len(places)), key=lambda k: places[k])
    rows = np.transpose(codes, order).reshape(-1).tolist()
    carrier = numbered(places, layout)
    sets = list(numbers)
    return drop_idle_digits(Term(carrier, fold(Finite(tuple(sets[k] for k in rows)))), layout)
