"""What one method saw of one element along one input axis."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Any

Hull = tuple[int, int] | None
"""(first, last) input position, inclusive; None for nothing."""


class Verdict(Enum):
    """What a comparison of the predicted and the observed region says."""

    EXACT = "exact"
    """Nothing outside the predicted region was seen, and both its ends were."""
    LOOSE = "loose"
    """Nothing outside was seen, but an end was not: the prediction may be too large."""
    VIOLATED = "violated"
    """Something outside was seen: the prediction is too small."""
    INCONCLUSIVE = "inconclusive"
    """The method cannot tell; the reason says why."""


@dataclass(frozen=True, slots=True)
class CheckFinding:
    """One node, at one position, along one input axis, by one method.

    Attributes:
        node: Name of the node.
        position: Index along the node's spatial axes.
        input: Name of the input.
        axis: The input's tensor axis.
        scope: ``"total"`` for all paths; ``"local"`` with global mixers held constant.
        method: ``"gradient"`` or ``"taint"``.
        shape: Shape of that input in this run; larger than asked for where the whole field is to
            fit.
        predicted: What the analysis says, clipped to the input.
        observed: What the model shows; None for nothing, or where it cannot tell.
        clipped: Whether the input cuts the predicted field, so that unclipped numbers are not
            tested by this finding.
        verdict: What follows.
        reason: Why, for every verdict but exact.
    """

    node: str
    position: tuple[int, ...]
    input: str
    axis: int
    scope: str
    method: str
    shape: tuple[int, ...]
    predicted: Hull
    observed: Hull
    clipped: bool
    verdict: Verdict
    reason: str = ""

    def to_dict(self) -> dict[str, Any]:
        """The finding as plain data, in the order of the attributes."""
        return {
            "node": self.node,
            "position": list(self.position),
            "input": self.input,
            "axis": self.axis,
            "scope": self.scope,
            "method": self.method,
            "shape": list(self.shape),
            "predicted": None if self.predicted is None else list(self.predicted),
            "observed": None if self.observed is None else list(self.observed),
            "clipped": self.clipped,
            "verdict": self.verdict.value,
            "reason": self.reason,
        }
