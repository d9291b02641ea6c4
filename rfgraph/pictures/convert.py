"""Whatever holds a picture, as an array that can be shown."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from rfgraph.errors import InputError


def as_array(picture: Any) -> npt.NDArray[np.float64]:  # noqa: ANN401 -- anything that holds pixels
    """Return a picture as (height, width, 1 or 3) with values from 0 to 1.

    Integers count from 0 to 255. Other values outside 0 … 1, such as those of a normalised input,
    are stretched linearly to that range.

    Args:
        picture: An array or tensor, (H, W), (H, W, C), (C, H, W) or (1, C, H, W) with 1, 3 or 4
            channels, or a Pillow image.

    Raises:
        InputError: It has another shape, no pixel, or values that are not finite.
    """
    detach = getattr(picture, "detach", None)
    array = np.asarray(detach().cpu().float().numpy() if detach else picture)
    if array.dtype.kind not in "uifb" or not array.size:
        raise InputError(f"a {type(picture).__name__} without numbers is no picture")
    whole = array.dtype.kind in "ui"
    # float() of a tensor hides that it held bytes.
    if detach and not picture.is_floating_point():
        whole = True
    shape = array.shape
    if array.ndim == 4 and len(array) == 1:
        array = array[0]
    if array.ndim == 2:
        array = array[..., None]
    elif (
        array.ndim == 3
        and array.shape[0] in (1, 3, 4)
        and (detach is not None or array.shape[-1] not in (1, 3, 4))
    ):
        array = array.transpose(1, 2, 0)
    if array.ndim != 3 or array.shape[-1] not in (1, 3, 4):
        raise InputError(
            f"an array of shape {shape} is no picture; give height × width with 1 or 3 channels"
        )
    values = array[..., :3].astype(np.float64)
    if not np.isfinite(values).all():
        raise InputError("the picture has values that are not finite")
    if whole:
        return values / 255
    low, high = values.min(), values.max()
    if low < 0 or high > 1:
        values = (values - low) / (high - low or 1)
    return values
