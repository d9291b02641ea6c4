"""Where in a run of the model the tensor of a node can be seen."""

from __future__ import annotations

from dataclasses import dataclass

from rfgraph.analysis import Node
from rfgraph.errors import NodeNotFoundError


@dataclass(frozen=True, slots=True)
class Place:
    """The call that returns a tensor: of a module, or of a function in a module's forward.

    Attributes:
        path: Path of the module; empty for the model itself.
        call: How many calls of it, or of the function in it, come before in one run of the model.
        leaf: Dotted name of the tensor inside what a module returns, below ``output``; empty for
            the first tensor.
        function: Name of the function; empty for what the module returns.
    """

    path: str
    call: int
    leaf: str = ""
    function: str = ""


def find_place(node: Node) -> Place:
    """Return where the node's tensor can be seen.

    Raises:
        NodeNotFoundError: Neither a module nor a function in a module's forward returns it.
    """
    names = node.analysis.module_names
    for path, calls in names.items():
        if path and node.name in calls:
            return Place(path, calls.index(node.name))
    for output, name in node.analysis.output_names.items():
        if name == node.name:
            return Place("", 0, output.removeprefix("output").removeprefix("."))
    if "function" in node.fx.meta:
        path, function, call = node.fx.meta["function"]
        return Place(path, call, function=function)
    inside = node.module or "the model itself"
    raise NodeNotFoundError(
        f"{node.name} is made inside {inside} and neither a module nor a function of its forward "
        "returns it, so a run of the model does not show it; choose a module."
    )


def is_returned(node: Node) -> bool:
    """Whether a module or the model returns the node's tensor."""
    analysis = node.analysis
    return node.name in analysis.returned or node.name in analysis.output_names.values()


def has_place(node: Node) -> bool:
    """Whether :func:`find_place` finds the node."""
    return is_returned(node) or "function" in node.fx.meta
