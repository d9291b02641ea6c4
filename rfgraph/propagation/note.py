"""How sure an answer is, and why it is not surer."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum


class Status(Enum):
    """Certainty of a field. It says nothing about extent."""

    EXACT = "exact"  # the hull is the truth
    BOUND = "bound"  # sound, perhaps too large
    UNKNOWN = "unknown"  # an operator without a rule on the path; treated as global


@dataclass(frozen=True, slots=True)
class Note:
    """Why a field is less than exact, and which node made it so.

    Attributes:
        status: ``BOUND`` or ``UNKNOWN``; ``EXACT`` for a remark that costs no certainty.
        node: Name of the node.
        reason: One clause, without the node's name.
    """

    status: Status
    node: str
    reason: str

    def __str__(self) -> str:
        return f"{self.node}: {self.reason}"


def worst(notes: Iterable[Note]) -> Status:
    """The least certain status among the notes; ``EXACT`` when there are none."""
    found = {note.status for note in notes}
    if Status.UNKNOWN in found:
        return Status.UNKNOWN
    return Status.BOUND if Status.BOUND in found else Status.EXACT
