"""From an analysis to the grids of nodes and the shifts between branches."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction

import networkx as nx

from rfgraph.analysis import Analysis, Node
from rfgraph.coordinates.level import AxisGrid, Level
from rfgraph.coordinates.shift import Shift
from rfgraph.errors import AlignmentError
from rfgraph.propagation.field import AxisField


@dataclass(frozen=True, slots=True)
class Alignment:
    """Where nodes lie in the input.

    Attributes:
        levels: One grid per asked node, in the order asked.
        shifts: Branches on the way to them that meet off each other, in execution order.
    """

    levels: tuple[Level, ...]
    shifts: tuple[Shift, ...]

    def __getitem__(self, node: str) -> Level:
        for level in self.levels:
            if level.node == node:
                return level
        known = ", ".join(level.node for level in self.levels)
        raise AlignmentError(f"No level is named {node!r}; the levels are {known}.")


def alignment(analysis: Analysis, nodes: Iterable[str | Node] | str | None = None) -> Alignment:
    """The grids of nodes in the input's coordinates, and the shifts between branches before them.

    Args:
        analysis: The model's analysis.
        nodes: Outputs, nodes or module paths; all outputs by default.

    Raises:
        AlignmentError: A node has no local field that repeats along some axis.
        NodeNotFoundError: There is no such node.
    """
    if nodes is None:
        nodes = list(analysis.outputs.values())
    wanted = [nodes] if isinstance(nodes, str) else list(nodes)
    found = [_find(analysis, node) for node in wanted]
    levels = tuple(
        Level(node.name, node.shape, tuple(_grid(node, k) for k in range(len(node.field.axes))))
        for node in found
    )
    upstream: set[str] = set()
    for node in found:
        upstream |= nx.ancestors(analysis.graph, node.name) | {node.name}
    shifts = tuple(s for node in analysis.nodes if node.name in upstream for s in _shifts(node))
    return Alignment(levels, shifts)


def _find(analysis: Analysis, node: str | Node) -> Node:
    if isinstance(node, Node):
        return node
    return analysis.outputs[node] if node in analysis.outputs else analysis[node]


def _input_axes(node: Node) -> tuple[int, ...]:
    name = next(name for name, field in node.fields.items() if field is node.field)
    return node.analysis.inputs[name].axes


def _grid(node: Node, k: int) -> AxisGrid:
    field = node.field.axes[k]
    pattern, middle = field.interior, field.middle
    axis = _input_axes(node)[k]
    if pattern is None or middle is None or not pattern.advance:
        why = (
            f"{', '.join(field.origins)} mixes the whole axis" if field.is_global else "no pattern"
        )
        raise AlignmentError(
            f"{node.name} has no grid along input axis {axis} ({why}); ask for a node before it."
        )
    return AxisGrid(axis, pattern.slope, middle, _phases(field, middle))


def _phases(field: AxisField, middle: Fraction) -> tuple[Fraction, ...]:
    pattern = field.interior
    assert pattern is not None
    off = tuple(
        Fraction(s.first + s.last, 2) - pattern.slope * o - middle if s else Fraction(0)
        for o, s in enumerate(pattern.sets)
    )
    # Fields of several sizes may have centres that repeat sooner than they do.
    periods = (p for p in range(1, len(off) + 1) if len(off) % p == 0)
    return next(off[:p] for p in periods if off[:p] * (len(off) // p) == off)


def _shifts(node: Node) -> Iterator[Shift]:
    """The branches of one node that lie off its first one."""
    if len(node.branches) < 2 or all(branch.aligned for branch in node.branches):
        return
    first = node.branches[0]
    for branch in node.branches[1:]:
        for k, (a, b) in enumerate(zip(first.field.axes, branch.field.axes, strict=True)):
            if a.middle is None or b.middle is None or not b.jump or a.jump != b.jump:
                continue
            off = b.middle - a.middle
            if off:
                yield Shift(
                    node.name, branch.source, first.source, _input_axes(node)[k], off, off / b.jump
                )
