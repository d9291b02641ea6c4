"""Every kind of figure looks as it did when a person looked at it."""

import numpy as np
import pytest
import torch
from sklearn.datasets import load_sample_image
from torch import nn

import rfgraph
from rfgraph import plot
from rfgraph.effective import EffectiveField
from rfgraph.effective.gaussian import fit_gaussian
from rfgraph.effective.mass import mass_table
from rfgraph.errors import InputError
from rfgraph.pictures import chart
from rfgraph.plot.growth import growth_steps
from tests.plot.looks import assert_looks_like

SIDE = 64


class Forked(nn.Module):
    """A stem, then a wide and a shifted narrow branch, joined, pooled and classified."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 5, stride=2, padding=2)
        self.wide = nn.Conv2d(8, 8, 3, padding=3, dilation=3)
        self.narrow = nn.Conv2d(8, 8, 2)
        self.deep = nn.Sequential(nn.Conv2d(8, 12, 5, 2, 2), nn.ReLU(), nn.Conv2d(12, 12, 5, 2, 2))
        self.last = nn.Conv2d(12, 12, 3, padding=1)

    def forward(self, x):
        y = self.stem(x).relu()
        narrow = nn.functional.pad(self.narrow(y), (0, 1, 0, 1))
        y = self.last(self.deep(self.wide(y) + narrow))
        return y.mean((2, 3))


@pytest.fixture(scope="module")
def model():
    """Filters that look like filters, without a random number generator."""
    model = Forked().eval()
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.dim() == 4:
                out, inputs, height, width = parameter.shape
                o = torch.arange(out).reshape(-1, 1, 1, 1)
                c = torch.arange(inputs).reshape(1, -1, 1, 1)
                y = torch.arange(height).reshape(1, 1, -1, 1) - (height - 1) / 2
                x = torch.arange(width).reshape(1, 1, 1, -1) - (width - 1) / 2
                turned = x * torch.cos(o * np.pi / 4) + y * torch.sin(o * np.pi / 4)
                wave = torch.cos(1.6 * turned + o + 0.7 * c) * torch.exp(-(x**2 + y**2) / 6)
                parameter.copy_(wave / (0.5 * inputs * height))
            else:
                parameter.zero_()
    return model


@pytest.fixture(scope="module")
def analysis(model):
    return rfgraph.analyze(model, (1, 3, SIDE, SIDE))


@pytest.fixture(scope="module")
def photograph():
    """Part of the flower inside scikit-learn (by vultilion, CC BY 2.0), (H, W, 3) bytes."""
    return load_sample_image("flower.jpg")[100:356:4, 240:496:4]


@pytest.fixture(scope="module")
def recording(model, photograph):
    x = torch.tensor(photograph).permute(2, 0, 1)[None] / 255
    with torch.no_grad(), rfgraph.record(model) as recording:
        model(x)
    return recording


def test_feature_maps(recording, photograph, tmp_path):
    """All channels beside the input, each to its own scale, by number."""
    figure = plot.feature_maps(recording, "stem", image=photograph)
    assert_looks_like(figure, "feature-maps", tmp_path)


def test_feature_maps_by_variance_on_one_scale(recording, tmp_path):
    """The four channels that vary most, comparable with each other."""
    figure = plot.feature_maps(recording, "deep.1", order="variance", scale="layer", limit=4)
    assert_looks_like(figure, "feature-maps-layer", tmp_path)


def test_kernels(model, tmp_path):
    """Kernels over three channels in colour, over one by sign."""
    assert_looks_like(plot.kernels(model.stem), "kernels", tmp_path)
    assert_looks_like(plot.kernels(model.wide, input_channel=2), "kernels-sign", tmp_path)


def test_pooling(recording, tmp_path):
    """The same map by maximum and by average."""
    figure = plot.pooling(recording["stem"][0, 1].relu(), 4)
    assert_looks_like(figure, "pooling", tmp_path)


def test_fields(analysis, photograph, tmp_path):
    """Nested boxes, thin where they count padding."""
    names = ["stem", "wide", "deep", "last"]
    figure = plot.fields(analysis, names, pixel=(20, 28), image=photograph)
    assert_looks_like(figure, "fields", tmp_path)


def test_footprint(analysis, tmp_path):
    """Holes of a dilated convolution, on the chart."""
    figure = plot.footprint(analysis["wide"], image=chart(SIDE, SIDE))
    assert_looks_like(figure, "footprint", tmp_path)


def test_density(analysis, photograph, tmp_path):
    """Path shares beside the box, on the picture and alone."""
    assert_looks_like(plot.density(analysis["deep"], image=photograph), "density", tmp_path)


def test_influence(tmp_path):
    """A measured heat map beside a theoretical box."""
    row, column = np.mgrid[0:SIDE, 0:SIDE]
    values = np.exp(-((row - 30) ** 2 + (column - 34) ** 2) / 60)
    figure = plot.influence(values, [(10, 50), (14, 54)], title="Gradient of one element")
    assert_looks_like(figure, "influence", tmp_path)


def test_erf(analysis, photograph, tmp_path):
    """Influence that is not centred, beside the exact box, its Gaussian and both profiles."""
    node = analysis["deep"]
    region = node.region((4, 6))
    row, column = np.mgrid[0:SIDE, 0:SIDE]
    values = np.exp(-((row - 30) ** 2) / 90 - (column - 44) ** 2 / 30)
    (top, bottom), (left, right) = region.hull
    values[:top], values[bottom + 1 :], values[:, :left], values[:, right + 1 :] = 0, 0, 0, 0
    shares = values / values.sum()
    found = EffectiveField(
        node=node, position=(4, 6), input="x", axes=(2, 3), values=values, samples=1,
        source="a drawn map", gaussian=fit_gaussian(shares),
        masses=mass_table(shares, (30, 44), (0.2, 0.3, 0.5, 0.99)), region=region,
    )  # fmt: skip
    assert_looks_like(plot.erf(found), "erf", tmp_path)
    assert_looks_like(plot.erf(found, image=photograph), "erf-picture", tmp_path)


def test_erf_of_a_running_model(model, tmp_path):
    """What `rfgraph.erf` returns is drawn, a single pixel too."""
    found = rfgraph.erf(model, (1, 3, 24, 24), "last", draws=1)
    plot.save(plot.erf(found), tmp_path / "figure.png", dpi=40)
    one = rfgraph.erf(nn.Sequential(nn.Conv2d(1, 1, 1)), (1, 1, 5, 5), draws=1)
    plot.save(plot.erf(one), tmp_path / "one.png", dpi=40)
    line = rfgraph.erf(nn.Sequential(nn.Conv1d(1, 1, 3)), (1, 1, 9), draws=1)
    with pytest.raises(InputError, match="has 1 analysed axes, not 2"):
        plot.erf(line)


def test_graph(analysis, tmp_path):
    """Branches stand side by side, a longer edge passes the rows between, the last is global."""
    assert_looks_like(plot.graph(analysis, depth=2), "graph", tmp_path)


class Shared(nn.Module):
    """A module that runs twice, between which something else reads it, and a loop of names."""

    def __init__(self):
        super().__init__()
        self.one = nn.Conv2d(1, 1, 3, padding=1)
        self.two = nn.Conv2d(1, 1, 5, padding=2)

    def forward(self, x):
        return self.one(self.two(self.one(x))) + x


def test_graphs_with_modules_that_run_twice(tmp_path):
    """Edges back to a module are drawn, and rows stay finite."""
    analysis = rfgraph.analyze(Shared(), (1, 1, 8, 8))
    figure = plot.graph(analysis)
    plot.save(figure, tmp_path / "figure.png", dpi=40)
    shown = {text.get_text() for text in figure.axes[0].texts}
    assert {"x", "one", "two", "add", "Conv2d · 9", "Conv2d · 7"} <= shown


def test_branches(analysis, photograph, tmp_path):
    """A wide branch, and a narrow one that is shifted against it."""
    assert_looks_like(plot.branches(analysis["add"], image=photograph), "branches", tmp_path)


def test_projection(analysis, photograph, tmp_path):
    """The cone above one pixel."""
    names = ["stem", "wide", "deep", "last"]
    figure = plot.projection(analysis, names, pixel=(20, 28), image=photograph)
    assert_looks_like(figure, "projection", tmp_path)


def test_growth(model, tmp_path):
    """Sizes, the input, unproductive operators and the global one."""
    figure = plot.growth(rfgraph.analyze(model, (1, 3, 32, 32)))
    assert_looks_like(figure, "growth", tmp_path)


def test_unproductive_operators(model):
    """The first operator that is unproductive is the one after the field covers the input."""
    steps = growth_steps(rfgraph.analyze(model, (1, 3, 32, 24)), "x")
    assert [step.node.name for step in steps] == [
        "stem", "narrow", "wide", "deep.0", "deep.2", "last",
    ]  # fmt: skip
    assert [step.size for step in steps][-3:] == [(25, 25), (41, 41), (57, 57)]
    assert [step.unproductive for step in steps][-3:] == [
        (False, False), (False, True), (True, True),
    ]  # fmt: skip


def test_growth_on_an_oblong(model, tmp_path):
    """One curve for both axes, two input sizes, half marks in between."""
    figure = plot.growth(rfgraph.analyze(model, (1, 3, 64, 24)))
    assert_looks_like(figure, "growth-oblong", tmp_path)


def test_the_comparison_sees_a_difference(recording, tmp_path, monkeypatch):
    """A figure of something else does not pass."""
    monkeypatch.delenv("RFGRAPH_UPDATE_IMAGES", raising=False)
    with pytest.raises(AssertionError):
        assert_looks_like(plot.feature_maps(recording, "wide"), "feature-maps-layer", tmp_path)


def long_chain():
    """The analysis of two hundred layers in a row."""
    return rfgraph.analyze(nn.Sequential(*(nn.Conv2d(1, 1, 1) for _ in range(201))), (1, 1, 4, 4))


@pytest.mark.parametrize("count", [1, 4, 5, 64, 512, 2048])
def test_any_number_of_channels_fits(count, tmp_path):
    """From one to thousands, on a page that is neither a ribbon nor a tower."""
    maps = {"x": np.random.default_rng(0).random((1, count, 7, 7))}
    figure = plot.feature_maps(maps, "x", limit=None)
    width, height = figure.get_size_inches()
    assert 0.2 < height / width < 1.8
    plot.save(figure, tmp_path / "figure.png", dpi=40)


def test_bands_of_one_dimension(tmp_path):
    """Channels along a line are bands one under the other."""
    maps = {"x": np.random.default_rng(0).random((1, 12, 40))}
    figure = plot.feature_maps(maps, "x")
    plot.save(figure, tmp_path / "figure.png", dpi=40)
    assert figure.axes[0].get_title().startswith("x: 12 channels of 1 × 40")


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda r, a: plot.feature_maps(r, "stem", order="size"), "no order 'size'"),
        (lambda r, a: plot.feature_maps(r, "stem", scale="log"), "no scale 'log'"),
        (lambda r, a: plot.feature_maps(r, "stem", limit=0), "at least 1; got 0"),
        (lambda r, a: plot.feature_maps(r, "stem", sample=1), "there is no sample 1"),
        (lambda r, a: plot.feature_maps({"x": np.ones((2, 3))}, "x"), r"x is of shape \(2, 3\)"),
        (lambda r, a: plot.feature_maps({"x": (1, [2])}, "x"), "x is a tuple"),
        (lambda r, a: plot.feature_maps({"x": np.full((1, 1, 2, 2), np.nan)}, "x"), "not finite"),
        (lambda r, a: plot.kernels(np.ones((4, 8, 3, 3))), "choose one by input_channel="),
        (lambda r, a: plot.kernels(np.ones((4, 8, 3, 3)), input_channel=8), "no input channel 8"),
        (lambda r, a: plot.kernels(nn.Linear(3, 3)), "got Linear of shape"),
        (lambda r, a: plot.pooling(np.ones((3, 3)), 4), "does not fit a map of shape"),
        (lambda r, a: plot.pooling(np.ones((1, 3, 3))), "plane of finite numbers"),
        (lambda r, a: plot.fields(a, []), "no node is given"),
        (lambda r, a: plot.fields(a, "stem", image=np.ones((9, 9))), "has 9 × 9 pixels"),
        (lambda r, a: plot.branches(a["last"]), "nearest above it is add"),
        (lambda r, a: plot.influence(np.zeros((3, 3))), "no pixel has any influence"),
        (lambda r, a: plot.influence(-np.ones((3, 3))), "none negative"),
        (lambda r, a: plot.projection(a, []), "no node is given"),
        (lambda r, a: plot.projection(a, "mean"), "has 0 spatial axes"),
        (lambda r, a: plot.growth(a, input="y"), "no input 'y'"),
        (lambda r, a: plot.graph(a, depth=0), "at least 1; got 0"),
        (lambda r, a: plot.graph(long_chain()), "202 boxes are more than the 120"),
    ],
)
def test_misuse_is_a_sentence(recording, analysis, call, says):
    """What cannot be drawn is told, in one sentence."""
    with pytest.raises(InputError, match=says):
        call(recording, analysis)


def test_planes_only():
    """Fields of a sequence have no picture to lie on."""
    node = rfgraph.analyze(nn.Conv1d(1, 1, 3), (1, 1, 8)).output()
    with pytest.raises(InputError, match="has 1 analysed axes, not 2"):
        plot.footprint(node)
