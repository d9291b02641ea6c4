"""Blocks that repeat share what was computed for the first of them, and nothing else."""

import torch
from torch import nn

import rfgraph


def distinct_states(depth):
    """How many different states the tensors of an encoder of that depth have."""
    layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)
    model = nn.TransformerEncoder(layer, depth, enable_nested_tensor=False)
    analysis = rfgraph.analyze(model, (1, 5, 8), layout="NLC")
    return len({id(state) for state in analysis.states.values()})


def test_depth_adds_no_states():
    """From the second block on every token sees all others, and nothing changes any more."""
    assert distinct_states(3) == distinct_states(9)


def test_each_operator_that_mixes_is_named():
    """The same step from the same state is another origin at another node."""

    class Twice(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b = nn.AdaptiveAvgPool2d(1), nn.AdaptiveAvgPool2d(1)

        def forward(self, x):
            return self.a(x), self.b(x)

    analysis = rfgraph.analyze(Twice(), (1, 2, 6, 6))
    assert analysis["a"].field.global_origins == ("a",)
    assert analysis["b"].field.global_origins == ("b",)


def test_a_reason_is_told_once_for_each_operator():
    """What makes a bound names its own node too."""

    class Sampled(nn.Module):
        def forward(self, x):
            grid = x[:, :2].permute(0, 2, 3, 1)
            sample = nn.functional.grid_sample
            return sample(x, grid, align_corners=False), sample(x, grid, align_corners=False)

    analysis = rfgraph.analyze(Sampled(), torch.rand(1, 3, 6, 6))
    first, second = (analysis.output(f"output.{k}") for k in (0, 1))
    assert first.reasons != second.reasons
    assert first.name in first.reasons[0]
    assert second.name in second.reasons[0]
