"""Operators that read at places which another tensor names: NaN is no place.

Cast to an index NaN is out of bounds, where some kernels read zero and others (torchvision's
deformable convolution) read memory that is not theirs. So such operators get numbers instead, and
what they return is NaN wherever the place that it was read from was.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor
from torch._ops import OpOverload


@dataclass(frozen=True, slots=True)
class Coordinates:
    """Where an operator takes coordinates.

    Attributes:
        argument: Their index among the arguments.
        reached: From which of them are NaN to which results are, broadcastable to the result; None
            if the result holds no NaN.
    """

    argument: int
    reached: Callable[[Tensor], Tensor] | None


def _grid(lost: Tensor) -> Tensor:
    return lost.any(-1).unsqueeze(1)


def _offsets(lost: Tensor) -> Tensor:
    return lost.any(1, keepdim=True)


def _boxes(lost: Tensor) -> Tensor:
    return lost.any(1).reshape(-1, 1, 1, 1)


_COORDINATES: Mapping[str, Coordinates] = {
    "aten::grid_sampler_2d": Coordinates(1, _grid),
    "aten::grid_sampler_3d": Coordinates(1, _grid),
    "torchvision::deform_conv2d": Coordinates(2, _offsets),
    "torchvision::roi_align": Coordinates(1, _boxes),
    "torchvision::roi_pool": Coordinates(1, _boxes),
    "torchvision::ps_roi_align": Coordinates(1, _boxes),
    "torchvision::ps_roi_pool": Coordinates(1, _boxes),
    "torchvision::nms": Coordinates(0, None),
}


def without_lost_places(
    func: OpOverload, args: tuple[Any, ...]
) -> tuple[tuple[Any, ...], Tensor | None]:
    """Return the arguments with 0 for every coordinate that is NaN, and what that makes NaN."""
    found = _COORDINATES.get(func._schema.name)
    if found is None:
        return args, None
    given = args[found.argument]
    lost = given.isnan()
    if not bool(lost.any()):
        return args, None
    at = found.argument
    numbers = (*args[:at], given.masked_fill(lost, 0), *args[at + 1 :])
    return numbers, None if found.reached is None else found.reached(lost)
