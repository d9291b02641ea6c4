"""A test chart for when nobody gives a picture: ours, drawn by arithmetic."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt


def chart(height: int, width: int) -> npt.NDArray[np.float32]:
    """Return a picture with every orientation and scale: rings, a ramp of hues, squares and dots.

    The rings are a zone plate: their spatial frequency grows from the middle outwards.

    Args:
        height: Rows in pixels, at least 1.
        width: Columns in pixels, at least 1.

    Returns:
        Values from 0 to 1, shaped (height, width, 3).
    """
    row, column = np.mgrid[0:height, 0:width].astype(np.float64)
    y = (row + 0.5) / height * 2 - 1
    x = (column + 0.5) / width * 2 - 1
    radius = np.hypot(x, y)
    rings = 0.5 + 0.5 * np.cos(28 * np.pi / 2 * radius**2) * (radius < 0.8)
    hue = np.stack([0.5 + 0.35 * np.cos(np.pi * (x + y + k * 2 / 3)) for k in range(3)], -1)
    squares = ((np.floor((x + 1) * 8) + np.floor((y + 1) * 8)) % 2)[..., None]
    outside = 0.75 * hue + 0.25 * squares * hue
    weight = np.clip((0.82 - radius) * 25, 0, 1)[..., None]
    picture = weight * (0.35 * hue + 0.65 * rings[..., None]) + (1 - weight) * outside
    for cx, cy in ((-0.82, -0.82), (0.82, -0.82), (-0.82, 0.82), (0.82, 0.82)):
        dot = np.clip((0.12 - np.hypot(x - cx, y - cy)) * 40, 0, 1)[..., None]
        picture = (1 - dot) * picture + dot * (cy > 0)
    drawn: npt.NDArray[np.float32] = np.clip(picture, 0, 1).astype(np.float32)
    return drawn
