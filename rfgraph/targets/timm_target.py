"""`timm:NAME`: a model of timm, without weights, at the size of its configuration."""

from __future__ import annotations

from torch import nn

from rfgraph.errors import TargetError
from rfgraph.targets.building import build_cheaply
from rfgraph.targets.failure import raised, unknown_name
from rfgraph.targets.target import InputSpec, Target

_USUAL = (3, 224, 224)


def resolve_timm(name: str, *, real: bool) -> Target:
    """Return timm's model `name`, untrained, with its default input.

    Args:
        name: A name that `timm.list_models` lists, with or without a weights tag.
        real: Whether parameters need data.

    Raises:
        TargetError: If timm is not installed, has no such model, or building it fails.
    """
    try:
        import timm
    except ModuleNotFoundError:
        raise TargetError(
            f"the target 'timm:{name}' needs the package timm: pip install timm"
        ) from None
    if not timm.is_model(name.partition(".")[0]):
        raise unknown_name("timm", name, timm.list_models())

    def build() -> nn.Module:
        model: nn.Module = timm.create_model(name, pretrained=False)
        return model

    try:
        model = build() if real else build_cheaply(build)
    except Exception as error:
        raise raised(f"building timm's {name}", error) from error
    return Target(f"timm:{name}", model, inputs=(InputSpec((1, *input_size(model))),))


def input_size(model: nn.Module) -> tuple[int, ...]:
    """Return the channels, height and width that a timm model is configured for."""
    configuration = getattr(model, "pretrained_cfg", None) or {}
    return tuple(configuration.get("input_size", _USUAL))
