"""Targets: from what a person types (`torchvision:resnet50`) to a model and its default input."""

from rfgraph.targets.arguments import Arguments, materialize
from rfgraph.targets.input_text import parse_input
from rfgraph.targets.resolve import resolve
from rfgraph.targets.target import InputSpec, Target

__all__ = ["Arguments", "InputSpec", "Target", "materialize", "parse_input", "resolve"]
