"""The index algebra: composition and union against their definitions on plain sets."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn.functional import interpolate

from rfgraph.geometry.axis_map import SAME, AxisMap, Border, bounded, pairs, scan_of
from rfgraph.geometry.index_set import index_set, interval, union_all
from rfgraph.geometry.movement import blocks, flip, kept, pad, segment, slice_map, written
from rfgraph.geometry.periodic import (
    Finite,
    IndexMap,
    Periodic,
    affine,
    compose,
    fold,
    gather,
    periodic,
    same_slope,
    tabulate,
    union,
)
from rfgraph.geometry.resample import adaptive, antialiased, cubic, linear
from rfgraph.geometry.tensor_map import Axes, AxisRead
from rfgraph.geometry.window import spread, window
from rfgraph.propagation.pull import pull
from rfgraph.propagation.push import push
from rfgraph.rules.prefix import prefix

sets = st.frozensets(st.integers(-20, 20), max_size=6)
windows = st.builds(
    window, st.integers(1, 5), st.integers(1, 4), st.integers(1, 3), st.integers(-2, 4)
)
spreads = st.builds(
    spread, st.integers(1, 5), st.integers(1, 4), st.integers(1, 3), st.integers(0, 3)
)
moves = st.one_of(
    st.builds(slice_map, st.integers(0, 5), st.integers(1, 3)),
    st.builds(flip, st.integers(1, 12)),
    st.builds(
        lambda n, m: linear(n, m, None, align_corners=False), st.integers(1, 9), st.integers(1, 9)
    ),
    st.builds(adaptive, st.integers(1, 9), st.integers(1, 9)),
)
interiors = (
    st.one_of(windows, spreads, moves)
    .map(lambda m: m.interior)
    .filter(lambda m: isinstance(m, Periodic))
)
SPAN = range(-7, 15)


def read(reads, index):
    """What an index map reads at one index, as a plain set."""
    return set(reads.at(index))


@given(sets, sets, st.integers(-5, 5))
def test_index_sets_are_sets(a, b, by):
    """Union, shift, size, hull and membership mean what they mean for sets of integers."""
    x, y = index_set(a), index_set(b)
    assert set(x.union(y)) == a | b
    assert set(x.shift(by)) == {i + by for i in a}
    assert len(x) == len(a)
    assert all((i in x) == (i in a) for i in range(-25, 25))
    if a:
        assert (x.first, x.last, x.extent) == (min(a), max(a), max(a) - min(a) + 1)
    assert (x == y) == (a == b)


@given(sets, sets, st.integers(-3, 3))
def test_dilation_is_a_minkowski_sum(a, b, step):
    """Every position moved by the step times every offset."""
    assert set(index_set(a).dilate(index_set(b), step)) == {i + step * t for i in a for t in b}


@given(sets, st.integers(-20, 20), st.integers(1, 40), st.integers(-3, 3))
def test_dilation_by_a_run_is_the_same(a, first, count, step):
    """Offsets without a hole are joined by doubling."""
    run = interval(first, first + count - 1)
    assert set(index_set(a).dilate(run, step)) == {i + step * t for i in a for t in run}


@given(sets, st.integers(0, 25))
def test_within_keeps_what_is_inside(a, length):
    """Only positions of the axis are left, in normal form."""
    assert index_set(a).within(length) == index_set(i for i in a if 0 <= i < length)


@given(st.integers(1, 5), st.integers(1, 4), st.integers(1, 3), st.integers(0, 3))
def test_window_is_its_definition(k, s, d, p):
    """Output o reads o s - p + d t (Dumoulin and Visin 2016)."""
    reads = window(k, s, d, p).interior
    assert all(read(reads, o) == {o * s - p + d * t for t in range(k)} for o in SPAN)


@given(st.integers(1, 5), st.integers(1, 4), st.integers(1, 3), st.integers(0, 3))
def test_spread_is_the_transpose_of_a_window(k, s, d, p):
    """Output o of a transposed convolution reads i exactly when the window at i reads o."""
    forward, back = window(k, s, d, p).interior, spread(k, s, d, p).interior
    for o in SPAN:
        assert read(back, o) == {i for i in range(-40, 60) if o in read(forward, i)}


@given(interiors, interiors)
def test_composition_is_its_definition(outer, inner):
    """out(o) is the union of inner(i) over the i that outer reads at o."""
    through = compose(outer, inner)
    for o in SPAN:
        assert read(through, o) == set().union(*(read(inner, i) for i in outer.at(o)))


@given(interiors, interiors, interiors)
def test_composition_is_associative(a, b, c):
    """The order of evaluation does not matter, not even for the normal form."""
    assert compose(compose(a, b), c) == compose(a, compose(b, c))


@given(interiors, interiors, interiors, st.integers(1, 3))
def test_union_is_associative_and_distributes(a, b, c, scale):
    """Unions of equal slopes can be regrouped, and composition distributes over them."""
    a, b, c = (compose(x, affine(0)) if scale == 3 else x for x in (a, b, c))
    if same_slope(a, b) and same_slope(b, c):
        assert union(union(a, b), c) == union(a, union(b, c))
        assert union(a, b) == union(b, a)
    if same_slope(b, c):
        assert compose(a, union(b, c)) == union(compose(a, b), compose(a, c))


@given(interiors, st.integers(-3, 3).filter(bool), st.integers(1, 5))
def test_gather_is_a_dilated_window(field, step, count):
    """The union over a digit of given stride and size."""
    seen = gather(field, step, count)
    for v in SPAN:
        assert read(seen, v) == set().union(*(read(field, v + step * t) for t in range(count)))


@given(st.integers(1, 6), st.integers(-6, 6), st.lists(sets.map(index_set), min_size=6, max_size=6))
def test_normal_form_reads_the_same(period, advance, phases):
    """The smallest period describes the same map."""
    raw = Periodic(period, advance, tuple(phases[:period]))
    small = periodic(period, advance, raw.sets)
    assert small.period <= period
    assert all(raw.at(o) == small.at(o) for o in SPAN)


@given(interiors, st.integers(3, 30))
def test_fold_keeps_every_entry(field, length):
    """A table that is turned back into a quasi-affine map agrees at every entry."""
    table = tabulate(field, length)
    folded = fold(table)
    assert all(folded.at(i) == table.at(i) for i in range(length))
    if 2 * field.period < length and all(field.sets):
        assert isinstance(folded, Periodic)


@given(st.lists(interiors, min_size=1, max_size=4), st.integers(65, 90), st.booleans(), st.data())
def test_fold_finds_long_periods(fields, period, whole, data):
    """Also periods of many phases are found, of which the first may come again earlier."""
    phases = [data.draw(st.sampled_from(fields)).at(k) for k in range(7)] * (period // 7 + 1)
    phases[period - 1] = index_set({5, 11, 40}).shift(period)  # which no other phase is
    table = tabulate(Periodic(period, 3, tuple(phases[:period])), 2 * period + 5)
    if not whole:
        table = Finite(table.sets[: 2 * period - 1])
    folded = fold(table)
    assert all(folded.at(i) == table.at(i) for i in range(len(table.sets)))
    assert isinstance(folded, Periodic if whole and table.sets[0] else IndexMap)


def test_fold_never_guesses():
    """Two entries are no pattern."""
    assert isinstance(fold(Finite((interval(0, 1), interval(2, 3)))), Finite)


tables = st.builds(
    lambda entries, border: AxisMap(Finite(tuple(map(index_set, entries))), border),
    st.lists(st.frozensets(st.integers(-3, 11)), min_size=9, max_size=9),
    st.sampled_from(Border),
)


@given(
    st.one_of(
        windows,
        spreads,
        moves,
        tables,
        st.builds(pad, st.integers(-2, 3), st.sampled_from(Border)),
    ),
    st.integers(1, 9),
    st.integers(1, 9),
)
def test_pairs_are_the_bounded_map(reads, out_length, in_length):
    """The vectorised chunks hold each pair once, and no index twice within a chunk."""
    found = []
    for outs, ins in pairs(reads, out_length, in_length):
        assert len(set(outs.tolist())) == outs.size
        assert len(set(ins.tolist())) == ins.size
        found += zip(outs.tolist(), ins.tolist(), strict=True)
    expected = {
        (o, i) for o, seen in enumerate(bounded(reads, out_length, in_length).sets) for i in seen
    }
    assert set(found) == expected


scans = st.one_of(
    st.builds(
        lambda reach, step, move: AxisMap(Periodic(1, step, (interval(move - reach, move),))),
        st.integers(0, 30),
        st.integers(-2, 2),
        st.integers(-10, 10),
    ),
    st.builds(
        lambda ends, border: AxisMap(Finite(tuple(interval(0, e) for e in ends)), border),
        st.lists(st.integers(-1, 14), min_size=1, max_size=12),
        st.sampled_from((Border.VIRTUAL, Border.ABSENT)),
    ),
    st.builds(
        lambda starts: AxisMap(Finite(tuple(interval(e, 9) for e in starts)), Border.ABSENT),
        st.lists(st.integers(0, 10), min_size=1, max_size=12),
    ),
)


@given(
    scans, st.integers(1, 12), st.integers(1, 12), st.sampled_from((bool, np.int64)), st.randoms()
)
def test_scans_are_pulled_and_pushed_by_their_definition(reads, out_length, in_length, dtype, draw):
    """Input i gets what all its readers are marked with, output o the most of what it reads."""
    seen = [set(reads.at(o, in_length)) for o in range(out_length)]
    given_out = np.array([[draw.randint(0, 3) for _ in seen] for _ in range(2)]).astype(dtype)
    given_in = np.array([[draw.randint(0, 3) for _ in range(in_length)]] * 2).astype(dtype)
    axes = Axes((AxisRead(0, SAME), AxisRead(1, reads)))
    found = pull(axes, given_out, (2, in_length), (2, out_length))
    pulled = [
        [sum(row[o] for o in range(out_length) if i in seen[o]) for i in range(in_length)]
        for row in given_out.astype(np.int64).tolist()
    ]
    assert (np.broadcast_to(found, (2, in_length)) == np.array(pulled).astype(dtype)).all()
    found = push(axes, given_in, (2, in_length), (2, out_length))
    pushed = [
        [max((row[i] for i in seen[o]), default=0) for o in range(out_length)]
        for row in given_in.tolist()
    ]
    assert (np.broadcast_to(found, (2, out_length)) == np.array(pushed).astype(dtype)).all()
    scan = scan_of(reads, out_length, in_length)
    edge = {0} if scan is None or scan.from_start else {in_length - 1}
    assert scan is None or all(edge <= s and len(s) == max(s) - min(s) + 1 for s in seen if s)


@pytest.mark.parametrize("length", [1, 2, 7])
def test_a_long_prefix_reads_what_a_table_says(length, monkeypatch):
    """A filter that reaches over the start reads the same positions of the axis."""
    table = bounded(prefix(length), length, length)
    monkeypatch.setattr("rfgraph.rules.prefix.LONGEST", 0)
    assert bounded(prefix.__wrapped__(length), length, length) == table


def test_pairs_come_in_few_chunks():
    """A triangle goes by diagonals, a permutation at once: the number of chunks is the cost."""
    triangle = AxisMap(Finite(tuple(interval(0, i) for i in range(50))))
    assert len(pairs(triangle, 50, 50)) == 50
    permutation = AxisMap(Finite(tuple(index_set([7 * i % 50]) for i in range(50))))
    assert len(pairs(permutation, 50, 50)) == 1


@given(st.integers(2, 9), st.integers(0, 8), st.sampled_from(Border))
def test_borders(length, before, border):
    """Padding lands where numpy's padding of the same kind takes its values."""
    import numpy as np

    before = min(before, length - 1)
    modes = {Border.REFLECT: "reflect", Border.REPLICATE: "edge", Border.CIRCULAR: "wrap"}
    reads = pad(before, border)
    padded = np.pad(
        np.arange(length),
        (before, before),
        mode=modes.get(border, "constant"),
        **({} if border in modes else {"constant_values": -1}),
    )
    for o, value in enumerate(padded.tolist()):
        assert set(reads.at(o, length)) == ({value} if value >= 0 else set())


