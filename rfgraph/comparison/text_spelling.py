"""A difference as text: one paragraph per cause."""

from __future__ import annotations

from collections.abc import Iterator

from rfgraph.comparison.difference import Change, Difference
from rfgraph.comparison.node_facts import OWN
from rfgraph.comparison.values import change_text

SHOWN = 8
"""Nodes per cause; the rest are counted."""


def spell(difference: Difference, *, shown: int | None = SHOWN) -> str:
    """Return the text.

    Args:
        difference: What differs.
        shown: Nodes to show per cause, None for all.
    """
    if not difference:
        return "No differences.\n"
    parts = [summary(difference)]
    if difference.model:
        parts.append("\n".join(change_text(change) for change in difference.model))
    parts += ["\n".join(_cause(difference, cause, shown)) for cause in difference.causes]
    for title, names in (("added", difference.added), ("removed", difference.removed)):
        parts += [f"{title}: {_names(names, shown)}"] if names else []
    if difference.renamed:
        pairs = tuple(f"{old} → {new}" for old, new in difference.renamed)
        parts.append(f"renamed: {_names(pairs, shown)}")
    return "\n\n".join(parts) + "\n"


def summary(difference: Difference) -> str:
    """Return one sentence with the counts.

    >>> summary(Difference(added=("a",), renamed=(("b", "c"),)))
    '0 nodes changed, 1 added, 0 removed, 1 renamed.'
    """
    count = len(difference.nodes)
    first = f"{count} node{'' if count == 1 else 's'} changed"
    if difference.causes:
        first += f" from {len(difference.causes)} cause{'' if len(difference.causes) == 1 else 's'}"
    return (
        f"{first}, {len(difference.added)} added, {len(difference.removed)} removed, "
        f"{len(difference.renamed)} renamed."
    )


def cause_text(difference: Difference, cause: str) -> str:
    """Return the node at which a change entered, with what changed there."""
    changes = own_changes(difference, cause)
    if cause in difference.added:
        return f"{cause} was added"
    return f"{cause}: {', '.join(map(change_text, changes))}"


def own_changes(difference: Difference, cause: str) -> tuple[Change, ...]:
    """Return what changed in the cause itself: its settings if they did, else its numbers."""
    changes = next((node.changes for node in difference.nodes if node.node == cause), ())
    return tuple(change for change in changes if change.what in OWN) or changes


def _cause(difference: Difference, cause: str, shown: int | None) -> Iterator[str]:
    yield cause_text(difference, cause)
    told = own_changes(difference, cause)
    lines: list[str] = []
    before: list[Change] = []
    for node in difference.caused_by(cause):
        rest = [change for change in node.changes if node.node != cause or change not in told]
        # A node that changed just as the one above says nothing new.
        if rest and (shown is None or rest != before):
            lines.append(f"    {node.node}: {', '.join(map(change_text, rest))}")
            before = rest
    if shown is None or len(lines) <= shown:
        yield from lines
        return
    yield from lines[: shown - 1]
    yield f"    ... ({len(lines) - shown} more)"
    yield lines[-1]


def _names(names: tuple[str, ...], shown: int | None) -> str:
    told = ", ".join(names[:shown])
    rest = 0 if shown is None else len(names) - shown
    return f"{told} and {rest} more" if rest > 0 else told
