"""Picture files as tensors."""

from __future__ import annotations

from os import PathLike, fspath
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from rfgraph.errors import InputError, MissingExtraError

if TYPE_CHECKING:
    import torch


def load_picture(
    path: str | PathLike[str], size: tuple[int, int] | None = None, *, channels: int = 3
) -> torch.Tensor:
    """Return the picture in a file as a tensor (channels, height, width) from 0 to 1.

    Orientation marks of cameras are obeyed; transparency is dropped.

    Args:
        path: Any file that Pillow reads.
        size: (height, width) to scale to, so that the picture covers it, and to cut out of the
            middle; None for the picture's own.
        channels: 3 for colour, 1 for grey.

    Raises:
        InputError: There is no such file, or Pillow cannot read it; or `channels` is neither.
        MissingExtraError: Pillow is not installed.
    """
    import torch  # noqa: PLC0415 -- listing pictures needs none

    try:
        from PIL import Image, ImageOps, UnidentifiedImageError  # noqa: PLC0415 -- optional
    except ImportError:
        raise MissingExtraError("reading pictures", "Pillow") from None
    modes = {1: "L", 3: "RGB"}
    if channels not in modes:
        raise InputError(f"a picture has 1 or 3 channels, and the model takes {channels}")
    try:
        with Image.open(Path(path)) as opened:
            image = ImageOps.exif_transpose(opened).convert(modes[channels])
    except UnidentifiedImageError:
        raise InputError(f"{fspath(path)} is no picture that Pillow can read") from None
    except (OSError, ValueError, Image.DecompressionBombError) as error:
        why = getattr(error, "strerror", None) or error
        raise InputError(f"cannot read the picture {fspath(path)}: {why}") from None
    if size is not None:
        image = ImageOps.fit(image, (size[1], size[0]), Image.Resampling.BILINEAR)
    array = np.asarray(image, dtype=np.float32) / 255
    return torch.from_numpy(array.reshape(*array.shape[:2], channels).transpose(2, 0, 1).copy())