@given(st.integers(0, 6), st.integers(1, 3), st.integers(0, 5))
def test_written_and_kept_share_out_an_axis(start, step, count):
    """A slice assignment reads its source inside the slice and its target outside."""
    length = start + step * count + 2
    inside, outside = written(start, step, count), kept(start, step, count, length)
    places = [start + step * i for i in range(count)]
    for o in range(length):
        assert set(inside.at(o, count)) == ({places.index(o)} if o in places else set())
        assert set(outside.at(o, length)) == (set() if o in places else {o})


@given(st.integers(1, 4), st.integers(1, 4), st.integers(0, 11))
def test_blocks_are_groups(in_block, out_block, o):
    """A grouped convolution's output channel reads its whole group."""
    group = o // out_block
    seen = set(blocks(in_block, out_block).interior.at(o))
    assert seen == set(range(group * in_block, (group + 1) * in_block))


def test_segment_reads_nothing_elsewhere():
    """One operand of a concatenation supplies its own positions alone."""
    reads = segment(2)
    assert [list(reads.at(o, 3)) for o in range(7)] == [[], [], [0], [1], [2], [], []]


@pytest.mark.parametrize(("n", "m"), [(5, 10), (7, 5), (6, 13), (1, 4), (9, 3), (8, 8)])
@pytest.mark.parametrize("mode", ["linear", "cubic", "linear-aa", "cubic-aa"])
@pytest.mark.parametrize("corners", [False, True])
def test_resampling_reads_the_nonzero_weights(n, m, mode, corners):
    """Exactly the pixels whose weight, found by resampling unit vectors, is not zero."""
    smooth = mode.endswith("aa")
    build = {"linear": linear, "cubic": cubic}.get(mode)
    kind = "bilinear" if mode.startswith("linear") else "bicubic"
    eye = torch.eye(n, dtype=torch.float64).reshape(n, 1, 1, n)
    weights = interpolate(eye, size=(1, m), mode=kind, align_corners=corners, antialias=smooth)[
        :, 0, 0
    ]
    if build is not None:
        reads = build(n, m, None, align_corners=corners)
    else:
        radius = 1 if kind == "bilinear" else 2
        reads = antialiased(n, m, None, align_corners=corners, radius=radius)
    for o in range(m):
        true = {i for i in range(n) if abs(weights[i, o]) > 1e-12}
        assert set(reads.at(o, n)) == true, o


def test_a_chain_of_windows_is_the_classical_recurrence():
    """With one phase, r grows by (k - 1) d j, j by s, start falls by p j (Araujo et al. 2019)."""
    layers = [(7, 2, 1, 3), (3, 2, 1, 1), (3, 1, 2, 2), (1, 2, 1, 0), (5, 1, 3, 4)]
    field, size, jump, start = affine(1), 1, 1, 0
    for k, s, d, p in layers:
        field = compose(window(k, s, d, p).interior, field)
        size, start, jump = size + (k - 1) * d * jump, start - p * jump, jump * s
        assert field.sets[0].extent == size
        assert field.slope == Fraction(jump)
        assert field.sets[0].first == start


def test_union_all_of_nothing_is_empty():
    """The neutral element of union."""
    assert not union_all([])
    assert AxisMap(Finite(())).at(0, 3).bits == 0
