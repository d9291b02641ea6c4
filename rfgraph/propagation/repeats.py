"""Blocks that repeat: equal states are one object, and a step that was taken is not taken again.

Deep models repeat their blocks, and past the first few most tensors have the state of their twin in
the block before: a residual stream whose every token sees the whole image does not change any more.
"""

from __future__ import annotations

from collections.abc import Hashable

from rfgraph.geometry.tensor_map import Shape, TensorMap
from rfgraph.propagation.state import State

Step = tuple[Shape, tuple[tuple[State, TensorMap], ...]]
"""The shape of a tensor, and the states that its operator reads with how it reads each."""

_LARGEST = 1 << 14
"""Labels beyond which their values are not compared: that would cost more than it saves."""


class Repeats:
    """The states and steps of one propagation."""

    def __init__(self) -> None:
        self._states: dict[Hashable, State] = {}
        self._steps: dict[Step, list[State]] = {}

    def one(self, state: State) -> State:
        """The first state that was equal to this one."""
        labels = state.labels
        told: Hashable = None
        if labels is not None:
            told = (labels.shape, labels.tobytes()) if labels.size <= _LARGEST else id(labels)
        key = (state.layout, state.parts, told, state.stands, state.notes)
        return self._states.setdefault(key, state)

    def outcome(self, step: Step) -> list[State]:
        """What came out of the same reads of the same states: one state, or none yet."""
        return self._steps.setdefault(step, [])

    @staticmethod
    def remember(outcome: list[State], state: State, node: str) -> None:
        """Keep what came out of a step, unless it names the node at which it was taken."""
        if not _names(state, node):
            outcome.append(state)


def _names(state: State, node: str) -> bool:
    for part in state.parts:
        for reach in part:
            if reach is not None and node in reach.origins:
                return True
    return any(note.node == node for note in state.notes) if state.notes else False
