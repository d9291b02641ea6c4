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

import rfgraph
from rfgraph.errors import InputError, NodeNotFoundError
from rfgraph.html import Finding, report_page
from rfgraph.html.png import encode_png
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


def test_every_shown_region_is_exact(analysis):
    """Positions, hulls and pixels are what `region` and `footprint` say, shared or not."""
    data = data_of(report_page(analysis, positions=4))
    for shown, node in zip(data["nodes"], analysis.nodes, strict=True):
        region = data["regions"][shown["region"]]
        places = [(i, j) for i in region["grid"][0] for j in region["grid"][1]]
        assert region["extent"] == [node.shape[a] for a in node.spatial_axes]
        assert len(places) == len(region["cells"])
        for place, (hull, unclipped) in zip(places, region["cells"], strict=True):
            exact = node.region(place)
            assert tuple(map(tuple, hull)) == exact.hull
            assert [tuple(p) if p else None for p in unclipped] == list(exact.unclipped)
        mask = np.zeros((24, 20), dtype=bool)
        if region["runs"] is None:
            (top, bottom), (left, right) = region["hull"]
            mask[top : bottom + 1, left : right + 1] = True
        else:
            for first, last, columns in region["runs"]:
                for a, b in zip(columns[::2], columns[1::2], strict=True):
                    mask[first : last + 1, a : b + 1] = True
        np.testing.assert_array_equal(mask, node.footprint(tuple(region["middle"])))


def test_cut_and_padded_nodes_do_not_share(analysis):
    """The same field, but zeros at the borders: exact regions are told apart."""

    def forward(x):
        return nn.functional.pad(x[..., 2:-2], (2, 2)) + 0

    cut = rfgraph.analyze(forward, (1, 1, 6, 9))
    data = data_of(report_page(cut, positions=9))
    last = data["regions"][data["nodes"][-1]["region"]]
    assert last["cells"][0][0] is None


@pytest.mark.parametrize("shape", [(1, 2, 30), (1, 2, 6, 8, 10)])
def test_other_numbers_of_axes(shape):
    """A line is drawn as a row; of a volume the last two axes are drawn."""
    conv = {3: nn.Conv1d, 5: nn.Conv3d}[len(shape)](2, 3, 3)
    data = data_of(report_page(rfgraph.analyze(conv, shape), positions=2))
    rows, columns = ((1, 30) if len(shape) == 3 else (8, 10))  # fmt: skip
    assert data["input"]["lengths"] == [rows, columns]
    assert data["regions"][-1]["cells"][0][0][1] == [0, 2]


def test_large_models_get_fewer_positions(monkeypatch):
    """Outermost modules come first; beyond the budget one position, then the pattern only."""
    stages = nn.Sequential(
        *(nn.Sequential(*(nn.Conv2d(1, 1, 3, padding=1) for _ in range(10))) for _ in range(3))
    )
    analysis = rfgraph.analyze(stages, (1, 1, 16, 16))

    def positions(budget):
        monkeypatch.setattr("rfgraph.html.sample._VISITS", budget)
        data = data_of(report_page(analysis))
        return {n["name"]: data["regions"][n["region"]] for n in data["nodes"]}

    assert {len(region["cells"]) for region in positions(10**6).values()} == {25}
    some = positions(3000)
    assert len(some["2.9"]["cells"]) == 25
    assert {len(region["cells"]) for region in some.values()} == {1, 25}
    few = positions(200)
    assert len(few["0.9"]["cells"]) == 1
    rough = [region for region in few.values() if region.get("pattern")]
    assert 0 < len(rough) < len(few)
    assert all(region["hull"] is None and region["cells"] == [] for region in rough)
    unclipped = analysis["2.8"].region((8, 8)).unclipped
    assert few["2.8"]["pattern"]
    assert [tuple(pair) for pair in few["2.8"]["unclipped"]] == list(unclipped)


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
        ({"positions": 0}, InputError, "at least 1; got 0"),
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
