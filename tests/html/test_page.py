"""The report page as text: what it holds, and that it holds everything it needs."""

import io
import json
import re
from html.parser import HTMLParser

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn
from torchvision.models import get_model

import rfgraph
from rfgraph.errors import InputError, NodeNotFoundError
from rfgraph.html import Finding, report_page
from rfgraph.html.png import encode_png
from rfgraph.html.regions import line_runs
from rfgraph.pictures import chart


class Gated(nn.Module):
    """A dilated layer with holes, a gate, and a name that could end the script."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 4, 3, stride=2, padding=1), nn.ReLU())
        self.body = nn.Conv2d(4, 4, 3, padding=2, dilation=2)

    def forward(self, x):
        y = self.body(self.stem(x))
        return y * y.mean((2, 3), keepdim=True)


@pytest.fixture(scope="module")
def analysis():
    return rfgraph.analyze(Gated(), (1, 3, 24, 20))


def data_of(page):
    """What the page's scripts read."""
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)
    return json.loads(found[1])


class Outline(HTMLParser):
    """Elements, ids, and everything that would be fetched."""

    def __init__(self):
        super().__init__()
        self.ids, self.fetched, self.open = [], [], []

    def handle_starttag(self, tag, attributes):
        named = dict(attributes)
        self.ids += [named["id"]] if "id" in named else []
        self.fetched += [named[key] for key in ("src", "href", "srcset", "action") if key in named]
        if tag not in {"meta", "link", "input", "br"}:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def test_one_file_that_fetches_nothing(analysis):
    """Well-formed, ids unique, no address but inline data, and a policy that forbids the rest."""
    page = report_page(analysis, image=chart(24, 20), title="A & <b>")
    outline = Outline()
    outline.feed(page)
    assert outline.open == []
    assert len(set(outline.ids)) == len(outline.ids)
    assert all(address.startswith("data:") for address in outline.fetched)
    assert "default-src 'none'" in page
    assert "<title>A &amp; &lt;b&gt;</title>" in page
    used = set(re.findall(r'byId\("([\w-]+)"\)', page))
    assert used <= set(outline.ids)
    assert not re.findall(r"%[A-Z]+%", page)


def test_nodes_and_edges_are_those_of_the_analysis(analysis):
    """Every number of the page comes from the analysis."""
    data = data_of(report_page(analysis))
    assert [node["name"] for node in data["nodes"]] == [node.name for node in analysis.nodes]
    names = [node["name"] for node in data["nodes"]]
    edges = {(names[s], node["name"]) for node in data["nodes"] for s in node["reads"]}
    assert edges == set(analysis.graph.edges)
    for shown, node in zip(data["nodes"], analysis.nodes, strict=True):
        assert tuple(shown["size"]) == node.field.size
        assert any(shown["global"]) == node.field.is_global
        largest = [shown["name"]]
        while (before := data["nodes"][names.index(largest[0])]["before"][1]) is not None:
            largest.insert(0, names[before])
        assert tuple(largest) == node.paths.largest


