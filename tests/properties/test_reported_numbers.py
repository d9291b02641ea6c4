"""The numbers of a field describe the elements that they are about."""

from __future__ import annotations

import pytest

import rfgraph
from rfgraph.geometry.periodic import Periodic
from tests.comparison import spatial_extent
from tests.oracle.networks import random_network


def check(seeds: range) -> None:
    """Every field holds what its middle element sees, and equals it where one pattern rules."""
    for seed in seeds:
        network = random_network(seed)
        analysis = rfgraph.analyze(network.module, network.input_shape)
        for node in analysis:
            if node.shape and 0 not in node.shape:
                _check_node(node, f"seed {seed}, {node.name}\n" + "\n".join(network.description))


def _check_node(node: rfgraph.Node, recipe: str) -> None:
    extent = spatial_extent(node)
    middle = tuple(n // 2 for n in extent)
    position = dict(zip(node.spatial_axes, middle, strict=True))
    hulls = node.analysis.unclipped(
        node.state, "x0" if "x0" in node.fields else next(iter(node.fields)), position
    )
    for axis, hull in zip(node.field.axes, hulls, strict=True):
        if hull is None or axis.local is None or axis.interior is None:
            continue
        if axis.along is None and (axis.interior.period > 1 or axis.interior.advance):
            continue  # the index of a part of an axis, or of several axes
        index = 0 if axis.along is None else position[axis.along]
        seen = axis.interior.at(index)
        assert seen, recipe
        assert seen.first <= hull[0] <= hull[1] <= seen.last, recipe
        if isinstance(axis.local, Periodic) and node.state.labels is None and axis.resolved:
            assert (seen.first, seen.last) == hull, recipe


@pytest.mark.parametrize("start", range(0, 100, 20))
def test_numbers_hold_the_middle_element(start: int):
    """At every node of 100 networks."""
    check(range(start, start + 20))


@pytest.mark.slow
@pytest.mark.parametrize("start", range(100, 600, 50))
def test_numbers_hold_the_middle_element_of_many(start: int):
    """At every node of 500 further networks."""
    check(range(start, start + 50))
