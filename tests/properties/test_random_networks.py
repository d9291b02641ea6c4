"""Random networks: the exact answers equal the oracle's everywhere, at every module."""

from __future__ import annotations

import copy
from collections.abc import Callable

import pytest
import torch

import rfgraph
from tests.comparison import Difference, differences, spatial_extent
from tests.oracle.networks import RandomNetwork, random_network
from tests.oracle.taint import reach, single_thread


def disagreements(network: RandomNetwork) -> list[Difference]:
    """What the analysis and the oracle say differently of any module of a network."""
    generator = torch.Generator().manual_seed(network.seed)
    x = 0.5 + torch.rand(network.input_shape, generator=generator)
    # In the oracle's precision: nearest interpolation rounds positions in that of its input.
    analysis = rfgraph.analyze(copy.deepcopy(network.module).double(), x.double())
    with single_thread():
        truth = reach(network.module, x, modules=network.modules)
    found: list[Difference] = []
    nodes = {path: analysis[path] for path in network.modules if path in analysis}
    nodes["output"] = analysis.output()
    for path, node in nodes.items():
        if truth[path].output_extent == spatial_extent(node):
            limit = None if path == "output" else 24
            found.extend(differences(node, truth[path], limit=limit))
    assert truth["output"].output_extent == spatial_extent(analysis.output())
    return found


def check(seeds: range, make: Callable[[int], RandomNetwork]) -> None:
    """Fail with the recipe of the first network on which anything differs."""
    for seed in seeds:
        network = make(seed)
        found = disagreements(network)
        recipe = "\n".join(network.description)
        assert not found, f"seed {seed}, input {network.input_shape}\n{recipe}\n{found[:5]}"


@pytest.mark.parametrize("start", range(0, 100, 20))
def test_a_hundred_networks(start: int):
    """No position of any module of 100 networks is unsound or loose."""
    check(range(start, start + 20), random_network)


@pytest.mark.slow
@pytest.mark.parametrize("start", range(100, 1000, 50))
def test_a_thousand_networks(start: int):
    """No position of any module of 900 further networks is unsound or loose."""
    check(range(start, start + 50), random_network)
