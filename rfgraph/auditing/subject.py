"""What a rule looks at: the analysis, what the person said, and questions that rules share."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from math import prod
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rfgraph.analysis import Analysis, Node, Window
    from rfgraph.auditing.options import AuditOptions

_AVERAGES = ("mean", "sum", "amax", "amin", "max", "adaptive_avg_pool", "adaptive_max_pool")


@dataclass(frozen=True)
class Subject:
    """A model under audit.

    Attributes:
        analysis: Its receptive fields.
        options: What the person said about it.
    """

    analysis: Analysis
    options: AuditOptions

    @cached_property
    def main_input(self) -> str:
        """The first input with an analysed axis that an output depends on."""
        outputs = self.analysis.outputs.values()
        for name in self.analysis.inputs:
            if any(name in o.fields and o.fields[name].reaches for o in outputs):
                return name
        return next(iter(self.analysis.inputs))

    @property
    def lengths(self) -> tuple[int, ...]:
        """Lengths of the main input's analysed axes."""
        info = self.analysis.inputs[self.main_input]
        return tuple(info.shape[axis] for axis in info.axes)

    @cached_property
    def useful(self) -> frozenset[str]:
        """Names of the nodes that some output depends on."""
        names = {node.name for node in self.analysis.outputs.values()}
        for name in reversed(list(self.analysis.graph.nodes)):
            if name in names:
                names.update(self.analysis.graph.pred[name])
        return frozenset(names)

    def useful_nodes(self) -> Iterator[Node]:
        """The nodes that some output depends on, in execution order."""
        return (node for node in self.analysis.nodes if node.name in self.useful)

    @cached_property
    def windows(self) -> tuple[tuple[Node, Window, Node], ...]:
        """Useful convolutions and poolings: the node, its settings, the node that it reads."""
        found = []
        for node in self.useful_nodes():
            window = node.window
            if window is not None and node.sources:
                found.append((node, window, self.analysis[node.sources[0]]))
        return tuple(found)

    @cached_property
    def widest(self) -> Node | None:
        """The first feature map with the largest local field; None if there is none."""
        best: tuple[int, Node] | None = None
        for node in self.useful_nodes():
            field = node.fields[self.main_input]
            if any(axis.along is None for axis in field.axes):
                continue  # a flattened map: the hull of all its positions is nobody's field
            extent = prod(size or 0 for size in field.size)
            if extent and (best is None or extent > best[0]):
                best = (extent, node)
        return best[1] if best else None

    @cached_property
    def only_averages(self) -> bool:
        """Whether all that mixes an axis in the outputs is a mean, a maximum or the like.

        Then the outputs add up local evidence; attention and linear layers weigh positions.
        """
        origins = {
            origin
            for output in self.analysis.outputs.values()
            for origin in output.fields[self.main_input].global_origins
        }
        return all(
            self.analysis[origin]
            .operator.removeprefix("aten.")
            .lstrip("_")
            .partition(".")[0]
            .startswith(_AVERAGES)
            for origin in origins
        )


def axes_text(numbers: tuple[object, ...]) -> str:
    """Return one number if all axes agree, else all of them.

    >>> axes_text((3, 3)), axes_text((3, 5))
    ('3', '3×5')
    """
    cells = [str(number) for number in numbers]
    return cells[0] if len(set(cells)) == 1 else "×".join(cells)
