"""The lines of a sweep as the Markdown page that the repository shows."""

from __future__ import annotations

import os
import platform
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from tabulate import tabulate

Line = Mapping[str, Any]

STATUSES = ("EXACT", "BOUND", "UNKNOWN")
SLOWEST = 10

EXPLAINED = {
    "BOUND: local paths along different axes are bounded by their common hull": (
        "elements that are reached along several axes at once, in more combinations than a table "
        "holds: the field has one hull around all of them (`footprint` has the pieces). It is not "
        "inherited."
    ),
    "BOUND: positions of a flattened axis are not resolved": (
        "rows and columns in one axis whose fields were bounds already, or are too many for a "
        "table: they are joined."
    ),
    "BOUND: positions along a partitioned axis are not resolved": (
        "a window slides over rows or columns of tokens whose field depends on more of both than "
        "a table holds: what its taps see is joined."
    ),
    "BOUND: a view regroups axes across their digits": (
        "a view cuts an axis where none of its factors ends, in more pieces than a table holds: "
        "the groups are joined."
    ),
    "BOUND: read through an index table": (
        "overlapping windows of `unfold` and `fold` that do not stay apart as an axis of their "
        "own: the table's rows are joined."
    ),
    "BOUND: samples at positions that are computed": (
        "`grid_sample` where the image itself says (optical flow): any position may be read."
    ),
    "BOUND: positions are computed": "indexing by values: any position may be read.",
    "BOUND: the positions that are written are computed": (
        "writing by values: any position may have been written."
    ),
    "BOUND: which boxes are kept is computed": (
        "non-maximum suppression: any box may be the one that is kept."
    ),
    "BOUND: which region is pooled is computed": (
        "RoI pooling under boxes that are computed: any position may be pooled."
    ),
    "BOUND: its values were read by Python code, or decided a shape": (
        "`int(tensor)` and the like in a capture with data: all that follows may depend on it."
    ),
}
"""What a reason means, by the reason."""


def render(lines: Sequence[Line], total: int, versions: Mapping[str, str]) -> str:
    """Return the page.

    Args:
        lines: One per model, each with its family.
        total: The number of models that there are.
        versions: Of the packages that the models come from.
    """
    sections = [
        "# Every model of timm and torchvision",
        "```console\n$ python benchmarks/zoo.py --jobs 2\n```",
        _summary(lines, total, versions),
        "## By family",
        _families(lines),
        "## Why a field is not exact",
        _reasons(lines),
        "## Exceptions",
        _exceptions(lines),
        "## The slowest",
        _slowest(lines),
    ]
    return "\n\n".join(sections) + "\n"


def _summary(lines: Sequence[Line], total: int, versions: Mapping[str, str]) -> str:
    nodes = _sum(line.get("nodes", {}) for line in lines)
    seconds = _sum(line["seconds"] for line in lines)
    failed = sum(line["error"] is not None for line in lines)
    real = sum(line.get("capture") == "real" for line in lines)
    total_time = sum(seconds.values())
    steps = ", ".join(f"{step} {spent:.0f} s" for step, spent in seconds.items())
    count = sum(nodes.values())
    statuses = ", ".join(f"{nodes[s]:,} {s} ({_percent(nodes[s], count)})" for s in STATUSES)
    revisions = Counter(line.get("revision") or "an unknown commit" for line in lines)
    at = ", ".join(f"{n:,} at {revision}" for revision, n in revisions.most_common())
    setting = ", ".join(f"{name} {version}" for name, version in versions.items())
    return (
        f"{len(lines):,} of {total:,} models, without weights, at the input size of their "
        f"configuration: {failed} exceptions; {count:,} tensors: {statuses}.\n"
        f"{real} models (detectors, which choose boxes by their scores) ran on real tensors, "
        f"all others without data.\n\n"
        f"{total_time:.0f} s of work in all: {steps}. `fields` is reading the field of every "
        f"node.\nPython {platform.python_version()}, {setting}, one thread per worker on a shared "
        f"machine with {os.cpu_count()} cores. Measured with rfgraph: {at}."
    )


def _families(lines: Sequence[Line]) -> str:
    rows = []
    for name in sorted({line["family"] for line in lines}):
        members = [line for line in lines if line["family"] == name]
        nodes = _sum(line.get("nodes", {}) for line in members)
        count = sum(nodes.values())
        failed = sum(line["error"] is not None for line in members)
        shares = [_percent(nodes[status], count) for status in STATUSES]
        rows.append([name, len(members), count, *shares, failed])
    return _table(["family", "models", "nodes", *STATUSES, "exceptions"], rows)


def _reasons(lines: Sequence[Line]) -> str:
    nodes = _sum(line.get("reasons", {}) for line in lines)
    origins = _sum(line.get("origins", {}) for line in lines)
    if not nodes:
        return "Every field is exact."
    rows = []
    for reason, count in nodes.most_common():
        models = [line for line in lines if reason in line.get("reasons", {})]
        families = sorted({line["family"].partition(" ")[2] for line in models})
        shown = ", ".join(families[:6]) + (", ..." if len(families) > 6 else "")
        rows.append([reason, count, origins[reason], len(models), shown])
    listed = _table(["reason", "nodes", "starting at", "models", "families"], rows)
    meanings = "\n".join(f"- *{r}*: {EXPLAINED[r]}" for r in nodes if r in EXPLAINED)
    return (
        "A node inherits the reasons of what it reads; `starting at` counts the operators where "
        f"they arise.\nN stands for a number.\n\n{listed}\n\n{meanings}"
    ).strip()


def _exceptions(lines: Sequence[Line]) -> str:
    failed = [line for line in lines if line["error"] is not None]
    if not failed:
        return "None."
    return "\n".join(f"- `{line['model']}`: {line['error']}" for line in failed)


def _slowest(lines: Sequence[Line]) -> str:
    def spent(line: Line) -> float:
        return sum(line["seconds"].values())

    steps = ("build", "record", "analyze", "fields")
    rows = [
        [
            line["model"],
            sum(line.get("nodes", {}).values()),
            *(f"{line['seconds'].get(step, 0):.1f}" for step in steps),
            f"{spent(line):.1f}",
        ]
        for line in sorted(lines, key=spent, reverse=True)[:SLOWEST]
    ]
    return "Seconds.\n\n" + _table(["model", "nodes", *steps, "in all"], rows)


def _table(head: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    return tabulate(rows, head, tablefmt="pipe", disable_numparse=True)


def _sum(counts: Iterable[Mapping[str, float]]) -> Counter[str]:
    total: Counter[str] = Counter()
    for count in counts:
        total.update(count)  # type: ignore[arg-type]  # seconds are counted too
    return total


def _percent(part: float, whole: float) -> str:
    """The share, rounded so that 100 % and 0 % are said of all and none only."""
    if not whole or part in {0, whole}:
        return f"{100 if part else 0} %"
    return f"{min(max(100 * part / whole, 0.01), 99.99):.2f} %"
