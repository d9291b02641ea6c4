"""The picture that fields are drawn on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from rfgraph.analysis import InputInfo, Node
from rfgraph.errors import InputError
from rfgraph.pictures import as_array

Hull = Sequence[tuple[int, int]]
"""(first, last) along rows and columns, inclusive."""


def seen_input(node: Node) -> InputInfo:
    """Return the input that `node` is drawn on: the first that reaches it.

    Raises:
        InputError: It does not have two analysed axes.
    """
    inputs = node.analysis.inputs
    name = next((name for name, field in node.fields.items() if field.reaches), None)
    info = inputs[name] if name else next(iter(inputs.values()))
    if len(info.axes) != 2:
        raise InputError(
            f"fields are drawn on pictures, and input {info.name} has {len(info.axes)} analysed "
            "axes, not 2"
        )
    return info


def fitting_picture(picture: Any, lengths: Sequence[int]) -> npt.NDArray[np.float64]:  # noqa: ANN401 -- anything that holds pixels
    """Return `picture` as an array of `lengths` pixels, or a neutral grid for None.

    Raises:
        InputError: It is no picture, or of another size.
    """
    height, width = lengths
    if picture is None:
        row, column = np.mgrid[0:height, 0:width] // max(1, max(lengths) // 16)
        return np.repeat(np.where((row + column) % 2, 0.88, 0.94)[..., None], 3, -1)
    array = as_array(picture)
    if array.shape[:2] != (height, width):
        raise InputError(
            f"the picture has {array.shape[0]} × {array.shape[1]} pixels and the analysed input "
            f"{height} × {width}; scale it or analyse its size"
        )
    return np.repeat(array, 3, -1) if array.shape[-1] == 1 else array


def show_picture(axes: Axes, array: npt.NDArray[np.float64], **options: Any) -> None:  # noqa: ANN401 -- imshow's
    """Draw a picture with its pixels centred at whole numbers, and name the axes."""
    axes.imshow(array, interpolation="nearest", **options)
    axes.set_xlabel("column (px)")
    axes.set_ylabel("row (px)")


def box(hull: Hull, **options: Any) -> Rectangle:  # noqa: ANN401 -- Rectangle's
    """Return the frame around the pixels of a hull."""
    (top, bottom), (left, right) = hull
    return Rectangle(
        (left - 0.5, top - 0.5), right - left + 1, bottom - top + 1, fill=False, **options
    )


def make_room(axes: Axes, lengths: Sequence[int], hulls: Sequence[Hull]) -> None:
    """Show the picture and everything around it that a hull reaches: padding."""
    tops, bottoms = [-0.5], [lengths[0] - 0.5]
    lefts, rights = [-0.5], [lengths[1] - 0.5]
    for (top, bottom), (left, right) in hulls:
        tops.append(top - 0.5)
        bottoms.append(bottom + 0.5)
        lefts.append(left - 0.5)
        rights.append(right + 0.5)
    margin = 0.02 * max(max(bottoms) - min(tops), max(rights) - min(lefts))
    axes.set_xlim(min(lefts) - margin, max(rights) + margin)
    axes.set_ylim(max(bottoms) + margin, min(tops) - margin)
