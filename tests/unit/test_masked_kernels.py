"""Convolutions whose mask leaves other channels to each tap."""

import numpy as np
import pytest
import torch
from torch import nn

import rfgraph


class Combed(nn.Module):
    """Tap t combines the channels that are the ones among the binary digits of t + 1, twice."""

    def __init__(self, taps):
        super().__init__()
        self.weight = nn.Parameter(torch.rand(2, 7, taps))
        digits = torch.arange(1, taps + 1) >> torch.arange(7)[:, None] & 1
        self.register_buffer("mask", digits[None].float())

    def forward(self, x):
        return nn.functional.conv1d(x, self.weight * self.mask)


@pytest.mark.parametrize(
    ("taps", "status"), [(64, rfgraph.Status.EXACT), (65, rfgraph.Status.BOUND)]
)
def test_channels_of_taps_are_told_apart_up_to_a_limit(taps, status):
    """Up to 64 kinds of taps are exact; beyond, they are joined, and it says so."""
    model = Combed(taps)
    node = rfgraph.analyze(model, (1, 7, 80), axes=(1, 2)).output()
    assert node.status is status
    seen = node.footprint((1, 2))
    assert (seen == node.footprint((0, 2))).all()
    true = np.zeros((7, 80), dtype=bool)
    true[:, 2 : 2 + taps] = model.mask[0].bool().numpy()
    assert (seen >= true).all()
    assert np.array_equal(seen, true) == (status is rfgraph.Status.EXACT)
