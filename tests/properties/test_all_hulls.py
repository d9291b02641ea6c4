"""The hulls of all positions at once are those that `region` finds one by one."""

import copy

import numpy as np
import pytest

import rfgraph
from rfgraph.analysis.hulls import all_hulls
from tests.oracle.networks import random_rich_network

PLACES = 4
"""Positions of every node that are asked one by one, with the first and the last."""


def disagreements(analysis, generator):
    """Where the two ways differ, over all nodes and inputs, and how many positions were asked."""
    found, asked = [], 0
    for info in analysis.inputs.values():
        if not info.axes:
            continue
        for node, hulls in all_hulls(analysis, info):
            extent = [node.shape[axis] for axis in node.spatial_axes]
            last = tuple(n - 1 for n in extent)
            places = [tuple(map(int, generator.integers(0, extent))) for _ in range(PLACES)]
            for place in {(0,) * len(extent), last, *places} if extent else {()}:
                exact = node.region(place, input=info.name)
                hull = [pair_at(ends, extent, place) for ends in hulls.hull]
                unclipped = [pair_at(ends, extent, place) for ends in hulls.unclipped]
                asked += 1
                if (tuple(hull) if None not in hull else None) != exact.hull:
                    found.append((node.name, place, "hull", hull, exact.hull))
                if tuple(unclipped) != exact.unclipped:
                    found.append((node.name, place, "unclipped", unclipped, exact.unclipped))
    return found, asked


def pair_at(ends, extent, place):
    """(first, last) at one position, None for nothing."""
    first, last = (int(np.broadcast_to(table, extent)[place]) for table in ends)
    return (first, last) if first <= last else None


def check(seeds):
    """Fail with the recipe of the first network on which anything differs."""
    for seed in seeds:
        network = random_rich_network(seed)
        analysis = rfgraph.analyze(copy.deepcopy(network.module), network.input_shape)
        found, asked = disagreements(analysis, np.random.default_rng(seed))
        assert asked > 0
        assert not found, f"seed {seed}\n" + "\n".join(network.description) + f"\n{found[:3]}"


def test_random_networks():
    """Of every kind of step."""
    check(range(12, 18))


@pytest.mark.slow
def test_many_random_networks():
    """More of them."""
    check(range(18, 60))
