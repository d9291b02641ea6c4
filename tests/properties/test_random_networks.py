"""Random networks: the exact answers equal the oracle's everywhere, at every module."""

from __future__ import annotations

import copy
import os
from collections.abc import Callable

import pytest
import torch

import rfgraph
from tests.comparison import Difference, differences, spatial_extent
from tests.oracle.networks import RandomNetwork, random_network, random_rich_network
from tests.oracle.taint import reach, single_thread

RICH_NETWORKS = int(os.environ.get("RFGRAPH_RICH_NETWORKS", "120"))
"""How many networks of the richer generator the slow suite looks at."""


def disagreements(network: RandomNetwork) -> list[Difference]:
    """What the analysis and the oracle say differently of any module of a network."""
    generator = torch.Generator().manual_seed(network.seed)
    x = 0.5 + torch.rand(network.input_shape, generator=generator)
    # In the oracle's precision: nearest interpolation rounds positions in that of its input.
    analysis = rfgraph.analyze(copy.deepcopy(network.module).double(), x.double())
    nodes = {path: analysis[path] for path in network.modules if path in analysis}
    nodes["output"] = analysis.output()
    axes = {path: node.spatial_axes for path, node in nodes.items()}
    with single_thread():
        truth = reach(network.module, x, modules=network.modules, output_axes=axes)
    found: list[Difference] = []
    for path, node in nodes.items():
        assert truth[path].output_extent == spatial_extent(node)
        limit = None if path == "output" else 24
        found.extend(differences(node, truth[path], limit=limit))
    return found


def check(seeds: range, make: Callable[[int], RandomNetwork]) -> None:
    """Fail with the recipe of the first network on which anything differs."""
    for seed in seeds:
        network = make(seed)
        found = disagreements(network)
        recipe = "\n".join(network.description)
        assert not found, f"seed {seed}, input {network.input_shape}\n{recipe}\n{found[:5]}"


def check_rich(seeds: range) -> None:
    """Fail with the recipe of a network on which anything is missing, or too much is too large."""
    loose = 0
    for seed in seeds:
        network = random_rich_network(seed)
        found = disagreements(network)
        recipe = "\n".join(network.description)
        missing = [d for d in found if not d.kind.endswith("loose")]
        assert not missing, f"seed {seed}, input {network.input_shape}\n{recipe}\n{missing[:5]}"
        loose += bool(found)
    assert loose <= 1, f"{loose} of {len(seeds)} networks from seed {seeds.start} are too large"


@pytest.mark.parametrize("start", range(0, 100, 20))
def test_a_hundred_networks(start: int):
    """No position of any module of 100 networks is unsound or loose."""
    check(range(start, start + 20), random_network)


@pytest.mark.parametrize("start", range(0, 20, 5))
def test_twenty_rich_networks(start: int):
    """Attention, masks, windows, recurrences, gathers and sampling grids: nothing is unsound."""
    check_rich(range(start, start + 5))


@pytest.mark.slow
@pytest.mark.parametrize("start", range(20, RICH_NETWORKS, 20))
def test_many_rich_networks(start: int):
    """The same for more of them; ``RFGRAPH_RICH_NETWORKS=3000`` in the environment asks for all."""
    check_rich(range(start, start + 20))


@pytest.mark.slow
@pytest.mark.parametrize("start", range(100, 1000, 50))
def test_a_thousand_networks(start: int):
    """No position of any module of 900 further networks is unsound or loose."""
    check(range(start, start + 50), random_network)
