"""Windows (convolution, pooling) and spreads (transposed convolution, fold).

Source: Dumoulin and Visin, *A guide to convolution arithmetic for deep learning*, 2016.
"""

from __future__ import annotations

from functools import lru_cache

from rfgraph.geometry.axis_map import AxisMap
from rfgraph.geometry.index_set import IndexSet, index_set
from rfgraph.geometry.periodic import Finite, Periodic, from_function


@lru_cache(maxsize=1024)
def window(kernel: int, stride: int = 1, dilation: int = 1, padding: int = 0) -> AxisMap:
    """Output o reads ``o * stride - padding + dilation * t`` for t in 0 … kernel-1.

    >>> list(window(kernel=3, stride=2, dilation=2, padding=1).at(0, length=9))
    [1, 3]
    """
    return window_taps(tuple(range(kernel)), stride, dilation, padding)


@lru_cache(maxsize=1024)
def window_taps(
    taps: tuple[int, ...], stride: int = 1, dilation: int = 1, padding: int = 0
) -> AxisMap:
    """A window of some taps only: output o reads ``o * stride - padding + dilation * t``.

    >>> list(window_taps((0, 2)).at(1, length=9))
    [1, 3]
    """
    seen = index_set(dilation * t - padding for t in taps)
    return AxisMap(Periodic(1, stride, (seen,)))


@lru_cache(maxsize=1024)
def spread(kernel: int, stride: int = 1, dilation: int = 1, padding: int = 0) -> AxisMap:
    """Output o reads every i with ``o = i * stride - padding + dilation * t``, t in 0 … kernel-1.

    The map has ``stride`` phases; with ``kernel < stride`` some read nothing.

    >>> [list(spread(kernel=1, stride=2).at(o, length=2)) for o in range(4)]
    [[0], [], [1], []]
    """
    return spread_taps(tuple(range(kernel)), stride, dilation, padding)


@lru_cache(maxsize=1024)
def spread_taps(
    taps: tuple[int, ...], stride: int = 1, dilation: int = 1, padding: int = 0
) -> AxisMap:
    """Some taps of a spread: output o reads i with ``o = i * stride - padding + dilation * t``.

    >>> [list(spread_taps((1,), stride=2).at(o, length=2)) for o in range(4)]
    [[], [0], [], [1]]
    >>> list(spread_taps((0, 2)).at(3, length=9))
    [1, 3]
    """
    return AxisMap(
        from_function(
            stride,
            1,
            lambda o: index_set(
                (o + padding - dilation * t) // stride
                for t in taps
                if (o + padding - dilation * t) % stride == 0
            ),
        )
    )


@lru_cache(maxsize=1024)
def listed(outer_step: int, inner: int, inner_step: int, padding: int = 0) -> AxisMap:
    """Output ``a * inner + b`` reads ``outer_step * a + inner_step * b - padding``.

    Windows as rows or columns: with windows outside and taps inside the output lists the taps of
    one window after another (``unfold``), the other way round all windows under one tap (im2col).

    >>> [list(listed(3, 2, 1).at(o, length=5)) for o in range(4)]
    [[0], [1], [3], [4]]
    """
    sets = tuple(IndexSet(inner_step * b - padding, 1) for b in range(inner))
    return AxisMap(Periodic(inner, outer_step, sets))


@lru_cache(maxsize=1024)
def added(size: int, step: int) -> AxisMap:
    """Output o reads every ``a * size + b`` with ``o = a * step + b``, b in 0 … size-1.

    The transpose of ``listed(step, size, 1)``: overlapping windows outside, their elements inside,
    added up where they came from (overlap-add).

    >>> [list(added(3, 2).at(o, length=6)) for o in range(5)]
    [[0], [1], [2, 3], [4], [5]]
    """
    return AxisMap(
        from_function(
            step,
            size,
            lambda o: index_set(
                -back * size + o + back * step for back in range((size - 1 - o) // step + 1)
            ),
        )
    )


@lru_cache(maxsize=1024)
def unlisted(
    windows: int, length: int, kernel: int, *, stride: int, dilation: int, padding: int
) -> AxisMap:
    """Output o reads every ``t * windows + i`` with ``o = i * stride - padding + dilation * t``.

    The other direction of :func:`listed` with taps outside and windows inside: ``fold``.
    """
    rows: list[list[int]] = [[] for _ in range(length)]
    for t in range(kernel):
        for i in range(windows):
            o = i * stride - padding + dilation * t
            if 0 <= o < length:
                rows[o].append(t * windows + i)
    return AxisMap(Finite(tuple(index_set(row) for row in rows)))
