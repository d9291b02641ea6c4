"""Scans over long axes are exact without a table of half the square of their length."""

import pytest
import torch
from torch import nn

import rfgraph
from rfgraph.rules.prefix import prefix
from tests.comparison import differences
from tests.rules.cases.prefix import CASES


@pytest.fixture
def _all_long(monkeypatch):
    monkeypatch.setattr("rfgraph.rules.prefix.LONGEST", 2)
    prefix.cache_clear()
    yield
    prefix.cache_clear()


@pytest.mark.usefixtures("_all_long")
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_long_scans_agree_with_the_oracle(case):
    """What a filter reads beyond the start is no position of the axis."""
    analysis = rfgraph.analyze(case.model(), list(case.shapes), axes=case.axes)
    axes = {output: node.spatial_axes for output, node in analysis.outputs.items()}
    for source in case.sources:
        name = list(analysis.inputs)[source]
        truth = case.truth(source, output_axes=axes)
        for output, node in analysis.outputs.items():
            assert not list(differences(node, truth[output], input_name=name))


def test_a_running_sum_over_a_minute_of_samples():
    """A convolution, a scan over a million samples, and a strided convolution: exact and causal."""

    class Phase(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.before = nn.Conv1d(1, 1, 3)
            self.after = nn.Conv1d(1, 1, 4, stride=4)

        def forward(self, x):
            return self.after(torch.cumsum(self.before(x), 2))

    length = 1_000_000
    analysis = rfgraph.analyze(Phase(), (1, 1, length))
    output = analysis.output()
    assert analysis.status.value == "exact"
    assert output.region((0,)).hull == ((0, 5),)
    assert output.region((1000,)).hull == ((0, 4005),)
    assert output.footprint((1000,)).sum() == 4006
    assert not output.projection((length - 1,))[: output.shape[2] - 1].any()
    assert output.field.jump == (4,)


@pytest.mark.usefixtures("_all_long")
def test_a_running_state_is_no_window():
    """However long the signal, a scan looks back over all of it and is not computed in chunks."""

    class Sum(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.after = nn.Conv1d(1, 1, 3)

        def forward(self, x):
            return self.after(torch.cumsum(x, 2))

    plan = rfgraph.streaming(rfgraph.analyze(Sum(), (1, 1, 40)))
    assert plan.look_back is None
    assert [state.node for state in plan.states] == ["after"]
    with pytest.raises(rfgraph.StreamingError, match="keeps a running state"):
        plan.stream(Sum())
