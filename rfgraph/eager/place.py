"""Where in a run of the model the tensor of a node can be seen."""

from __future__ import annotations

from dataclasses import dataclass

from rfgraph.analysis import Node
from rfgraph.errors import NodeNotFoundError


@dataclass(frozen=True, slots=True)
class Place:
    """The call of a module that returns a tensor.

    Attributes:
        path: Path of the module; empty for the model itself.
        call: How many calls of it come before, in one run of the model.
        leaf: Dotted name of the tensor inside what is returned, below ``output``; empty for the
            first tensor.
    """

    path: str
    call: int
    leaf: str = ""


def find_place(node: Node) -> Place:
    """Return where the node's tensor can be seen.

    Raises:
        NodeNotFoundError: It lies inside a module and nothing returns it.
    """
    names = node.analysis.module_names
    for path, calls in names.items():
        if path and node.name in calls:
            return Place(path, calls.index(node.name))
    for output, name in node.analysis.output_names.items():
        if name == node.name:
            return Place("", 0, output.removeprefix("output").removeprefix("."))
    inside = node.module or "the model itself"
    raise NodeNotFoundError(
        f"{node.name} is made inside {inside} and no module returns it, so a run of the model does "
        "not show it; choose a module."
    )


def has_place(node: Node) -> bool:
    """Whether :func:`find_place` finds the node."""
    analysis = node.analysis
    return node.name in analysis.returned or node.name in analysis.output_names.values()
