"""What differs between two reports, as plain frozen data."""

from __future__ import annotations

from dataclasses import dataclass

from rfgraph.report.readers import Data


@dataclass(frozen=True, slots=True)
class Change:
    """One fact that differs.

    Attributes:
        what: The fact, such as ``size`` or ``stride``; after the input's name if there are several.
        old: Its value before, as reports spell it.
        new: Its value now.
    """

    what: str
    old: Data
    new: Data


@dataclass(frozen=True, slots=True)
class NodeChange:
    """A node that both reports have, with different facts.

    Attributes:
        node: Its name in the new report.
        changes: What differs, settings first.
        causes: The nodes at which the changes entered: the last first, which is the node itself if
            it was changed itself.
        is_module: Whether some module returned the node.
    """

    node: str
    changes: tuple[Change, ...]
    causes: tuple[str, ...]
    is_module: bool


@dataclass(frozen=True, slots=True)
class Difference:
    """Everything that differs between two reports. It is false when nothing does.

    Attributes:
        model: Changed inputs and outputs.
        nodes: Changed nodes, in the new report's order.
        added: Names that only the new report has.
        removed: Names that only the old report has.
        renamed: (old, new) names of nodes that are the same but for their name.
    """

    model: tuple[Change, ...] = ()
    nodes: tuple[NodeChange, ...] = ()
    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    renamed: tuple[tuple[str, str], ...] = ()

    def __bool__(self) -> bool:
        return bool(self.model or self.nodes or self.added or self.removed or self.renamed)

    def __str__(self) -> str:
        # Imported late: the spellings are about differences.
        from rfgraph.comparison.text_spelling import spell  # noqa: PLC0415

        return spell(self)

    @property
    def causes(self) -> tuple[str, ...]:
        """The nodes at which changes entered, in execution order."""
        return tuple(dict.fromkeys(node.causes[0] for node in self.nodes if node.causes))

    def caused_by(self, cause: str) -> tuple[NodeChange, ...]:
        """The changed nodes whose first cause is the given one."""
        return tuple(node for node in self.nodes if node.causes[:1] == (cause,))