def spelled(data, number):
    """A line of the page's pool, written out."""
    line = []
    for count, advance, *firsts in data["lines"][number]:
        period = len(firsts)
        line += [firsts[i % period] + advance * (i // period) for i in range(count)]
    return line


def pair_at(data, ends, index):
    """(first, last) of one axis at a position, or None; as the page's own script reads them."""
    found = []
    for axes, number in ends:
        at = number
        for axis in axes:
            at = spelled(data, at)[index[axis]]
        found.append(at if axes else spelled(data, at)[0])
    return tuple(found) if found[0] <= found[1] else None


def region_at(data, name, index):
    """What the page says of one position: hull, and unclipped hull."""
    node = next(node for node in data["nodes"] if node["name"] == name)
    region = data["regions"][node["region"]]
    hull = [pair_at(data, ends, index) for ends in region["hull"]]
    unclipped = [pair_at(data, ends, index) for ends in region["unclipped"]]
    return None if None in hull else tuple(hull), unclipped


def assert_every_region(analysis, count=None, seed=0):
    """Assert that the page holds what `region` says, at all or at `count` positions of a node."""
    data = data_of(report_page(analysis))
    generator = np.random.default_rng(seed)
    checked = 0
    for shown, node in zip(data["nodes"], analysis.nodes, strict=True):
        extent = [node.shape[axis] for axis in node.spatial_axes]
        assert data["regions"][shown["region"]]["extent"] == extent
        places = list(np.ndindex(*extent))
        if count is not None and len(places) > count:
            chosen = generator.choice(len(places), count, replace=False)
            places = [places[0], places[-1], *(places[k] for k in chosen)]
        for place in places:
            exact = node.region(place, input=data["input"]["name"])
            hull = exact.hull
            unclipped = list(exact.unclipped)
            if len(unclipped) == 1:
                hull, unclipped = hull and ((0, 0), *hull), [(0, 0), *unclipped]
            assert region_at(data, node.name, place) == (hull and hull[-2:], unclipped[-2:])
            checked += 1
    assert checked > 0


def test_every_position_of_every_node_is_in_the_page(analysis):
    """Hulls with and without padding are what `region` says, everywhere."""
    assert_every_region(analysis)


class Windowed(nn.Module):
    """Attention within shifted windows: what a position sees depends on both of its indices."""

    def forward(self, x):
        y = torch.roll(nn.functional.pad(x, (1, 1, 1, 1)), (-2, -2), (2, 3))
        y = y.reshape(1, 2, 2, 4, 2, 4).permute(0, 2, 4, 3, 5, 1).reshape(4, 16, 2)
        y = torch.softmax(y @ y.transpose(1, 2), -1) @ y
        return y.reshape(1, 2, 2, 4, 4, 2).permute(0, 5, 1, 3, 2, 4).reshape(1, 2, 8, 8)


def causal(x):
    """A masked mix, in which every position sees what came before."""
    scores = torch.einsum("ncl,ncm->nlm", x, x)
    keep = torch.ones(x.shape[2], x.shape[2]).tril().bool()
    return scores.masked_fill(~keep, -torch.inf).softmax(-1) @ x.transpose(1, 2)


class Empty(nn.Module):
    """Padding around a layer of one tap: elements that see nothing, along both axes."""

    def __init__(self):
        super().__init__()
        self.one = nn.Conv2d(1, 2, 1, padding=2, stride=2)
        self.up = nn.ConvTranspose2d(2, 1, 2, stride=3)

    def forward(self, x):
        y = self.up(self.one(x))
        return torch.cat([y, y.flip(2)], 3) + y.mean()


class Reading(nn.Module):
    """Python code reads a value on the way, which all that follows may depend on."""

    def forward(self, x):
        y = nn.functional.avg_pool2d(x, 2)
        return y[..., 1:, :] * (2 if float(y[..., 0, 0].sum()) > 0 else 3)


@pytest.mark.parametrize(
    ("model", "shape", "options"),
    [
        (Windowed(), (1, 2, 6, 6), {}),
        (causal, (1, 2, 7), {}),
        (Empty(), (1, 1, 5, 6), {}),
        (Reading(), (1, 1, 8, 8), {"real": True}),
        (nn.Sequential(nn.Conv3d(1, 2, 3), nn.AvgPool3d(2)), (1, 1, 6, 8, 7), {}),
        (nn.Sequential(nn.Upsample(scale_factor=3, mode="bilinear"), nn.Conv2d(1, 1, 2)),
         (1, 1, 5, 4), {}),
        (nn.Sequential(nn.Conv2d(1, 1, 3, 1, 1, padding_mode="reflect"), nn.AdaptiveAvgPool2d(3)),
         (1, 1, 7, 5), {}),
        (lambda x: (x * 1, torch.arange(4.0)), (1, 1, 4, 4), {}),
    ],
    ids=["windows", "causal", "empty", "escape", "volume", "phases", "reflect", "unreached"],
)  # fmt: skip
def test_every_kind_of_map_is_in_the_page(model, shape, options):
    """Windows, masks, borders, holes and volumes: still what `region` says."""
    assert_every_region(rfgraph.analyze(model, shape, **options), count=25)


@pytest.mark.parametrize(
    "name",
    [
        "resnet18",
        pytest.param("googlenet", marks=pytest.mark.slow),
        pytest.param("swin_t", marks=pytest.mark.slow),
        pytest.param("deeplabv3_resnet50", marks=pytest.mark.slow),
    ],
)
def test_real_models_are_in_the_page(name):
    """Branches, concatenations, windows and dilation, at a few positions of every node."""
    options = {"init_weights": False} if name == "googlenet" else {}
    if name.startswith("deeplab"):
        options["weights_backbone"] = None
    model = get_model(name, weights=None, **options)
    assert_every_region(rfgraph.analyze(model, (1, 3, 96, 64)), count=1)


@pytest.mark.parametrize("seed", range(20))
def test_lines_come_back(seed):
    """Whatever the numbers, the runs spell them; a ramp is one run."""
    generator = np.random.default_rng(seed)
    line = np.concatenate([
        generator.integers(-9, 9, generator.integers(1, 9)),
        np.repeat(np.arange(generator.integers(1, 30)), generator.integers(1, 10)),
    ])  # fmt: skip
    data = {"lines": [line_runs(line)]}
    assert spelled(data, 0) == line.tolist()
    assert line_runs(np.arange(500) * 3) == [[500, 3, 0]]


def test_pixels_of_the_middle_are_the_footprint(analysis):
    """The runs say exactly what `footprint` says; a full box needs none."""
    data = data_of(report_page(analysis))
    holes = 0
    for shown, node in zip(data["nodes"], analysis.nodes, strict=True):
        middle = tuple(node.shape[axis] // 2 for axis in node.spatial_axes)
        runs = data["pixels"][shown["pixels"]]
        mask = np.zeros((24, 20), dtype=bool)
        if runs is None:
            (top, bottom), (left, right) = node.region(middle).hull
            mask[top : bottom + 1, left : right + 1] = True
        else:
            holes += 1
            for first, last, columns in runs:
                for a, b in zip(columns[::2], columns[1::2], strict=True):
                    mask[first : last + 1, a : b + 1] = True
        np.testing.assert_array_equal(mask, node.footprint(middle))
    assert holes


def test_large_models_have_fewer_pixels(monkeypatch):
    """Outermost modules come first; the boxes of all are there."""
    stages = nn.Sequential(
        *(nn.Sequential(*(nn.Conv2d(1, 1, 3, padding=1) for _ in range(10))) for _ in range(3))
    )
    analysis = rfgraph.analyze(stages, (1, 1, 16, 16))
    monkeypatch.setattr("rfgraph.html.pixels._VISITS", 200)
    data = data_of(report_page(analysis))
    pixels = {node["name"]: node["pixels"] for node in data["nodes"]}
    assert pixels["0.9"] is not None
    assert None in pixels.values()
    assert_every_region(analysis, count=2)


def test_data_cannot_end_its_element():
    """Names with markup stay data."""
    model = nn.Sequential()
    model.add_module("</script><script>alert(1)</script>", nn.Conv2d(1, 1, 3))
    page = report_page(
        rfgraph.analyze(model, (1, 1, 8, 8)),
        findings=[Finding("</script>", "<!--", severity="note")],
    )
    data = data_of(page)
    assert data["nodes"][-1]["name"].startswith("</script>")
    assert data["findings"][0]["title"] == "</script>"
    assert "alert(1)</script>" not in page


def test_pages_are_reproducible(analysis):
    """The same analysis is the same page."""
    assert report_page(analysis, image=chart(24, 20)) == report_page(analysis, image=chart(24, 20))


@pytest.mark.parametrize(
    ("options", "error", "says"),
    [
        ({"image": torch.rand(3, 8, 8)}, InputError, "picture has 8 × 8 pixels"),
        ({"influence": {"stem": np.ones((8, 8))}}, InputError, "influence on stem has 8 × 8"),
        ({"influence": {"stem": -np.ones((24, 20))}}, InputError, "non-negative"),
        ({"influence": {"none": np.ones((24, 20))}}, NodeNotFoundError, "none"),
        ({"findings": [Finding("a", node="none")]}, NodeNotFoundError, "none"),
        ({"findings": [Finding("a", severity="bad")]}, InputError, "not of severity 'bad'"),
    ],
)
def test_misuse_is_a_sentence(analysis, options, error, says):
    """What is wrong, and where."""
    with pytest.raises(error, match=says):
        report_page(analysis, **options)


@pytest.mark.parametrize("channels", [1, 3])
def test_pictures_come_back(channels):
    """What is encoded is what Pillow reads."""
    pixels = np.random.default_rng(0).integers(0, 256, (5, 7, channels), np.uint8)
    read = np.asarray(Image.open(io.BytesIO(encode_png(pixels))))
    np.testing.assert_array_equal(read.reshape(pixels.shape), pixels)
