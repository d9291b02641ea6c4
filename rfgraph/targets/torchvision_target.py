"""`torchvision:NAME`: a model of torchvision, without weights, at the size it was trained for."""

from __future__ import annotations

import inspect
from collections.abc import Sequence

from torch import nn
from torchvision import models

from rfgraph.targets.building import build_cheaply
from rfgraph.targets.failure import raised, unknown_name
from rfgraph.targets.target import InputSpec, Target

_FRAMES = 16
"""Frames of a clip: what torchvision's video models were trained on."""

_DETECTION_SIDE = 320
"""Pixels; detection models resize any image themselves."""


def resolve_torchvision(name: str, *, real: bool) -> Target:
    """Return torchvision's model `name`, untrained, with its default inputs.

    Args:
        name: A name that `torchvision.models.list_models` lists.
        real: Whether parameters need data.

    Raises:
        TargetError: If there is no such model, or building it fails.
    """
    names = models.list_models()
    if name not in names:
        raise unknown_name("torchvision", name, names)

    def build() -> nn.Module:
        model: nn.Module = models.get_model(name, **_untrained(name))
        return model

    try:
        model = build() if real else build_cheaply(build)
    except Exception as error:
        raise raised(f"building torchvision's {name}", error) from error
    inputs = default_inputs(name)
    axes = (1, 2) if inputs[0].in_list else None  # images without a batch axis
    return Target(f"torchvision:{name}", model, inputs=inputs, axes=axes)


def default_inputs(name: str) -> tuple[InputSpec, ...]:
    """Return the inputs that torchvision's model `name` was trained for.

    Sizes come from the transforms of its best weights, or from the smallest size that those accept
    where the transforms leave the size to the caller (optical flow).
    """
    builder = models.get_model_builder(name)
    weights = list(models.get_model_weights(name))
    meta = weights[-1].meta if weights else {}
    transforms = weights[-1].transforms() if weights else None
    side = getattr(transforms, "crop_size", None) or getattr(transforms, "resize_size", None)
    height, width = _pair(side or (224, 224))
    match builder.__module__.split(".")[2]:
        case "video":
            return (InputSpec((1, 3, _FRAMES, height, width)),)
        case "optical_flow":
            image = InputSpec((1, 3, *_pair(meta.get("min_size", (128, 128)))))
            return (image, image)
        case "detection":
            return (InputSpec((3, _DETECTION_SIDE, _DETECTION_SIDE), in_list=True),)
        case _:
            return (InputSpec((1, 3, height, width)),)


def _untrained(name: str) -> dict[str, bool | float | None]:
    """Return the arguments that keep torchvision from downloading or drawing weights.

    An untrained detector is sure of nothing, so its outputs would be empty, and nothing could be
    said of them: it returns what it finds at any score.
    """
    builder = models.get_model_builder(name)
    parameters = inspect.signature(builder).parameters
    options: dict[str, bool | float | None] = {"weights": None}
    if builder.__module__.startswith("torchvision.models.detection"):
        options["box_score_thresh" if "rcnn" in name else "score_thresh"] = 0.0
    if "weights_backbone" in parameters:
        options["weights_backbone"] = None
    if name.endswith(("googlenet", "inception_v3")):
        options["init_weights"] = False
    return options


def _pair(side: int | Sequence[int]) -> tuple[int, int]:
    if isinstance(side, int):
        return side, side
    return side[0], side[-1]
