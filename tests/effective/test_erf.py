"""Effective receptive fields against ones that are known."""

import numpy as np
import pytest
import torch
from torch import nn

import rfgraph
from rfgraph.errors import IndexRangeError, InputError, ModelError, NodeNotFoundError


def linear_stack(depth):
    """Convolutions of 3 with weights of one: gradients are path counts."""
    layers = [nn.Conv2d(1, 1, 3, padding=1, bias=False) for _ in range(depth)]
    for layer in layers:
        nn.init.ones_(layer.weight)
    return nn.Sequential(*layers)


def test_uniform_weights_give_the_static_density():
    """With weights of one and nothing nonlinear, influence is the share of paths."""
    found = rfgraph.erf(linear_stack(5), torch.rand(3, 1, 25, 21))
    assert found.position == (12, 10)
    assert found.samples == 3
    np.testing.assert_allclose(found.shares, found.density, rtol=1e-5, atol=0)


def test_the_gaussian_has_the_variance_of_the_sum():
    """A uniform kernel of 3 has variance 2/3, and variances of layers add (Luo et al., 2.1)."""
    found = rfgraph.erf(linear_stack(6), (1, 1, 41, 41), draws=1)
    assert found.gaussian.center == pytest.approx((20, 20))
    assert found.gaussian.sigma == pytest.approx((2, 2))


def test_boxes_hold_the_share_that_they_promise():
    """The box of side s holds the share; the box of side s - 2 does not."""
    found = rfgraph.erf(linear_stack(4), torch.rand(2, 1, 30, 30))
    row, column = found.position
    for mass in found.masses:
        for side, holds in ((mass.side, True), (mass.side - 2, False)):
            reach = side // 2 if side > 0 else -1
            box = found.shares[row - reach : row + reach + 1, column - reach : column + reach + 1]
            assert bool(box.sum() >= mass.share - 1e-9) is holds
        assert mass.area == pytest.approx(mass.side**2 / 900)
    assert found.masses[0].side < found.masses[-1].side


def test_signs_do_not_cancel_between_samples():
    """Absolute values are averaged: the product x * x has gradients of both signs."""

    class Square(nn.Module):
        def forward(self, x):
            return x * x

    x = torch.tensor([[[1.0, 2.0]], [[-1.0, -2.0]]])
    found = rfgraph.erf(nn.Sequential(Square()), x, "0", position=1)
    np.testing.assert_allclose(found.values, [0, 4])


def test_batches_are_averaged_as_one():
    """Unequal batches weigh by their samples."""
    model = nn.Sequential(nn.Conv1d(2, 3, 5), nn.Tanh())
    x = torch.randn(7, 2, 16)
    whole = rfgraph.erf(model, x)
    parts = rfgraph.erf(model, iter([x[:2], x[2:]]))
    np.testing.assert_allclose(whole.values, parts.values, rtol=1e-5)
    assert parts.samples == 7


def test_the_model_is_left_alone():
    """Mode, gradients, weights, buffers and random states stay."""
    model = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.Dropout()).train()
    before = {k: v.clone() for k, v in model.state_dict().items()}
    state = torch.get_rng_state()
    rfgraph.erf(model, (1, 1, 9, 9))
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(v, before[k]) for k, v in model.state_dict().items())
    assert model.training
    assert all(p.requires_grad and p.grad is None for p in model.parameters())


def test_influence_outside_the_theoretical_field_is_zero():
    """Real gradients stay inside the exact region."""
    model = nn.Sequential(nn.Conv2d(3, 4, 3, 2, 1), nn.ReLU(), nn.Conv2d(4, 4, 3, dilation=2))
    found = rfgraph.erf(model, torch.rand(4, 3, 40, 40))
    outside = np.ones(found.values.shape, dtype=bool)
    outside[found.region.slices[2:]] = False
    assert not found.values[outside].any()


@pytest.mark.parametrize(
    ("arguments", "options", "error", "part"),
    [
        (("picture.png",), {}, InputError, "str is none"),
        (([],), {}, InputError, "no sample"),
        ((torch.ones(2, 1, 9, 9, dtype=torch.int64),), {}, InputError, "int64"),
        ((torch.rand(0, 1, 9, 9),), {}, InputError, "holds no sample"),
        (([torch.rand(1, 1, 9, 9), torch.rand(1, 1, 8, 9)],), {}, InputError, "one size"),
        ((torch.full((1, 1, 9, 9), torch.nan),), {"node": "2"}, InputError, "not finite"),
        ((torch.full((1, 1, 9, 9), -1.0),), {"node": "1"}, InputError, "zero everywhere"),
        (((1, 1, 9, 9),), {"node": "7"}, NodeNotFoundError, "No node"),
        (((1, 1, 9, 9),), {"position": (9, 0)}, IndexRangeError, "none of 2"),
        (((1, 1, 9, 9),), {"shares": (2,)}, InputError, "in (0, 1]"),
        (((1, 1, 9, 9),), {"draws": 0}, InputError, "at least 1"),
        (((1, 1, 9, 9),), {"draws": 1.5}, InputError, "whole"),
        (((1, 1, 9, 9),), {"shares": 0.5}, InputError, "are a sequence"),
        (((1, 1, 9, 9),), {"shares": ("all",)}, InputError, "'all' does not"),
        (((1, 1, 9, 9),), {"position": "ab"}, InputError, "'ab' is none"),
        (((1, 1, 9, 9),), {"position": 1.5}, InputError, "1.5 is none"),
        (((1, 1, 9, 9),), {"position": (1.0, 1)}, InputError, "(1.0, 1) is none"),
        ((torch.rand(3, 1, 9, 9),), {"axes": (0, 2)}, InputError, "batch axis"),
        ((torch.rand(1, 1, 9, 9).double(),), {}, InputError, "(1, 1, 9, 9) float64: RuntimeError"),
        (((1, 1, 0, 9),), {}, InputError, "holds nothing"),
        (((1, 1, 9, 9),), {"device": "elsewhere"}, InputError, "'elsewhere' cannot be used"),
        (((1, 1, 9, 9),), {"device": "meta"}, InputError, "holds no data"),
    ],
)
def test_misuse_is_one_sentence(arguments, options, error, part):
    """What was wrong, and what to do."""
    model = nn.Sequential(nn.Conv2d(1, 1, 1, bias=False), nn.ReLU(), nn.Softplus())
    nn.init.ones_(model[0].weight)
    with pytest.raises(error) as caught:
        rfgraph.erf(model, *arguments, **options)
    assert part in str(caught.value)


def test_complex_elements_are_refused():
    """There is no gradient of a complex number."""

    class Spectrum(nn.Module):
        def forward(self, x):
            return torch.fft.fft(x)

    with pytest.raises(InputError, match=r"1\.fft_fft is complex"):
        rfgraph.erf(nn.Sequential(nn.Conv1d(1, 1, 3), Spectrum()), (1, 1, 9), "1")


def test_a_batch_that_a_model_does_not_run_on_is_one_sentence():
    """Whatever its forward raises."""

    class Single(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv1d(1, 1, 3)

        def forward(self, x):
            assert x.shape[0] == 1, "one at a time"
            return self.conv(x)

    with pytest.raises(InputError, match=r"does not run on samples of .* one at a time"):
        rfgraph.erf(Single(), torch.rand(2, 1, 9))


def test_a_model_without_data_is_refused():
    """Meta parameters have no gradients to measure."""
    with torch.device("meta"):
        model = nn.Conv2d(1, 1, 3)
    with pytest.raises(ModelError, match="meta device"):
        rfgraph.erf(model, (1, 1, 9, 9))
