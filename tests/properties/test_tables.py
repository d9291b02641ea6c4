"""Tables over digits: what several positions along an axis see together."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from rfgraph.geometry.index_set import EMPTY, index_set, union_all
from rfgraph.propagation.tabulate import _rows

LENGTH = 9


@st.composite
def readings(draw):
    """Sets of positions, all of them runs in half of the cases."""
    if draw(st.booleans()):
        ends = st.tuples(st.integers(0, LENGTH - 1), st.integers(0, LENGTH))
        runs = draw(st.lists(ends, min_size=1, max_size=8))
        return [index_set(range(a, max(a, b))) for a, b in runs]
    sets = st.sets(st.integers(0, LENGTH - 1))
    return [index_set(one) for one in draw(st.lists(sets, min_size=1, max_size=8))]


@given(
    reads=readings(),
    seen=st.lists(st.sets(st.integers(-3, 5)), min_size=LENGTH * 2, max_size=LENGTH * 2),
    axis=st.integers(0, 1),
)
def test_rows_are_unions_of_lines(reads, seen, axis):
    """Row o of the result holds the union of the lines that o reads, element by element."""
    numbers = {EMPTY: 0}
    flat = [numbers.setdefault(index_set(one), len(numbers)) for one in seen]
    lines = np.array(flat, dtype=np.int64).reshape(LENGTH, 2)
    wanted = [
        [union_all(index_set(seen[2 * p + k]) for p in read) for k in range(2)] for read in reads
    ]
    rows = _rows(lines if axis == 0 else lines.T, axis, reads, numbers)
    sets = list(numbers)
    assert [[sets[number] for number in row] for row in rows] == wanted
