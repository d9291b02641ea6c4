"""Pictures one after the other, from whatever holds them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence, Sized
from os import PathLike, fspath
from pathlib import Path
from typing import Any, TypeAlias

import torch
from torch import Tensor

from rfgraph.errors import InputError
from rfgraph.pictures import list_pictures, load_picture

Images: TypeAlias = str | PathLike[str] | Tensor | Iterable[Any]
"""A folder, a tensor (N, C, H, W), or tensors (C, H, W), alone or first in tuples."""

Sourced: TypeAlias = tuple[str | int, Tensor]


def sourced_pictures(
    images: Images, size: tuple[int, int] | None, channels: int
) -> tuple[Iterator[Sourced], int | None]:
    """Return the pictures, each with where it comes from, and how many there are if that is known.

    Args:
        images: What holds the pictures.
        size: (height, width) that files are scaled and cut to.
        channels: Channels that files are read as.

    Raises:
        InputError: `images` holds something else.
    """
    if isinstance(images, (str, PathLike)):
        path = Path(images)
        files = list_pictures(path) if not path.is_file() else (path,)
        loaded = ((fspath(f), load_picture(f, size, channels=channels)) for f in files)
        return loaded, len(files)
    if size is not None:
        raise InputError("size scales the files of a folder; scale other pictures yourself")
    if isinstance(images, Tensor):
        if images.dim() != 4:
            raise InputError(f"pictures are a tensor (N, C, H, W); got shape {tuple(images.shape)}")
        return enumerate(images), len(images)
    count = len(images) if isinstance(images, Sized) else None
    return ((k, _picture(k, item)) for k, item in enumerate(_iterate(images))), count


def _iterate(images: Iterable[Any]) -> Iterator[Any]:
    if hasattr(images, "__iter__"):
        return iter(images)
    if isinstance(images, Sized) and hasattr(images, "__getitem__"):
        # Map-style data sets of torch need not end by themselves.
        return (images[k] for k in range(len(images)))
    raise InputError(f"a {type(images).__name__} is neither a folder, a tensor nor a data set")


def _picture(k: int, item: Any) -> Tensor:  # noqa: ANN401 -- what a data set holds
    tensor = item[0] if isinstance(item, (tuple, list)) and item else item
    if not isinstance(tensor, Tensor) or tensor.dim() != 3:
        what = tuple(tensor.shape) if isinstance(tensor, Tensor) else type(tensor).__name__
        raise InputError(f"picture {k} is no tensor (C, H, W) but {what}")
    return tensor


def batches(
    pictures: Iterable[Sourced], size: int, transform: Callable[[Tensor], Tensor] | None
) -> Iterator[tuple[Sequence[Sourced], Tensor]]:
    """Yield neighbouring pictures of one shape together, with what the model is given.

    Args:
        pictures: The pictures, in order.
        size: Most pictures at a time.
        transform: From a picture to the model's input, pixel for pixel; None if they are the same.

    Raises:
        InputError: The transform moves pixels or changes their number.
    """
    waiting: list[Sourced] = []
    inputs: list[Tensor] = []
    for source, picture in pictures:
        given = picture if transform is None else transform(picture)
        if given.shape[-2:] != picture.shape[-2:]:
            raise InputError(
                f"the transform makes {tuple(given.shape[-2:])} pixels of "
                f"{tuple(picture.shape[-2:])}; only values may change, so scale before"
            )
        if waiting and (len(waiting) == size or given.shape != inputs[0].shape):
            yield waiting, torch.stack(inputs)
            waiting, inputs = [], []
        waiting.append((source, picture))
        inputs.append(given)
    if waiting:
        yield waiting, torch.stack(inputs)
