"""What was found: changes that reach a wanted field, and changes that cannot be made."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from torch import nn

from rfgraph.design.change import Change
from rfgraph.design.cost import Cost
from rfgraph.geometry.tensor_map import Shape
from rfgraph.propagation.note import Status


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A change after which the node's local field is as large as wanted.

    Attributes:
        change: The change; ``change.applied_to(model)`` makes it on a copy.
        text: The change in words, padding included.
        size: The node's local field with the change, per analysed axis, in input positions.
        support: How many positions of that it really reads; fewer than the size means holes
            (gridding), which large dilations make.
        added: How much larger that is than before, per analysed axis.
        shape: The node's shape with the change; the same as before but for strides.
        looks_ahead: Whether the node sees positions after its own now, along an axis along which
            it saw none.
        cost: Cost of the changed model.
        added_parameters: How much more that is than the unchanged model's.
        added_multiply_adds: The same for multiply-adds of one call; None if they are not known.
        status: How sure the field is.
    """

    change: Change
    text: str
    size: tuple[int | None, ...]
    support: tuple[int | None, ...]
    added: tuple[int | None, ...]
    shape: Shape
    looks_ahead: bool
    cost: Cost
    added_parameters: int
    added_multiply_adds: int | None
    status: Status

    def applied_to(self, model: nn.Module) -> nn.Module:
        """A copy of the model with the change, in its mode; new weights are drawn, biases 0."""
        return self.change.applied_to(model)


@dataclass(frozen=True, slots=True)
class Refusal:
    """A change that cannot be made, or does not help.

    Attributes:
        kind: What would have been changed.
        module: Path of the module.
        reason: Why not, as a sentence without a full stop.
    """

    kind: str
    module: str
    reason: str


@dataclass(frozen=True)
class Suggestions:
    """All single changes that reach a wanted field, the cheapest first.

    Attributes:
        node: Name of the node.
        size: Its local field before, per analysed axis.
        target: What was wanted, per analysed axis; None for an axis that may stay as it is.
        cost: Cost of the unchanged model.
        found: The changes, by added multiply-adds, then added parameters, then added field.
        refused: The changes that were tried and are none, with reasons.
    """

    node: str
    size: tuple[int | None, ...]
    target: tuple[int | None, ...]
    cost: Cost
    found: tuple[Suggestion, ...]
    refused: tuple[Refusal, ...] = field(repr=False)

    def __iter__(self) -> Iterator[Suggestion]:
        return iter(self.found)

    def __len__(self) -> int:
        return len(self.found)

    def __getitem__(self, place: int) -> Suggestion:
        return self.found[place]

    def by_field(self) -> tuple[Suggestion, ...]:
        """The same, the smallest added field first: nearest to what was wanted."""
        return tuple(sorted(self.found, key=lambda s: (_sum(s.added), cost_key(s))))


def cost_key(suggestion: Suggestion) -> tuple[bool, int, int, int]:
    """What suggestions are ordered by: unknown multiply-adds come last."""
    adds = suggestion.added_multiply_adds
    return adds is None, adds or 0, suggestion.added_parameters, _sum(suggestion.added)


def _sum(added: tuple[int | None, ...]) -> int:
    return sum(a for a in added if a is not None)
