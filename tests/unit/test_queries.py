"""Density, projection and fields between nodes, against gradients and hand-made truths."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

import rfgraph
from rfgraph.errors import IndexRangeError, InputError, NodeNotFoundError


class Branched(nn.Module):
    """Strided, dilated, padded and joined paths without nonlinearity."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(2, 4, 3, stride=2, padding=1, bias=False)
        self.wide = nn.Conv2d(4, 6, (1, 5), padding=(0, 2), groups=2, bias=False)
        self.tall = nn.Conv2d(4, 3, (5, 1), padding=(2, 0), bias=False)
        self.dilated = nn.Conv2d(9, 5, 3, padding=2, dilation=2, bias=False)
        self.up = nn.ConvTranspose2d(5, 2, 3, stride=2, output_padding=1, padding=1, bias=False)

    def forward(self, x):
        y = self.stem(x)
        y = torch.cat([self.wide(y), self.tall(y)], 1)
        y = functional.pad(self.dilated(y), (1, 1, 1, 1), mode="reflect")[:, :, 1:-1, 1:-1]
        return self.up(y) + x.sum(1, keepdim=True)


def gradient_of_ones(model, shape, index):
    """The gradient of one position, over all channels, in a network whose weights are all one."""
    for parameter in model.parameters():
        nn.init.ones_(parameter)
    x = torch.zeros(shape, dtype=torch.float64, requires_grad=True)
    model.double()(x)[(slice(None), slice(None), *index)].sum().backward()
    return x.grad.sum((0, 1)).numpy()


@pytest.mark.parametrize("index", [(0, 0), (7, 4), (8, 9), (15, 13)])
def test_density_is_the_gradient_under_uniform_weights(index):
    """Luo et al. 2016, section 2.1: counts of paths are what backpropagation through ones gives."""
    shape = (1, 2, 16, 14)
    seen = rfgraph.analyze(Branched(), shape).output().density(index)
    truth = gradient_of_ones(Branched(), shape, index)
    np.testing.assert_allclose(seen, truth / truth.sum(), rtol=1e-12)


def test_density_of_a_deep_network_neither_overflows_nor_vanishes():
    """600 layers of 64 channels have 10^1600 paths; three-tap rows make a binomial-like hill."""
    model = nn.Sequential(*(nn.Conv1d(64, 64, 3, padding=1) for _ in range(600)))
    density = rfgraph.analyze(model, (1, 64, 101)).output().density(50)
    assert density.sum() == pytest.approx(1)
    assert density.argmax() == 50
    np.testing.assert_allclose(density, density[::-1], rtol=1e-9)


def test_the_forward_question_follows_what_python_read():
    """Through operators that lead to nothing but the number that was read, too."""

    def model(x):
        return x * (x[..., 1:3] * 2).sum().item()

    analysis = rfgraph.analyze(model, torch.rand(1, 1, 5), real=True)
    reached = [analysis.output().projection(k).tolist() for k in range(5)]
    assert reached == [[k in (1, 2, i) for i in range(5)] for k in range(5)]


def test_what_python_read_is_seen_from_the_node_it_was_read_of():
    """No edge leads from there to what it steers."""

    class Steered(nn.Module):
        def __init__(self):
            super().__init__()
            self.gate = nn.Conv1d(1, 1, 3)
            self.body = nn.Conv1d(1, 1, 3)

        def forward(self, x):
            strength = self.gate(x).mean().item()
            return self.body(x) * strength

    analysis = rfgraph.analyze(Steered(), torch.rand(1, 1, 5), real=True)
    seen = analysis.between("gate", "mul")
    assert seen.status is rfgraph.Status.BOUND
    assert seen.footprint(1).tolist() == [True, True, True]


def test_what_python_read_has_density_wherever_it_has_a_footprint():
    """All of the input steers the branch; the element itself is one path more."""

    class Steered(nn.Module):
        def forward(self, x):
            return x + 1 if x.mean().item() > 0 else x - 1

    node = rfgraph.analyze(Steered(), torch.rand(1, 1, 5), real=True).output()
    density = node.density(2)
    assert ((density > 0) == node.footprint(2)).all()
    assert node.footprint(2).all()
    np.testing.assert_allclose(density, [1 / 6, 1 / 6, 2 / 6, 1 / 6, 1 / 6])


