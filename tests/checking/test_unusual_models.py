"""Models that checkpoint, hold complex parameters, or are checked in inference mode."""

import threading

import pytest
import torch
from torch import nn
from torch.utils.checkpoint import checkpoint

import rfgraph
from rfgraph.eager.checkpoints import without_checkpoints


class Checkpointed(nn.Module):
    """A convolution in a checkpoint."""

    def __init__(self, *, reentrant):
        super().__init__()
        self.reentrant = reentrant
        self.conv = nn.Conv1d(2, 2, 3, padding=1)

    def forward(self, x):
        return checkpoint(lambda y: self.conv(y).relu(), x, use_reentrant=self.reentrant) * 1


@pytest.mark.filterwarnings("ignore:None of the inputs have requires_grad")
@pytest.mark.parametrize("reentrant", [True, False])
def test_checkpoints_run_plainly(reentrant):
    """What runs again in the backward pass would run outside of all that follows the run."""
    model = nn.Sequential(Checkpointed(reentrant=reentrant), nn.Conv1d(2, 2, 3))
    result = rfgraph.check(model, (1, 2, 20))
    assert {f.verdict.value for f in result.findings} == {"exact"}, str(result)
    assert rfgraph.erf(model, (1, 2, 20), draws=1).values.any()


@pytest.mark.parametrize("reentrant", [True, False])
def test_checkpoints_of_others_stay_checkpoints(reentrant):
    """Neither after a check nor in another thread meanwhile is anything replaced."""
    runs = []

    def function(x):
        runs.append(threading.get_ident())
        return x * x

    def differentiate():
        x = torch.ones(2, requires_grad=True)
        checkpoint(function, x, use_reentrant=reentrant).sum().backward()

    with without_checkpoints():
        thread = threading.Thread(target=differentiate)
        thread.start()
        thread.join()
        assert len(runs) == 2
        differentiate()
        assert len(runs) == 3
    differentiate()
    assert len(runs) == 5


class Turned(nn.Module):
    """Complex parameters in a model for real numbers."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv1d(2, 2, 3, padding=1)
        self.turn = nn.Parameter(torch.randn(2, 1, dtype=torch.complex64))

    def forward(self, x):
        return (self.conv(x) * self.turn).abs()


@pytest.mark.filterwarnings("error")
def test_complex_parameters_stay_complex():
    """Whatever precision the run is in."""
    result = rfgraph.check(nn.Sequential(Turned()), (1, 2, 20))
    assert {f.verdict.value for f in result.findings} == {"exact"}, str(result)


def test_inference_mode_of_the_caller_does_not_matter():
    """Gradients are taken all the same, of models and inputs that were made in it too."""
    with torch.inference_mode():
        model = nn.Sequential(nn.Conv1d(2, 2, 3), nn.BatchNorm1d(2))
        x = torch.rand(1, 2, 12)
        for inputs in ((1, 2, 12), x):
            result = rfgraph.check(model, inputs)
            assert {f.verdict.value for f in result.findings} == {"exact"}, str(result)
            assert rfgraph.erf(model, inputs).values.any()
        assert torch.is_inference_mode_enabled()
