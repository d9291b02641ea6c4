"""NaN in one sample, in stacks of samples, and on models that do not bear it."""

import math

import pytest
import torch
import torch.nn.functional as F  # noqa: N812 -- its usual name
from torch import nn

import rfgraph
from rfgraph.checking.mixers import Mixer
from tests.checking.test_check import Applied
from tests.checking.test_lost_nan import LYING


def check(model, shape, **options):
    """The verdicts by node, and the result."""
    result = rfgraph.check(model, shape, method="taint", enlarge=False, **options)
    found = {}
    for finding in result.findings:
        found.setdefault(finding.node, set()).add(finding.verdict.value)
    return found, result


def test_a_forward_that_depends_on_the_number_of_samples_is_not_accused():
    """Rolled by two, the samples of a stack change places; a sample alone does not."""
    model = nn.Sequential(Applied(lambda x: F.avg_pool1d(x.roll(2, 0), 3, 1, 1)))
    assert check(model, (1, 1, 16))[0] == {
        "0.roll": {"exact"},
        "0.avg_pool1d": {"exact"},
    }


def test_an_accusation_that_is_withdrawn_is_none():
    """Also where NaN can be swallowed, so that a sample alone tells nothing."""

    def mixed(x):
        return torch.nan_to_num(x) + F.avg_pool1d(x.roll(2, 0), 3, 1, 1)

    model = nn.Sequential(Applied(mixed))
    assert check(model, (1, 1, 16), nodes=["0"])[0] == {"0.add": {"inconclusive"}}


def test_a_forward_for_one_sample_is_run_on_one():
    """Whatever it raises otherwise."""

    def alone(x):
        assert x.shape[0] == 1
        return x * 2

    model = nn.Sequential(nn.Conv1d(2, 2, 3, padding=1), Applied(alone))
    assert check(model, (1, 2, 16), nodes=["0", "1"])[0] == {
        "0": {"exact"},
        "1.mul": {"exact"},
    }


def test_a_forward_for_few_samples_is_run_on_one():
    """Two are few enough and more are not, which shows late."""

    def few(x):
        assert x.shape[0] <= 2
        return x * 2

    model = nn.Sequential(nn.Conv1d(2, 2, 3, padding=1), Applied(few))
    assert check(model, (1, 2, 16), nodes=["0", "1"])[0] == {"0": {"exact"}, "1.mul": {"exact"}}


def test_rounded_coordinates_read_no_neighbour():
    """A grid in single precision gives a neighbour a weight of a millionth: no leak, and no end."""

    def shifted(x):
        theta = torch.tensor([[[1.0, 0, 2 / 12], [0, 1.0, 0]]]).expand(len(x), -1, -1)
        grid = F.affine_grid(theta, x.shape, align_corners=False)
        return F.grid_sample(x, grid.to(x), align_corners=False)

    assert set().union(*check(Applied(shifted), (1, 2, 12, 12))[0].values()) == {"exact"}


def _fails_on_nan(x):
    if x.isnan().any():
        raise ArithmeticError("no number")
    return x * 1


def test_what_comes_before_a_failure_has_its_verdict():
    """Whether the model fails on NaN or has some on clean data."""
    conv = nn.Conv1d(2, 2, 3, padding=1)
    for fails, why in (
        (_fails_on_nan, "the model does not run on NaN: ArithmeticError: no number"),
        (lambda x: x * torch.nan, "1.mul is NaN on clean data, where NaN shows nothing"),
    ):
        found, result = check(nn.Sequential(conv, Applied(fails)), (1, 2, 16), nodes=["0", "1"])
        assert found == {"0": {"exact"}, "1.mul": {"inconclusive"}}, str(result)
        assert {f.reason for f in result.findings if f.node == "1.mul"} == {why}


def test_a_mixer_that_cannot_be_held_is_told(monkeypatch):
    """It is no operator that swallows NaN."""
    monkeypatch.setattr(Mixer, "is_stacked", lambda *_: False)
    model = nn.Sequential(Applied(lambda x: x * x.mean(-1, keepdim=True)))
    _, result = check(model, (1, 2, 16))
    reasons = {f.reason for f in result.findings if f.scope == "local"}
    assert reasons == {"0.mean mixes a whole axis and could not be held constant"}


class Counted(nn.Module):
    """Counts how often any copy of it runs."""

    runs = 0

    def forward(self, x):
        Counted.runs += 1
        return x * 1


def test_violations_are_narrowed_together(monkeypatch):
    """Three nodes, five positions, two axes, two ends each: some twenty passes, not hundreds."""
    monkeypatch.setattr(Counted, "runs", 0)
    convs = [nn.Conv2d(2, 2, 5, padding=2) for _ in range(3)]
    model = nn.Sequential(Counted(), *convs)
    found, result = check(model, (1, 2, 64, 64), nodes=["1", "2", "3"], rules=LYING)
    assert all("violated" in verdicts for verdicts in found.values())
    middle = {f.node: f.observed for f in result.findings if f.position == (32, 32)}
    assert middle == {"1": (30, 34), "2": (28, 36), "3": (26, 38)}
    alone = 5 * 3 * 5  # questions that are asked again with one sample
    assert Counted.runs < alone + 40


@pytest.mark.parametrize("at", [(0,), (7,), (15,)])
def test_the_ends_of_a_violation_are_where_the_model_sees(at):
    """First and last index, also at the borders."""
    _, result = check(nn.Conv1d(2, 2, 5, padding=2), (1, 2, 16), positions=[at], rules=LYING)
    (finding,) = result.findings
    assert finding.observed == (max(at[0] - 2, 0), min(at[0] + 2, 15))


@pytest.mark.parametrize(
    ("forward", "node"),
    [
        (lambda x: x + x.roll(3, 2) * 0.0, "add"),
        (lambda x: torch.lerp(x, x.roll(3, 2), 0.0), "lerp"),
        (lambda x: x.addcmul(x.roll(3, 2), x.flip(2), value=0), "addcmul"),
        (lambda x: x + x.roll(3, 2) / math.inf, "add"),
        (lambda x: x + torch.minimum(x.roll(3, 2), torch.full((8,), -math.inf)).exp(), "add"),
    ],
    ids=["mul", "lerp", "addcmul", "div", "minimum"],
)
def test_constants_that_take_an_operand_away_accuse_nothing(forward, node):
    """NaN passes them, although what it came from is not read."""
    found, _ = check(Applied(forward), (1, 2, 8), nodes=[node], positions=[(4,)])
    assert found == {node: {"inconclusive"}}
