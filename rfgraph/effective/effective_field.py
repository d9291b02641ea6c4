"""What was measured of one element's influence, beside what the structure says."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from rfgraph.analysis import Node, Region
from rfgraph.effective.gaussian import Gaussian
from rfgraph.effective.mass import Mass


@dataclass(frozen=True, eq=False)
class EffectiveField:
    """The effective receptive field of one element (Luo et al. 2016), from real gradients.

    Attributes:
        node: The node that the element belongs to.
        position: The element's position along the node's spatial axes.
        input: The input that it was measured on.
        axes: That input's analysed axes.
        values: Mean over samples of the absolute gradient, summed over the input's channels; shaped
            as the input's analysed axes. The gradient is that of the sum of the element's channels.
        samples: How many samples were averaged.
        source: What the samples were.
        gaussian: The Gaussian with the mean and deviation of `shares`.
        masses: The smallest centred boxes that hold 20, 30, 50 and 99 % (the RepLKNet table).
        region: The theoretical field of the element.
    """

    node: Node
    position: tuple[int, ...]
    input: str
    axes: tuple[int, ...]
    values: npt.NDArray[np.float64]
    samples: int
    source: str
    gaussian: Gaussian
    masses: tuple[Mass, ...]
    region: Region

    @property
    def shares(self) -> npt.NDArray[np.float64]:
        """The values, scaled to sum to 1."""
        return np.asarray(self.values / self.values.sum())

    @cached_property
    def density(self) -> npt.NDArray[np.float64]:
        """The share of all paths from each input position: the field under uniform weights."""
        return self.node.density(self.position, input=self.input)

    def __str__(self) -> str:
        sigma = " × ".join(f"{s:.1f}" for s in self.gaussian.sigma)
        held = ", ".join(f"{m.share:.0%} in side {m.side} ({m.area:.1%})" for m in self.masses)
        return (
            f"effective field of {self.node.name}{list(self.position)} over {self.source}: "
            f"sigma {sigma}; {held}"
        )
