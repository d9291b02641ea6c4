"""What a configuration says, as plain frozen data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from rfgraph.auditing.options import AuditOptions
from rfgraph.targets import InputSpec


@dataclass(frozen=True, slots=True)
class ModelConfig:
    """One model of a repository.

    Attributes:
        target: A target such as ``model.py:build``.
        inputs: What it is called with; empty for the target's own.
        axes: The tensor axes to analyse; None for the default.
        layout: A letter per input axis instead, such as ``NLC``.
        options: How to audit it, general settings included.
    """

    target: str
    inputs: tuple[InputSpec, ...] = ()
    axes: tuple[int, ...] | None = None
    layout: str | None = None
    options: AuditOptions = field(default_factory=AuditOptions)


@dataclass(frozen=True, slots=True)
class Config:
    """A repository's configuration.

    Attributes:
        models: Its models, by the names that it gives them.
        options: How to audit models that it does not name.
        file: The path it was read from; None if there is no configuration.
    """

    models: Mapping[str, ModelConfig] = field(default_factory=lambda: MappingProxyType({}))
    options: AuditOptions = field(default_factory=AuditOptions)
    file: str | None = None
