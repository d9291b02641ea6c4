"""The Gaussian with the moments of a heat map."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True, slots=True)
class Gaussian:
    """A Gaussian over input positions, axis by axis.

    Attributes:
        center: Mean position along each axis, in input positions; the centre of pixel i is i.
        sigma: Standard deviation along each axis, in input positions.
    """

    center: tuple[float, ...]
    sigma: tuple[float, ...]


def fit_gaussian(shares: npt.NDArray[np.float64]) -> Gaussian:
    """Return the maximum-likelihood Gaussian of a distribution: its mean and deviation per axis.

    Args:
        shares: Non-negative, summing to 1.
    """
    center, sigma = [], []
    for axis in range(shares.ndim):
        line = shares.sum(axis=tuple(k for k in range(shares.ndim) if k != axis))
        at = np.arange(line.size)
        mean = float(line @ at)
        center.append(mean)
        sigma.append(float(np.sqrt(line @ (at - mean) ** 2)))
    return Gaussian(tuple(center), tuple(sigma))
