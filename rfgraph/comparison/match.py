"""Which node of the new report is which node of the old one."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from difflib import SequenceMatcher

from rfgraph.report.facts import NodeFacts, Report


def match_nodes(old: Report, new: Report) -> Mapping[str, str]:
    """Return the new name by the old name of every node that both reports have.

    Nodes of one name are the same. The others are renamed where the sequences of operators, shapes
    and fields run alike between the nodes that kept their names; a node that was renamed *and*
    changed counts as removed and added, because nothing says that it is the same.
    """
    kept = {node.name for node in old.nodes} & {node.name for node in new.nodes}
    renamed = {
        old.nodes[i + k].name: new.nodes[j + k].name
        for i, j, length in _runs(old, new, kept)
        for k in range(length)
    }
    return {name: name for name in kept} | {
        before: after
        for before, after in renamed.items()
        if before not in kept and after not in kept
    }


def _runs(old: Report, new: Report, kept: set[str]) -> list[tuple[int, int, int]]:
    if len(kept) == len(old.nodes) or len(kept) == len(new.nodes):
        return []
    # Long models repeat blocks, so no element is "junk" for being frequent.
    matcher = SequenceMatcher(
        None,
        [_signature(node, kept) for node in old.nodes],
        [_signature(node, kept) for node in new.nodes],
        autojunk=False,
    )
    return [(block.a, block.b, block.size) for block in matcher.get_matching_blocks()]


def _signature(node: NodeFacts, kept: set[str]) -> Hashable:
    if node.name in kept:
        return node.name
    fields = tuple((f.size, f.jump, f.start, f.global_axes) for f in node.fields.values())
    return node.operator, node.shape, node.window, fields
