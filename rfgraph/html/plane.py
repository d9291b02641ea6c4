"""The one or two analysed axes of the input that the page draws as a picture."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from rfgraph.analysis import InputInfo


@dataclass(frozen=True, slots=True)
class Plane:
    """How the analysed axes of an input lie on a picture.

    One axis lies as a row; of three, the last two are shown.

    Attributes:
        info: The input.
    """

    info: InputInfo

    @property
    def lengths(self) -> tuple[int, int]:
        """Rows and columns of the picture."""
        lengths = self.info.lengths
        return (1, lengths[0]) if len(lengths) == 1 else (lengths[-2], lengths[-1])

    def mask(self, mask: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
        """Return the rows and columns of a mask over all analysed axes, hidden axes joined."""
        if mask.ndim == 1:
            return mask[None]
        return np.asarray(mask.any(axis=tuple(range(mask.ndim - 2))))
