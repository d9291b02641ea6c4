"""Resampling along one axis: interpolation in every mode, adaptive pooling.

Sampling positions are exact fractions, so a weight is zero only where it is zero on paper; a tap
of weight zero is no dependence. Nearest modes follow the floating-point arithmetic of the
operators, in the precision of their input, which now and then lands beside the exact position.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from functools import lru_cache
from math import ceil, floor

import numpy as np

from rfgraph.geometry.axis_map import SAME, AxisMap, Border
from rfgraph.geometry.index_set import IndexSet, index_set, interval
from rfgraph.geometry.movement import fixed
from rfgraph.geometry.periodic import Finite, IndexMap, from_function

_FINEST = 1024  # denominators of a scale factor given as a float: 1.3 means 13/10


def _phases(step: Fraction, length: int, taps: Callable[[int], IndexSet]) -> IndexMap:
    """``taps`` as a quasi-affine map when the axis is long enough to show a whole period."""
    if step.denominator > max(length, 1):
        return Finite(tuple(taps(o) for o in range(length)))
    return from_function(step.denominator, step.numerator, taps)


def pixel_step(in_length: int, out_length: int, scale_factor: float | None) -> Fraction:
    """Input pixels per output pixel when pixel edges are aligned (``align_corners=False``)."""
    if scale_factor is not None and scale_factor > 0:
        return 1 / Fraction(scale_factor).limit_denominator(_FINEST)
    return Fraction(in_length, out_length)


def _corner_step(in_length: int, out_length: int) -> Fraction:
    return Fraction(in_length - 1, out_length - 1) if out_length > 1 else Fraction(0)


@lru_cache(maxsize=1024)
def adaptive(in_length: int, out_length: int) -> AxisMap:
    """Output o reads ``floor(o n / m)`` up to but not including ``ceil((o + 1) n / m)``."""
    if in_length == 1:
        return fixed(0)
    step = Fraction(in_length, out_length)
    return AxisMap(
        _phases(step, out_length, lambda o: interval(floor(o * step), ceil((o + 1) * step) - 1))
    )


@lru_cache(maxsize=1024)
def nearest(
    in_length: int,
    out_length: int,
    scale_factor: float | None,
    *,
    exact: bool,
    double: bool,
    by_lengths: bool = False,
) -> AxisMap:
    """Output o reads ``floor(o * step)``, or ``floor((o + 1/2) * step)`` when ``exact``.

    Args:
        in_length: Number of input positions.
        out_length: Number of output positions.
        scale_factor: Output per input positions, if the operator uses it instead of the lengths.
        exact: Sample at pixel centres (``nearest-exact``) instead of pixel edges.
        double: Whether the operator computes positions in double precision.
        by_lengths: Whether the operator ignores a factor that leaves or doubles the length, as one
            of PyTorch's kernels does.
    """
    if in_length == 1 < out_length:
        return fixed(0)
    step = pixel_step(in_length, out_length, scale_factor)
    half = Fraction(1, 2) if exact else Fraction(0)
    real = np.float64 if double else np.float32
    pace = real(1 / scale_factor) if scale_factor else real(in_length) / real(out_length)
    if by_lengths and out_length in (in_length, 2 * in_length):
        pace = real(in_length) / real(out_length)
        step = Fraction(in_length, out_length)
    positions = (np.arange(out_length, dtype=real) + real(0.5 if exact else 0.0)) * pace
    # Whatever the precision so far, the position is floored as a single-precision number.
    positions = positions.astype(np.float32)
    rounded = np.minimum(np.floor(positions).astype(np.int64), in_length - 1)
    paper = _phases(step, out_length, lambda o: index_set([floor((o + half) * step)]))
    ideal = AxisMap(paper, Border.REPLICATE)
    if all(ideal.at(o, in_length).first == int(p) for o, p in enumerate(rounded)):
        return ideal
    return AxisMap(Finite(tuple(index_set([int(p)]) for p in rounded)))


@lru_cache(maxsize=1024)
def linear(
    in_length: int, out_length: int, scale_factor: float | None, *, align_corners: bool
) -> AxisMap:
    """Output o reads the two pixels around its sampling position, one where it hits a pixel.

    Equal lengths copy, whatever the scale factor.
    """
    if in_length == out_length:
        return SAME
    return _interpolated(in_length, out_length, scale_factor, align_corners, (0, 1))


@lru_cache(maxsize=1024)
def cubic(
    in_length: int, out_length: int, scale_factor: float | None, *, align_corners: bool
) -> AxisMap:
    """Output o reads the four pixels around its sampling position, one where it hits a pixel."""
    return _interpolated(in_length, out_length, scale_factor, align_corners, (-1, 0, 1, 2))


def _interpolated(
    in_length: int,
    out_length: int,
    scale_factor: float | None,
    align_corners: bool,
    taps: tuple[int, ...],
) -> AxisMap:
    if in_length == 1:
        return fixed(0)
    if align_corners:
        step, offset = _corner_step(in_length, out_length), Fraction(0)
    else:
        step = pixel_step(in_length, out_length, scale_factor)
        offset = step / 2 - Fraction(1, 2)

    def read(o: int) -> IndexSet:
        position = o * step + offset
        pixel = floor(position)
        return index_set([pixel] if position == pixel else (pixel + t for t in taps))

    return AxisMap(_phases(step, out_length, read), Border.REPLICATE)


@lru_cache(maxsize=1024)
def antialiased(
    in_length: int,
    out_length: int,
    scale_factor: float | None,
    *,
    align_corners: bool,
    radius: int,
) -> AxisMap:
    """Output o reads the pixels under a triangle (radius 1), cubic (2) or Lanczos (3) filter.

    When shrinking, the filter is widened by the step, as in Pillow; pixels beyond the border are
    left out and the weights renormalised. Equal lengths copy, whatever the scale factor.
    """
    if in_length == out_length:
        return SAME
    if in_length == 1:
        return fixed(0)
    if align_corners:
        step = _corner_step(in_length, out_length)
    else:
        step = pixel_step(in_length, out_length, scale_factor)
    width = max(step, Fraction(1))
    reach = radius * width

    def read(o: int) -> IndexSet:
        centre = step * (o + Fraction(1, 2))
        first, end = floor(centre - reach + Fraction(1, 2)), floor(centre + reach + Fraction(1, 2))
        return index_set(
            i
            for i in range(first, end)
            if _filter_weight((i - centre + Fraction(1, 2)) / width, radius)
        )

    return AxisMap(_phases(step, out_length, read))


def _filter_weight(distance: Fraction, radius: int) -> bool:
    """Whether the filter is nonzero there: all vanish outside, and at integers other than 0."""
    return abs(distance) < radius and (distance == 0 or distance.denominator != 1)
