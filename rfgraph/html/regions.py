"""The region of every position of every node, small enough to lie in a page.

Most models repeat few tables, and most tables few lines. A line is stored as quasi-affine runs; a
table as the axes on which it varies and the number of a line, which holds numbers of lines in turn
where there is another axis. Equal ones are stored once.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from rfgraph.analysis import Analysis
from rfgraph.analysis.hulls import Ends, all_hulls
from rfgraph.analysis.region import Table
from rfgraph.html.plane import Plane

_PERIODS = range(1, 9)
"""Phases that a run may have."""


@dataclass
class Pool:
    """Things that are stored once and named by their number.

    Attributes:
        items: What is stored, in order of the numbers.
    """

    items: list[Any] = field(default_factory=list)
    _numbers: dict[str, int] = field(default_factory=dict, repr=False)

    def number(self, item: Any) -> int:  # noqa: ANN401 -- anything that JSON can spell
        """Return the number of an item, stored now or before."""
        key = json.dumps(item, separators=(",", ":"))
        if key not in self._numbers:
            self._numbers[key] = len(self.items)
            self.items.append(item)
        return self._numbers[key]


def line_runs(line: Sequence[int] | npt.NDArray[np.int64]) -> list[list[int]]:
    """Return runs [count, advance, first, …] that spell a line of integers, the fewest at a time.

    Entry i of a run of P firsts is ``first[i mod P] + advance * (i div P)``, as everywhere in the
    index algebra.

    >>> line_runs([0, 0, 0, 0, 2, 4, 6, 8, 8, 9, 9, 10, 10, 11, 11])
    [[4, 0, 0], [4, 2, 2], [7, 1, 8, 9]]
    """
    values = np.asarray(line, dtype=np.int64)
    steps = {p: values[p:] - values[:-p] for p in _PERIODS if p < len(values)}
    changes = {p: np.flatnonzero(np.diff(step)) + 1 for p, step in steps.items()}
    runs: list[list[int]] = []
    at = 0
    while at < len(values):
        best, worth = (1, 0, 1), 1 / 3
        for period, step in steps.items():
            if at >= len(step):
                break
            until = changes[period].searchsorted(at, side="right")
            end = changes[period][until] if until < len(changes[period]) else len(step)
            count = int(end) - at + period
            # Entries spelled per number written.
            if count / (period + 2) > worth:
                best, worth = (count, int(step[at]), period), count / (period + 2)
        count, advance, period = best
        runs.append([count, advance, *map(int, values[at : at + period])])
        at += count
    return runs


def stored_regions(analysis: Analysis, plane: Plane) -> tuple[dict[str, list[Any]], dict[str, int]]:
    """Return pools of lines and regions, and the number of each node's region.

    A region of the page holds the lengths of the node's spatial axes, and for rows and columns of
    the picture the tables (first, last) of hull and of the unclipped hull.
    """
    lines, regions = Pool(), Pool()
    number: dict[str, int] = {}
    known: dict[bytes, int] = {}

    def spell(table: Table) -> list[Any]:
        small = _shortened(table)
        axes = [k for k, n in enumerate(small.shape) if n > 1]
        return [axes, _nested(small.reshape([small.shape[k] for k in axes]), lines, known)]

    def pairs(ends: Sequence[Ends], rank: int) -> list[list[Any]]:
        zero = np.zeros((1,) * rank, dtype=np.int64)
        shown = [(zero, zero), *ends] if len(ends) == 1 else ends[-2:]
        return [[spell(table) for table in _plain(pair)] for pair in shown]

    for node, hulls in all_hulls(analysis, plane.info):
        extent = [node.shape[axis] for axis in node.spatial_axes]
        rank = len(extent)
        number[node.name] = regions.number(
            {
                "extent": extent,
                "hull": pairs(hulls.hull, rank),
                "unclipped": pairs(hulls.unclipped, rank),
            }
        )
    return {"lines": lines.items, "regions": regions.items}, number


def _plain(ends: Ends) -> tuple[Table, Table]:
    """Return the ends with one way to say nothing: 1 … 0."""
    first, last = ends
    seen = first <= last
    return np.where(seen, first, 1), np.where(seen, last, 0)


def _shortened(table: Table) -> Table:
    """Return a table with length 1 along every axis on which it does not vary."""
    for axis in range(table.ndim):
        one = table.take([0], axis)
        if table.shape[axis] > 1 and (table == one).all():
            table = one
    return np.ascontiguousarray(table)


def _nested(table: Table, lines: Pool, known: dict[bytes, int]) -> int:
    """Return the number of the line that spells a table, of lines that spell its rows."""
    # Rows repeat, and a table that is seen again need not be looked at entry by entry.
    key = repr(table.shape).encode() + table.tobytes()
    if key not in known:
        rows = table if table.ndim <= 1 else [_nested(row, lines, known) for row in table]
        known[key] = lines.number(line_runs(np.atleast_1d(rows)))
    return known[key]
