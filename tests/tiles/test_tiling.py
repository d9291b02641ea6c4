"""Tile by tile equals the whole, and nothing narrower does."""

import random

import pytest
import torch
from torch import nn

import rfgraph
from rfgraph.errors import TilingError
from tests.tiles.networks import NETWORKS


def network(name):
    """The network with seeded weights, in double precision."""
    torch.manual_seed(7)
    build, dims, multiple = NETWORKS[name]
    model = build().double().eval()
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.normal_()
            module.running_var.uniform_(0.5, 2)
    return model, dims, multiple


def compare_random_shapes(name, seed, trials):
    """Tile random shapes with random tile sizes; equal to 1e-10 everywhere."""
    model, dims, multiple = network(name)
    draw = random.Random(f"{name} {seed}")
    shortest, longest, tiles = (28, 48, 40) if dims == 3 else (85, 170, 90)
    counts = []
    for trial in range(trials):
        steps = [draw.randrange(shortest // multiple, longest // multiple) for _ in range(dims)]
        shape = [n * multiple for n in steps]
        image = torch.randn(1, 1, *shape, dtype=torch.float64)
        tile = [draw.randrange(tiles * 3 // 4 + 6, tiles) for _ in range(dims)]
        plan = rfgraph.tiling(rfgraph.analyze(model, image), tile=tile)
        with torch.no_grad():
            whole = model(image)
        tiled = plan.run(model, image, batch_size=draw.choice([1, 3]), verify=trial < 4)
        assert torch.allclose(tiled, whole, rtol=0, atol=1e-10)
        counts.append(len(list(plan.tiles())))
    assert max(counts) > 1


@pytest.mark.parametrize("name", NETWORKS)
def test_random_shapes(name):
    """Two random shapes of each network."""
    compare_random_shapes(name, "few", 2)


@pytest.mark.slow
@pytest.mark.parametrize("name", NETWORKS)
def test_two_hundred_random_shapes(name):
    """23 random shapes of each network, more than 200 in all."""
    compare_random_shapes(name, "many", 23)


@pytest.mark.parametrize("name", NETWORKS)
def test_one_element_less_is_wrong(name):
    """In a tile cut on every side all that is kept is right, and the next element is not."""
    model, dims, _ = network(name)
    length = 96 if dims == 2 else 64
    image = torch.randn(1, 1, *[length] * dims, dtype=torch.float64)
    plan = rfgraph.tiling(
        rfgraph.analyze(model, image), tile=[60] * dims if dims == 2 else [44] * dims
    )
    starts = [a.modulus * (12 // a.modulus) for a in plan.axes]
    tile = image[(..., *(slice(s, s + a.tile) for s, a in zip(starts, plan.axes, strict=True)))]
    with torch.no_grad():
        whole, part = model(image), model(tile)
    offsets = [int(s / a.jump) for s, a in zip(starts, plan.axes, strict=True)]
    there = whole[(..., *(slice(o, o + n) for o, n in zip(offsets, part.shape[2:], strict=True)))]
    differs = (part - there).abs() > 1e-10
    kept = [slice(a.crop[0], n - a.crop[1]) for a, n in zip(plan.axes, part.shape[2:], strict=True)]
    assert not differs[(..., *kept)].any()
    for k, a in enumerate(plan.axes):
        for side, place in ((0, a.crop[0] - 1), (1, part.shape[k + 2] - a.crop[1])):
            if a.crop[side]:
                assert differs.select(k + 2, place).any()


def test_float32_agrees_within_rounding():
    """Single precision differs by accumulated rounding only."""
    model, _, _ = network("resnet")
    model, image = model.float(), torch.randn(1, 1, 131, 150)
    plan = rfgraph.tiling(rfgraph.analyze(model, image), tile=90)
    with torch.no_grad():
        assert torch.allclose(plan.run(model, image), model(image), rtol=1e-4, atol=1e-5)


def test_a_plan_holds_for_other_images_of_its_class():
    """A plan for one length holds for all that agree with it modulo its modulus, and says so."""
    model, _, _ = network("unet valid")
    plan = rfgraph.tiling(rfgraph.analyze(model, (1, 1, 80, 81)), tile=40)
    image = torch.randn(2, 1, 102, 95, dtype=torch.float64)
    with torch.no_grad():
        assert torch.allclose(plan.run(model, image), model(image), rtol=0, atol=1e-10)
    with pytest.raises(TilingError, match="lengths equal to 0 modulo 2 along axis 2; got 103"):
        plan.run(model, torch.randn(1, 1, 103, 95, dtype=torch.float64))


def test_an_inner_module_and_the_memory_budget():
    """A module's tensor is computed without the rest being exact; the budget bounds the tile."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), nn.MaxPool2d(2), nn.AdaptiveAvgPool2d(1))
    analysis = rfgraph.analyze(model, (1, 1, 64, 96))
    plan = rfgraph.tiling(analysis, "1", memory=20_000)
    assert plan.bytes <= 20_000 < rfgraph.tiling(analysis, "1", memory=10**9).bytes
    image = torch.randn(1, 1, 64, 96)
    model.train()
    assert torch.allclose(plan.run(model, image), model[1](model[0](image)), atol=1e-6)
    assert model.training


def test_progress_is_shown_on_standard_error(capsys):
    """The bar goes to standard error, and only when it is asked for."""
    model = nn.Conv1d(1, 1, 3, padding=1)
    plan = rfgraph.tiling(rfgraph.analyze(model, (1, 1, 50)), tile=20)
    plan.run(model, torch.randn(1, 1, 50))
    assert capsys.readouterr() == ("", "")
    plan.run(model, torch.randn(1, 1, 50), progress=True)
    out, err = capsys.readouterr()
    assert out == ""
    assert f"{plan.node}\n" in err


class Positions(nn.Module):
    def __init__(self):
        super().__init__()
        self.table = nn.Parameter(torch.randn(1, 1, 60, 60))

    def forward(self, x):
        return x + self.table[:, :, : x.shape[2], : x.shape[3]]


class Mirrored(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 1, 3, padding=1)

    def forward(self, x):
        return self.conv(x.flip(2)).flip(2)


REFUSED = {
    "mirrored": (Mirrored(), "moves forward"),
    "norm": (
        nn.Sequential(nn.Conv2d(1, 2, 3, padding=1), nn.GroupNorm(1, 2)),
        "1 mixes the whole axis",
    ),
    "circular": (
        nn.Conv2d(1, 1, 3, padding=1, padding_mode="circular"),
        "no pattern|read positions of the other",
    ),
    "corners": (
        nn.Upsample(scale_factor=2, mode="bilinear", align_corners=True),
        "No tile shorter than the 60",
    ),
    "adaptive": (nn.AdaptiveAvgPool2d(10), "looks at the size"),
    "positions": (Positions(), "constants that differ from position to position"),
}
"""A model that no tile does justice to, and why."""


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_exact_is_refused_with_the_node(name):
    """No plan, or no run, but a sentence."""
    model, reason = REFUSED[name]
    image = torch.randn(1, 1, 60, 60)
    with pytest.raises(TilingError, match=reason):
        rfgraph.tiling(rfgraph.analyze(model, image), tile=24).run(model, image)


def test_bad_requests():
    """Neither or both of tile and memory, a tile too small, a wrong number of lengths."""
    analysis = rfgraph.analyze(nn.Conv2d(1, 1, 9, padding=4), (1, 1, 60, 60))
    for options in ({}, {"tile": 3, "memory": 4}):
        with pytest.raises(TilingError, match="Give either"):
            rfgraph.tiling(analysis, **options)
    with pytest.raises(TilingError, match="the smallest tile is 9"):
        rfgraph.tiling(analysis, tile=8)
    with pytest.raises(TilingError, match="one for each of the 2 analysed axes"):
        rfgraph.tiling(analysis, tile=(20, 20, 20))
    with pytest.raises(TilingError, match="more than the 100 allowed"):
        rfgraph.tiling(analysis, memory=100)
