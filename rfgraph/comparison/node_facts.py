"""The facts of a node that a comparison looks at, in the order in which it tells them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from rfgraph.comparison.difference import Change
from rfgraph.report.facts import FieldFacts, NodeFacts, Numbers
from rfgraph.report.readers import Data
from rfgraph.report.structure import numbers_data

OWN = frozenset({"operator", "kernel", "stride", "padding", "dilation", "transposed", "reads"})
"""Facts that only the node itself can have changed."""


def node_changes(old: NodeFacts, new: NodeFacts, names: Mapping[str, str]) -> tuple[Change, ...]:
    """Return what differs between one node before and after.

    Path counts are left out: they change in every later node when a branch is added, and the node
    where it was added is told by what it reads.

    Args:
        old: The node before.
        new: The node now.
        names: New names by old names.
    """
    before = dict(_facts(old, names, several=len(new.fields) > 1))
    after = dict(_facts(new, {}, several=len(new.fields) > 1))
    changes = {
        what: Change(what, before.get(what), after.get(what))
        for what in dict.fromkeys([*after, *before])
        if before.get(what) != after.get(what)
    }
    return tuple(
        change for what, change in changes.items() if not _is_implied(what, change, changes)
    )


def _is_implied(what: str, change: Change, changes: Mapping[str, Change]) -> bool:
    """Whether the change only repeats that of the size."""
    prefix, _, fact = what.rpartition(".")
    if fact not in {"size_min", "size_max", "support"}:
        return False
    size = changes.get(f"{prefix}.size" if prefix else "size")
    return size is not None and (size.old, size.new) == (change.old, change.new)


def _facts(
    node: NodeFacts, names: Mapping[str, str], *, several: bool
) -> Iterator[tuple[str, Data]]:
    yield "operator", node.operator
    if node.window is not None:
        yield "kernel", list(node.window.kernel)
        yield "stride", list(node.window.stride)
        yield "padding", list(node.window.padding)
        yield "dilation", list(node.window.dilation)
        yield "transposed", node.window.transposed
    yield "reads", [*sorted(names.get(source, source) for source in node.sources)]
    yield "shape", list(node.shape)
    yield "dtype", node.dtype
    yield "status", node.status
    for name, field in node.fields.items():
        prefix = f"{name}." if several else ""
        for what, value in _field_facts(field, names):
            yield prefix + what, value
    if node.branches:
        yield "branches aligned", all(branch.aligned for branch in node.branches)


def _field_facts(field: FieldFacts, names: Mapping[str, str]) -> Iterator[tuple[str, Data]]:
    numbers: dict[str, Numbers] = {
        "size": field.size,
        "jump": field.jump,
        "start": field.start,
        "size_min": field.size_min,
        "size_max": field.size_max,
        "support": field.support,
        "period": field.period,
    }
    for what, value in numbers.items():
        yield what, numbers_data(value)
    yield "global axes", list(field.global_axes)
    yield "global from", [names.get(origin, origin) for origin in field.global_origins]
    yield "covers input", list(field.covers_input)
    yield "reaches", field.reaches
    yield "mixes batch", field.mixes_batch