def test_operands_that_stand_twice_count_twice():
    """X + x is two paths, x + y one each."""

    def forward(x):
        return (x + x)[..., :3] + x[..., 1:4]

    density = rfgraph.analyze(forward, (1, 1, 4)).output().density(0)
    np.testing.assert_allclose(density, [2 / 3, 1 / 3, 0, 0])


def test_density_in_scope():
    """The gate's paths count in total only."""

    def forward(x):
        return x * x.mean((2, 3), keepdim=True)

    node = rfgraph.analyze(forward, (1, 3, 4, 4)).output()
    assert np.count_nonzero(node.density((1, 2))) == 16
    assert np.count_nonzero(node.density((1, 2), scope="local")) == 1


def test_projection_is_the_footprint_read_the_other_way():
    """An input position reaches exactly the elements whose footprint holds it."""
    analysis = rfgraph.analyze(Branched(), (1, 2, 16, 14))
    for name in ("stem", "dilated", "output"):
        node = analysis.output() if name == "output" else analysis[name]
        extent = [node.shape[axis] for axis in node.spatial_axes]
        prints = {index: node.footprint(index) for index in np.ndindex(*extent)}
        for position in [(0, 0), (7, 6), (15, 13), (3, 12)]:
            seen = node.projection(position)
            assert seen.shape == tuple(extent)
            for index, mask in prints.items():
                assert seen[index] == mask[position]


def test_an_unread_pixel_projects_to_nothing():
    """A stride larger than the kernel skips pixels."""
    node = rfgraph.analyze(nn.Conv1d(1, 1, 1, stride=2), (1, 1, 8)).output()
    assert not node.projection(3).any()
    assert node.projection(-2).tolist() == [False, False, False, True]


def test_projection_checks_its_index():
    """Positions are those of the input."""
    node = rfgraph.analyze(nn.Conv1d(1, 1, 3), (1, 1, 8)).output()
    with pytest.raises(IndexRangeError, match="outside input"):
        node.projection(8)


def test_between_two_nodes():
    """The field of layer4 in coordinates of layer2: resnet18's last two stages."""
    from torchvision.models import resnet18

    analysis = rfgraph.analyze(resnet18(weights=None), (1, 3, 224, 224))
    node = analysis.between("layer2", "layer4")
    # Two stages of four 3x3 convolutions, the first of each with stride 2:
    # 1 + 2 + 3 (2 * 2) + 2 * 2 + 3 (2 * 4) = 43.
    assert node.field.size == (43, 43)
    assert node.field.jump == (4, 4)
    alone = rfgraph.analyze(
        nn.Sequential(resnet18(weights=None).layer3, resnet18(weights=None).layer4),
        (1, 128, 28, 28),
    ).output()
    assert node.field.size == alone.field.size
    assert node.field.start == alone.field.start
    assert node.region((3, 3)).hull == alone.region((3, 3)).hull
    assert (node.footprint((0, 6)) == alone.footprint((0, 6))).all()
    np.testing.assert_allclose(node.density((2, 2)), alone.density((2, 2)))


def test_between_keeps_apart_what_bypasses_the_source():
    """Only paths through the source count."""
    analysis = rfgraph.analyze(Branched(), (1, 2, 16, 14))
    node = analysis.between("wide", "dilated")
    assert node.field.size == (5, 5)
    assert analysis.between("wide", "wide").field.size == (1, 1)


def test_between_bad_pairs():
    """One sentence each."""
    analysis = rfgraph.analyze(
        nn.Sequential(nn.Conv1d(1, 1, 3), nn.AdaptiveAvgPool1d(1), nn.Flatten(), nn.Linear(1, 2)),
        (1, 1, 8),
    )
    with pytest.raises(NodeNotFoundError, match="does not depend on"):
        analysis.between("1", "0")
    with pytest.raises(NodeNotFoundError, match="No node or module"):
        analysis.between("nothing", "0")
    with pytest.raises(InputError, match="no spatial axis"):
        analysis.between("2", "3")
