"""Sampling at given places: the pixels along one axis that carry weight for each coordinate.

Coordinates run from -1 to 1 over the axis, as in ``torch.nn.functional.grid_sample``. The
operator's own floating point arithmetic decides which pixel is meant, so it is repeated here in
the type of the coordinates.
"""

from __future__ import annotations

from typing import Literal, TypeVar

import numpy as np
import numpy.typing as npt

Padding = Literal["zeros", "border", "reflection"]
Interpolation = Literal["linear", "nearest", "cubic"]
Coordinates = npt.NDArray[np.floating]
Taps = npt.NDArray[np.int64]
_Array = TypeVar("_Array", bound=Coordinates)


def grid_taps(
    coordinates: Coordinates,
    length: int,
    interpolation: Interpolation,
    padding: Padding,
    *,
    align_corners: bool,
) -> Taps:
    """The pixels that each coordinate reads along one axis.

    Args:
        coordinates: Any shape, finite, -1 … 1 over the axis.
        length: Number of pixels along the axis, at least 1.
        interpolation: Of two neighbours, of the nearest pixel, or of four.
        padding: What lies outside: nothing, the last pixel, or the mirrored image.
        align_corners: Whether -1 and 1 are the centres of the outermost pixels.

    Returns:
        Pixel numbers, shape (taps, *coordinates.shape); -1 where nothing is read, because it lies
        outside or its weight is exactly zero.
    """
    place = _unnormalized(coordinates, length, align_corners=align_corners)
    if interpolation == "cubic":
        below = np.floor(place)
        between = place != below
        taps = np.stack([below - 1, below, below + 1, below + 2])
        used = np.stack([between, np.ones_like(between), between, between])
        taps = _padded(taps, length, padding, align_corners=align_corners)
        return _inside(taps, used, length)
    place = _padded(place, length, padding, align_corners=align_corners)
    if interpolation == "nearest":
        nearest = np.rint(place)[None]
        return _inside(nearest, np.ones(nearest.shape, dtype=bool), length)
    below = np.floor(place)
    taps = np.stack([below, below + 1])
    used = np.stack([np.ones(below.shape, dtype=bool), place != below])
    return _inside(taps, used, length)


def _inside(taps: Coordinates, used: npt.NDArray[np.bool_], length: int) -> Taps:
    here = used & (taps >= 0) & (taps < length)
    return np.where(here, taps, -1).astype(np.int64)


def _unnormalized(place: _Array, length: int, *, align_corners: bool) -> Coordinates:
    kind = place.dtype.type
    if align_corners:
        return np.asarray((place + kind(1)) / kind(2) * kind(length - 1))
    return np.asarray(((place + kind(1)) * kind(length) - kind(1)) / kind(2))


def _padded(
    place: Coordinates, length: int, padding: Padding, *, align_corners: bool
) -> Coordinates:
    if padding == "zeros":
        return place
    if padding == "reflection":
        low, high = (0.0, length - 1.0) if align_corners else (-0.5, length - 0.5)
        place = _reflected(place, low, high)
    return np.asarray(np.clip(place, 0, length - 1))


def _reflected(place: Coordinates, low: float, high: float) -> Coordinates:
    if low == high:
        return np.zeros_like(place)
    kind = place.dtype.type
    span = kind(high - low)
    distance = np.abs(place - kind(low))
    extra, flips = np.fmod(distance, span), np.floor(distance / span)
    return np.asarray(np.where(flips % 2 == 0, extra + kind(low), span - extra + kind(low)))
