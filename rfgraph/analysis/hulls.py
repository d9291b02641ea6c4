"""The regions of all positions of a node at once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from rfgraph.analysis.input_info import InputInfo
from rfgraph.analysis.node import Node
from rfgraph.analysis.region import Table, hull_tables
from rfgraph.geometry.tensor_map import Shape
from rfgraph.propagation.hulls import push_hulls
from rfgraph.propagation.pull import Marks
from rfgraph.propagation.push import largest

if TYPE_CHECKING:
    from rfgraph.analysis.analysis import Analysis

Ends = tuple[Table, Table]
"""First and last, inclusive; the first is the larger one where there is nothing."""


@dataclass(frozen=True, eq=False, slots=True)
class Hulls:
    """What :meth:`rfgraph.Node.region` answers, for every position of a node.

    Attributes:
        hull: Ends per analysed axis of the input; all empty where nothing reaches the position.
        unclipped: Ends per axis with padding counted as virtual input; empty where the position
            has no local path along the axis.
    """

    hull: tuple[Ends, ...]
    unclipped: tuple[Ends, ...]


def all_hulls(analysis: Analysis, info: InputInfo) -> Iterator[tuple[Node, Hulls]]:
    """Yield every node, in execution order, with the hulls of all its positions.

    One pass for the whole model, linear in its operators, where asking `region` for each position
    would walk through the model each time.

    Args:
        analysis: The analysis of the model.
        info: The input that hulls are in, one of the analysis.
    """
    followed = [
        k for k, s in enumerate(analysis.subjects) if s.source == info.name and s.axis != info.batch
    ]
    for name, ends in push_hulls(analysis.graph, info.name, info.axes):
        node = analysis[name]
        axes = node.spatial_axes
        nothing = np.zeros((1,) * len(axes), dtype=np.int64)
        hull: tuple[Ends, ...] = ((nothing + 1, nothing),) * len(info.axes)
        if ends is not None:
            tables = [_over_positions(end, node.shape, axes) for end in ends]
            hull = tuple(
                (length - first, last - 1)
                for length, first, last in zip(info.lengths, tables[::2], tables[1::2], strict=True)
            )
        local = tuple(hull_tables(node.state, k, axes) for k in followed)
        is_global = node.fields[info.name].global_axes
        yield node, Hulls(hull, tuple(map(_around, local, hull, is_global)))


def _around(local: Ends, hull: Ends, is_global: bool) -> Ends:  # noqa: FBT001 -- private
    """Return the local ends widened to the hull, as `region` does, where that is local too."""
    if is_global:
        return local
    # Where nothing reaches the element, its hull must not narrow what the pattern says.
    seen = hull[0] <= hull[1]
    first = np.where(seen, np.minimum(local[0], hull[0]), local[0])
    last = np.where(seen, np.maximum(local[1], hull[1]), local[1])
    return first, last


def _over_positions(marks: Marks, shape: Shape, axes: tuple[int, ...]) -> Table:
    """Return the largest mark over all axes but the given ones."""
    others = tuple(axis for axis in range(len(shape)) if axis not in axes)
    table = largest(marks, others).astype(np.int64)
    return np.asarray(table.reshape([marks.shape[axis] for axis in axes]))
