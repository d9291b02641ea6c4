"""One part of one picture, and how much it excited a channel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from rfgraph.analysis.region import Region


@dataclass(frozen=True, slots=True, eq=False)
class Patch:
    """What one element saw when it was excited.

    Attributes:
        score: The activation.
        source: The picture: its file's path, or its number in the order given.
        index: The element's position along the node's spatial axes.
        region: The exact hull of what it sees; `.unclipped` counts padding.
        picture: The pixels of the hull as they were given, channels last; without any where the
            element sees no pixel.
        seen: True where a pixel of the hull is really seen, not a hole; (rows, columns).
    """

    score: float
    source: str | int
    index: tuple[int, ...]
    region: Region
    picture: npt.NDArray[np.float32]
    seen: npt.NDArray[np.bool_]

    def __repr__(self) -> str:
        return f"Patch({self.score:.4g}, {self.source!r}, {self.index}, {self.region.hull})"
