"""Padding of every mode, crops by negative padding."""

from __future__ import annotations

from functools import partial
from typing import Any

import torch.nn.functional as F  # noqa: N812 (its usual name)
from torch import nn

from ._case import Case, function, module


def _pad(name: str, shape: tuple[int, ...], pads: tuple[int, ...], **options: Any) -> Case:
    return function(name, partial(F.pad, pad=pads, **options), shape)


CASES = (
    _pad("pad-constant1d", (1, 1, 5), (2, 3)),
    _pad("pad-constant2d-asymmetric", (1, 2, 4, 5), (0, 1, 2, 0)),
    _pad("pad-constant-value", (1, 1, 4, 3), (1, 1), value=2.5),
    _pad("pad-constant-minus-infinity", (1, 1, 5), (1, 1), value=float("-inf")),
    _pad("pad-crop", (1, 1, 8, 9), (-2, -1, -1, 0)),
    _pad("pad-crop-and-pad", (1, 1, 6, 7), (-2, 3, 1, -1)),
    _pad("pad-channels", (1, 2, 4, 3), (0, 0, 1, 0, 0, 2)),
    _pad("pad-constant3d", (1, 1, 3, 2, 3), (1, 0, 0, 2, 1, 1)),
    _pad("pad-reflect1d", (1, 1, 6), (5, 2), mode="reflect"),
    _pad("pad-reflect2d", (1, 1, 4, 5), (1, 3, 2, 0), mode="reflect"),
    _pad("pad-reflect3d", (1, 1, 3, 3, 4), (1, 2, 1, 0, 2, 1), mode="reflect"),
    _pad("pad-replicate1d", (1, 1, 4), (6, 1), mode="replicate"),
    _pad("pad-replicate2d", (1, 1, 3, 4), (2, 0, 1, 3), mode="replicate"),
    _pad("pad-replicate3d", (1, 1, 2, 3, 3), (1, 0, 0, 2, 1, 1), mode="replicate"),
    _pad("pad-circular1d", (1, 1, 5), (3, 2), mode="circular"),
    _pad("pad-circular2d", (1, 1, 4, 5), (1, 4, 3, 0), mode="circular"),
    _pad("pad-circular-and-crop", (1, 1, 6), (-2, 2), mode="circular"),
    module(
        "pad-reflect-then-conv",
        lambda: nn.Sequential(nn.ReflectionPad1d(3), nn.Conv1d(1, 1, 3, dilation=2)),
        (1, 1, 7),
    ),
    module(
        "pad-then-crop-back", lambda: nn.Sequential(nn.ZeroPad2d(2), nn.ZeroPad2d(-2)), (1, 1, 4, 5)
    ),
    module(
        "pad-tf-same",
        lambda: nn.Sequential(nn.ZeroPad2d((0, 1, 0, 1)), nn.Conv2d(1, 1, 3, stride=2)),
        (1, 1, 8, 7),
    ),
)
