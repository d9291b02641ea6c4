"""Branches that meet in a node, and whether they are aligned."""

from __future__ import annotations

from dataclasses import dataclass

from rfgraph.analysis.field import Field, Number


@dataclass(frozen=True, slots=True)
class Branch:
    """One of several tensors that meet in a node, as seen through the meeting alone.

    Attributes:
        source: Name of the node that the branch comes from.
        field: The field of the merge node over this branch only.
        aligned: Whether jump and centre equal those of the first branch with a local field.
    """

    source: str
    field: Field
    aligned: bool

    @property
    def size(self) -> tuple[int | None, ...]:
        """As :attr:`Field.size`."""
        return self.field.size

    @property
    def jump(self) -> tuple[Number | None, ...]:
        """As :attr:`Field.jump`."""
        return self.field.jump

    @property
    def start(self) -> tuple[int | None, ...]:
        """As :attr:`Field.start`."""
        return self.field.start

    @property
    def center(self) -> tuple[Number | None, ...]:
        """As :attr:`Field.center`."""
        return self.field.center


def are_aligned(a: Field, b: Field) -> bool:
    """Whether jump and centre agree on every axis on which both have a local field."""
    return all(
        x.local is None or y.local is None or (x.jump == y.jump and x.middle == y.middle)
        for x, y in zip(a.axes, b.axes, strict=True)
    )
