"""Published models by kind, built without data."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from warnings import catch_warnings, simplefilter

import pytest
import torch
import yaml
from torch import nn
from torchvision.models import get_model, get_model_builder, list_models

PUBLISHED = yaml.safe_load(
    (Path(__file__).parents[1] / "data" / "published-fields.yaml").read_text(encoding="utf-8")
)
"""End-point to [size, effective stride, effective padding], by TF-Slim network."""


@contextmanager
def without_data() -> Iterator[None]:
    """Builds parameters on the meta device, and silences warnings about initial weights."""
    with catch_warnings(), torch.device("meta"):
        simplefilter("ignore")
        yield


def torchvision_model(name: str, **options: object) -> nn.Module:
    """An untrained torchvision model on the meta device."""
    if get_model_builder(name).__module__.split(".")[2] == "segmentation":
        options = {"weights_backbone": None, **options}
    with without_data():
        return get_model(name, weights=None, **options)


def timm_model(name: str, **options: object) -> nn.Module:
    """An untrained timm model on the meta device."""
    timm = pytest.importorskip("timm")
    with without_data():
        return timm.create_model(name, pretrained=False, **options)


def kind(name: str) -> str:
    """The part of torchvision that a model belongs to: `"classification"`, `"video"`, ..."""
    home = get_model_builder(name).__module__.split(".")
    return home[2] if len(home) > 3 else "classification"


def named(*kinds: str) -> list[str]:
    """The torchvision models of these kinds."""
    return [name for name in list_models() if kind(name) in kinds]
