"""Holding an analysis against the taint oracle, position by position."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

import numpy as np

from rfgraph.analysis import Node
from tests.oracle.taint import Reach, hull

TOLERANCE = 1e-9
FEW = 12
"""Positions at which density and projection are asked too: they cost as much as the footprint."""


@dataclass(frozen=True)
class Difference:
    """A position at which the analysis and the oracle disagree.

    Attributes:
        node: name of the node.
        index: the position.
        kind: "unsound" (something is missing), "loose" (something is too much), "hull" (the region
            is not the hull of the set), "field" (the unclipped field does not contain the truth),
            "density" (not a distribution over the footprint), "projection …" (the forward question
            disagrees with the oracle).
        seen: what the analysis says.
        true: what the oracle says.
    """

    node: str
    index: tuple[int, ...]
    kind: str
    seen: object
    true: object


def positions(extent: tuple[int, ...], limit: int | None = None) -> list[tuple[int, ...]]:
    """All positions, or the corners, the middle and an even choice of the others."""
    every = list(product(*map(range, extent)))
    if limit is None or len(every) <= limit:
        return every
    corners = product(*({0, n // 2, n - 1} for n in extent))
    step = max(1, len(every) // limit)
    return sorted({*corners, *every[::step]})


def differences(
    node: Node, truth: Reach, *, input_name: str | None = None, limit: int | None = None
) -> Iterator[Difference]:
    """Every disagreement of footprint, region and field with the oracle."""
    name = input_name or next(iter(node.fields))
    field = node.fields[name]
    few = set(positions(truth.output_extent, FEW))
    for index in positions(truth.output_extent, limit):
        true = truth.mask[index]
        seen = node.footprint(index, input=name)
        if (true & ~seen).any():
            yield Difference(node.name, index, "unsound", hull(seen), hull(true))
        elif (seen & ~true).any():
            yield Difference(node.name, index, "loose", hull(seen), hull(true))
        if index in few:
            density = node.density(index, input=name)
            if ((density > 0) != seen).any() or abs(density.sum() - seen.any()) > TOLERANCE:
                yield Difference(node.name, index, "density", hull(density > 0), hull(seen))
        region = node.region(index, input=name)
        if region.hull != hull(seen):
            yield Difference(node.name, index, "hull", region.hull, hull(seen))
        bounds = hull(true)
        for axis, (first, last) in enumerate(bounds or ()):
            local = region.unclipped[axis]
            if not field.global_axes[axis] and (
                local is None or local[0] > first or local[1] < last
            ):
                yield Difference(node.name, index, "field", local, (first, last))
    for index in positions(truth.input_extent, FEW):
        reached, true = node.projection(index, input=name), truth.mask[(..., *index)]
        if (reached != true).any():
            kind = "projection unsound" if (true & ~reached).any() else "projection loose"
            yield Difference(node.name, index, kind, hull(reached), hull(true))


def spatial_extent(node: Node) -> tuple[int, ...]:
    """The lengths of the axes that a position of the node indexes."""
    return tuple(np.array(node.shape)[list(node.spatial_axes)].tolist())
