"""A function without a derivative is noticed, so that a zero gradient behind it is no proof."""

import pytest
import torch
import torch.nn.functional as F  # noqa: N812 -- its usual name
from torch import nn

import rfgraph
from tests.checking.test_lost_nan import LYING, Keyed


def _under_no_grad(k, x):
    with torch.no_grad():
        y = F.avg_pool1d(k, 3, 1, 1)
    return x * y


def _into_a_buffer(k, x):
    y = torch.zeros(k.shape)
    with torch.no_grad():
        y[:] = k + 2
    return x * y


def _found(model, shape, **options):
    result = rfgraph.check(model, shape, method="gradient", enlarge=False, **options)
    return {finding.verdict.value for finding in result.findings}, result


HIDDEN = {
    "round": lambda k, x: x * k.round(),
    "floor": lambda k, x: x * (k // 0.1),
    "rounded quotient": lambda k, x: x * torch.div(k, 0.1, rounding_mode="trunc"),
    "in place": lambda k, x: x * (k + 5).ceil_(),
    "argmax": lambda k, x: x * k.argmax(1, keepdim=True),
    "comparison": lambda k, x: x * (k > 0),
    "cast": lambda k, x: x * k.int(),
    "bits": lambda k, x: x * (k.view(torch.int32) & 255),
    "detached": lambda k, x: x * k.detach(),
    "data": lambda k, x: x * k.data,
    "no graph": _under_no_grad,
    "written without a graph": _into_a_buffer,
    "maximum's place": lambda k, x: x * k.max(1, keepdim=True)[1],
    "exponent": lambda k, x: x * torch.frexp(k).exponent,
    "count": lambda k, x: x * torch.linalg.vector_norm(k, ord=0, dim=1, keepdim=True),
}


@pytest.mark.parametrize("function", HIDDEN.values(), ids=HIDDEN)
def test_what_hides_a_gradient_is_no_proof(function):
    """The prediction is too small, and a gradient cannot show it."""
    found, result = _found(Keyed(function), (1, 2, 20), nodes=["mul"], rules=LYING)
    assert found == {"inconclusive"}, str(result)
    assert all("derivative" in f.reason for f in result.findings)


def test_nearest_sampling_has_no_derivative_by_its_coordinates():
    """It requires a gradient all the same."""
    image = torch.rand(1, 2, 9, 9)

    def sampled(k, x):
        places = k.permute(0, 2, 3, 1).tanh()
        return x + F.grid_sample(image.to(x), places, mode="nearest", align_corners=False)

    assert _found(Keyed(sampled, 2), (1, 2, 9, 9), nodes=["add"], rules=LYING)[0] == {
        "inconclusive"
    }


class Squared(torch.autograd.Function):
    """A function with a derivative of its own, whose parts have none."""

    @staticmethod
    def forward(ctx, x):
        """Return the square."""
        ctx.save_for_backward(x)
        return x.abs() * x.abs()

    @staticmethod
    def backward(ctx, gradient):
        """Return the gradient by the argument."""
        return 2 * ctx.saved_tensors[0] * gradient


HONEST = {
    "autograd functions": lambda k, x: x * Squared.apply(k),
    "places that nobody reads": lambda k, x: x * k.max(1, keepdim=True)[0],
    "factories": lambda k, x: x * (k + torch.zeros_like(k) + k.new_ones(k.shape[-1])),
    "a type alone": lambda k, x: x * k * torch.ones(2, 1).to(x).expand_as(k).type_as(k),
    "constants beside it": lambda k, x: x * torch.broadcast_tensors(torch.ones(2, 1), k)[0] * k,
    "gates": lambda k, x: x * F.relu(k) * k.sigmoid() * F.hardswish(k),
}


@pytest.mark.parametrize("function", HONEST.values(), ids=HONEST)
def test_what_reads_no_number_hides_nothing(function):
    """Shapes, types and results that nobody reads leave verdicts as they are."""
    model = nn.Sequential(Keyed(function))
    found, result = _found(model, (1, 2, 20), nodes=["0"])
    assert found == {"exact"}, str(result)


def test_what_was_seen_outside_is_a_violation_all_the_same():
    """A function without a derivative hides paths and makes none."""
    model = nn.Sequential(Keyed(lambda k, x: x.round() + k))
    assert "violated" in _found(model, (1, 2, 20), nodes=["0"], rules=LYING)[0]


@pytest.mark.parametrize(
    ("larger", "away"),
    [(torch.maximum, -99), (torch.fmax, -99), (torch.max, -99), (torch.fmin, 99), (torch.min, 99)],
)
def test_the_larger_of_two_reads_both(larger, away):
    """Which one is larger is luck, and not to decide on a verdict."""
    model = nn.Sequential(Keyed(lambda k, x: larger(x, k + away)))
    found, result = _found(model, (1, 2, 20), nodes=["0"], rules=LYING)
    assert found == {"violated"}, str(result)


def test_mixers_that_are_held_are_no_functions_without_a_derivative():
    """The mean is constant on purpose; elements before `round` have their verdicts."""

    def gated(k, x):
        return k * x.mean(-1, keepdim=True)

    model = nn.Sequential(Keyed(gated), nn.Conv1d(2, 2, 3), Rounded())
    found, result = _found(model, (1, 2, 20), nodes=["0", "1"])
    assert found == {"exact"}, str(result)
    assert {f.scope for f in result.findings} == {"local", "total"}
    assert _found(model, (1, 2, 20), nodes=["2"])[0] == {"inconclusive"}


class Rounded(nn.Module):
    """A function without a derivative as a module."""

    def forward(self, x):
        return x.round()
