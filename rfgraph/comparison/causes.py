"""Where a change entered: the operators that explain the changes of all that come after them."""

from __future__ import annotations

from collections.abc import Mapping

from rfgraph.comparison.difference import Change
from rfgraph.comparison.node_facts import OWN
from rfgraph.report.facts import NodeFacts, Report


def find_causes(new: Report, changes: Mapping[str, tuple[Change, ...]]) -> dict[str, list[str]]:
    """Return, for every new node whose facts moved, the nodes at which the change entered.

    A node is a cause if it was itself changed (its operator, its settings, what it reads), if it
    was added and its field is none of its sources', or if it moved while nothing that it reads
    did. All others inherit the causes of what they read. One pass in execution order. The
    last operator that was changed comes first: a node itself, if it was.

    Args:
        new: The new report.
        changes: What differs, by new name; an entry (empty if unchanged) for every matched node.
    """
    order = {node.name: place for place, node in enumerate(new.nodes)}
    by_name = {node.name: node for node in new.nodes}
    causes: dict[str, list[str]] = {}
    for node in new.nodes:
        found = {cause for source in node.sources for cause in causes.get(source, ())}
        known = changes.get(node.name)
        # What it reads is another node's doing where that one is a cause already.
        if known is None:
            changed = bool(found) or _is_new_field(node, by_name)
            itself = not found
        else:
            changed = bool(known)
            itself = not found or any(
                change.what in OWN and change.what != "reads" for change in known
            )
        if changed:
            found |= {node.name} if itself else set()
            causes[node.name] = sorted(found, key=lambda name: -order[name])
    return causes


def _is_new_field(node: NodeFacts, by_name: Mapping[str, NodeFacts]) -> bool:
    return not any(
        by_name[source].fields == node.fields for source in node.sources if source in by_name
    )
