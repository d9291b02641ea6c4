"""Sampling an image where a grid says: exact where the grid is known, the whole image elsewhere."""

from __future__ import annotations

from functools import partial
from itertools import product
from typing import cast

import numpy as np
import numpy.typing as npt
from torch import Tensor, fx

from rfgraph.geometry.axis_map import SAME, AxisMap
from rfgraph.geometry.grid import Interpolation, Padding, Taps, grid_taps
from rfgraph.geometry.index_set import index_set
from rfgraph.geometry.periodic import Finite, fold
from rfgraph.geometry.tensor_map import WHOLE, Axes, AxisRead, Lookup, Shape
from rfgraph.rules.call import Call, Read, Reads, Rule, shape

_INTERPOLATIONS: tuple[Interpolation, ...] = ("linear", "nearest", "cubic")
_PADDINGS: tuple[Padding, ...] = ("zeros", "border", "reflection")


def grid_sample(call: Call) -> Reads:
    """The pixels around the place that the grid gives; its last axis lists x before y."""
    image, grid = call["input"], call["grid"]
    places = call.value(grid, learned=False)
    if places is None:
        return _computed(image, grid)
    dims = len(shape(image)) - 2
    taps = [
        grid_taps(
            _coordinates(places, dims - 1 - axis),
            shape(image)[2 + axis],
            _INTERPOLATIONS[call["interpolation_mode"]],
            _PADDINGS[call["padding_mode"]],
            align_corners=call["align_corners"],
        )
        for axis in range(dims)
    ]
    lines = [_along(one, axis) for axis, one in enumerate(taps)]
    if all(line is not None for line in lines):
        # Every row looks at the same columns: the sampling is a product of axis maps.
        space = (AxisRead(2 + axis, cast("AxisMap", line)) for axis, line in enumerate(lines))
        return [Read(image, Axes((AxisRead(0, SAME), AxisRead(1, SAME), *space)))]
    build = partial(_table, taps, shape(image))
    choices = product(*(range(len(one)) for one in taps))
    return [Read(image, Lookup(shape(image), partial(build, choice))) for choice in choices]


def _computed(image: fx.Node, grid: fx.Node) -> Reads:
    dims = len(shape(image)) - 2
    space = tuple(AxisRead(axis + 2, WHOLE) for axis in range(dims))
    places = (AxisRead(0, SAME), *(AxisRead(axis + 2, SAME) for axis in range(dims)))
    return [
        Read(
            image,
            Axes((AxisRead(0, SAME), AxisRead(1, SAME), *space)),
            "samples at positions that are computed",
        ),
        Read(grid, Axes((*places, AxisRead(None, WHOLE)))),
    ]


def _coordinates(places: Tensor, component: int) -> npt.NDArray[np.floating]:
    found: npt.NDArray[np.floating] = places[..., component].detach().numpy()
    return found


def _along(taps: Taps, axis: int) -> AxisMap | None:
    """The taps of one image axis as a map of the output axis in its place, if they are one.

    Args:
        taps: Shape (taps, samples, *output space).
        axis: Which axis of space.
    """
    line = np.moveaxis(taps, 2 + axis, -1)
    line = line.reshape(len(taps), -1, line.shape[-1])
    if (line != line[:, :1]).any():
        return None
    sets = (index_set(int(i) for i in line[:, 0, o] if i >= 0) for o in range(line.shape[-1]))
    return AxisMap(fold(Finite(tuple(sets))))


def _table(taps: list[Taps], image: Shape, choice: tuple[int, ...]) -> npt.NDArray[np.int64]:
    """For one combination of taps the row-major place in the image of every output element."""
    place = np.zeros(taps[0].shape[1:], dtype=np.int64)
    missing = np.zeros(place.shape, dtype=bool)
    for one, which, length in zip(taps, choice, image[2:], strict=True):
        place = place * length + one[which]
        missing |= one[which] < 0
    planes = np.arange(image[0] * image[1], dtype=np.int64).reshape(image[:2])
    planes = planes.reshape(*image[:2], *(1,) * (place.ndim - 1)) * int(np.prod(image[2:]))
    return np.where(missing[:, None], -1, planes + place[:, None])


RULES: dict[str, Rule] = {
    "aten.grid_sampler": grid_sample,
    "aten.grid_sampler_2d": grid_sample,
    "aten.grid_sampler_3d": grid_sample,
    "aten.cudnn_grid_sampler": grid_sample,
}
