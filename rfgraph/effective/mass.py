"""How large a box around the centre holds a share of all influence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True, slots=True)
class Mass:
    """The smallest centred box that holds a share of all influence.

    Attributes:
        share: The share that it holds at least, 0 to 1.
        side: Its side, odd, in input positions, before it is cut at the input's border.
        area: The fraction of the input that it covers.
    """

    share: float
    side: int
    area: float


def mass_table(
    shares: npt.NDArray[np.float64], center: Sequence[int], wanted: Sequence[float]
) -> tuple[Mass, ...]:
    """Return, for each wanted share, the smallest box around `center` that holds it.

    Source: Ding et al., *Scaling Up Your Kernels to 31x31* (RepLKNet), CVPR 2022, table 10: the
    area ratio of a minimum rectangle that covers the contribution over a threshold.

    Args:
        shares: Non-negative, summing to 1.
        center: The box's middle position.
        wanted: Shares, 0 to 1.
    """
    rings = np.zeros(shares.shape, dtype=np.int64)
    for axis, middle in enumerate(center):
        distance = np.abs(np.arange(shares.shape[axis]) - middle)
        rings = np.maximum(
            rings, distance.reshape([-1 if k == axis else 1 for k in range(shares.ndim)])
        )
    held = np.cumsum(np.bincount(rings.ravel(), weights=shares.ravel()))
    # Rounding in the sum must not ask for a ring that adds nothing.
    held[-1] = max(held[-1], 1.0)
    rows = []
    for share in wanted:
        reach = int(np.searchsorted(held, share * (1 - 1e-12)))
        sides = [
            min(middle + reach, n - 1) - max(middle - reach, 0) + 1
            for middle, n in zip(center, shares.shape, strict=True)
        ]
        rows.append(Mass(share, 2 * reach + 1, prod(sides) / shares.size))
    return tuple(rows)
