"""The report page in a real browser: headless Chromium, driven by Playwright."""

import os
import shutil
import time

import numpy as np
import pytest
import torch
from torch import nn
from torchvision.models import resnet18

import rfgraph
from rfgraph.html import Finding, report_page
from rfgraph.pictures import chart

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
pytestmark = pytest.mark.skipif(not CHROMIUM, reason="there is no Chromium; set CHROMIUM")


@pytest.fixture(scope="module")
def browser():
    with sync_api.sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield started
        started.close()


@pytest.fixture(scope="module")
def analysis():
    return rfgraph.analyze(resnet18(weights=None), (1, 3, 96, 96))


@pytest.fixture(scope="module")
def address(analysis, tmp_path_factory):
    path = tmp_path_factory.mktemp("report") / "report.html"
    page = report_page(
        analysis,
        image=chart(96, 96),
        title="resnet18",
        findings=[Finding("padding", "half of it is padding", "layer4")],
        influence={"layer2": analysis["layer2"].density((6, 6))},
    )
    path.write_text(page, encoding="utf-8")
    return path.as_uri()


@pytest.fixture
def page(browser, address):
    """The open page; afterwards, no error was logged and nothing was fetched."""
    context = browser.new_context(viewport={"width": 1400, "height": 1000})
    opened = context.new_page()
    errors, requests = [], []
    opened.on("console", lambda message: errors.append(message.text))
    opened.on("pageerror", lambda error: errors.append(str(error)))
    opened.on("request", lambda request: requests.append(request.url))
    opened.goto(address)
    opened.wait_for_function("document.documentElement.dataset.ready")
    yield opened
    context.close()
    assert errors == []
    assert [url for url in requests if not url.startswith("data:")] == [address]


def pixels(page):
    """The canvas as it is drawn now."""
    return page.evaluate("document.getElementById('picture').toDataURL()")


def test_hovering_draws_the_field(page, analysis):
    """Of what the pointer is on, and of what is chosen when it leaves."""
    chosen = pixels(page)
    page.hover('.item[data-node="conv1"]')
    conv1 = pixels(page)
    assert conv1 != chosen
    (top, bottom), (left, right) = analysis["conv1"].region((24, 24)).hull
    text = page.inner_text("#region")
    assert text == f"Element [24, 24] sees rows {top} … {bottom}, columns {left} … {right}."
    page.hover("#title")
    assert pixels(page) == chosen


def test_choosing_shows_facts(page, analysis):
    """A click in the graph chooses: name, facts, tree, table and path follow."""
    page.click('.item[data-node="layer2.1.relu_1"]')
    assert page.inner_text("#node-name") == "layer2.1.relu_1"
    assert "99 px" in page.inner_text("#facts")
    assert page.get_attribute("tbody tr.chosen", "data-node") == str(
        [node.name for node in analysis.nodes].index("layer2.1.relu_1")
    )
    assert "layer2" in page.inner_text('#tree [aria-selected="true"] > .label')
    on_path = page.eval_on_selector_all(".item.on-path", "all => all.map(x => x.dataset.node)")
    assert on_path == ["x", "conv1", "bn1", "relu", "maxpool", "layer1.1.relu_1", "layer2.1.relu_1"]
    page.select_option("#path", "")
    assert page.locator(".item.on-path").count() == 0


def test_a_position_shows_its_exact_region(page, analysis):
    """Pointing at a position, a click, keys and numbers: each shows that element's own region."""
    node = analysis["layer1.1.relu_1"]
    page.click('.item[data-node="layer1.1.relu_1"]')
    middle = page.inner_text("#region")

    def said(place):
        region = node.region(place)
        (top, bottom), (left, right) = region.hull
        text = (
            f"Element [{place[0]}, {place[1]}] sees rows {top} … {bottom}, columns {left} … {right}"
        )
        if region.unclipped != region.hull:
            (top, bottom), (left, right) = region.unclipped
            text += f"; with padding rows {top} … {bottom}, columns {left} … {right}"
        return text + "."

    page.locator("#map").scroll_into_view_if_needed()
    area = page.locator("#map").bounding_box()

    def point(row, column):
        x = area["x"] + (column + 0.5) * area["width"] / node.shape[3]
        page.mouse.move(x, area["y"] + (row + 0.5) * area["height"] / node.shape[2])

    point(1, 22)
    assert page.inner_text("#region") == said((1, 22))
    page.hover("#title")
    assert page.inner_text("#region") == middle == said((12, 12))
    area = page.locator("#map").bounding_box()
    point(0, 3)
    page.mouse.down()
    page.mouse.up()
    assert page.inner_text("#region") == said((0, 3))
    page.hover("#title")
    assert page.inner_text("#region") == said((0, 3))
    page.focus("#map")
    for key, place in {
        "ArrowUp": (0, 3), "ArrowDown": (1, 3), "ArrowLeft": (1, 2), "End": (1, 23),
        "ArrowRight": (1, 23), "PageDown": (23, 23), "Home": (23, 0), "PageUp": (0, 0),
    }.items():  # fmt: skip
        page.keyboard.press(key)
        assert page.inner_text("#region") == said(place)
    page.fill("#index input >> nth=0", "7")
    page.keyboard.press("Tab")
    assert page.inner_text("#region") == said((7, 0))
    page.fill("#index input >> nth=1", "99")
    page.keyboard.press("Tab")
    assert page.inner_text("#region") == said((7, 23))


def test_positions_that_see_other_windows(browser, tmp_path):
    """Tables over both axes, as shifted windows have them, are read as they were written."""
    analysis = rfgraph.analyze(
        nn.Sequential(Rolled(), nn.Conv2d(1, 1, 3, padding=1)), (1, 1, 12, 12)
    )
    path = tmp_path / "windows.html"
    path.write_text(report_page(analysis), encoding="utf-8")
    page = browser.new_page()
    page.goto(path.as_uri())
    page.wait_for_function("document.documentElement.dataset.ready")
    page.click("tbody tr:last-child")
    seen = set()
    for place in [(0, 0), (2, 5), (5, 11), (11, 11), (7, 1)]:
        for axis, i in enumerate(place):
            page.fill(f"#index input >> nth={axis}", str(i))
            page.keyboard.press("Tab")
        (top, bottom), (left, right) = analysis.output().region(place).hull
        text = page.inner_text("#region")
        assert text.startswith(
            f"Element [{place[0]}, {place[1]}] sees rows {top} … {bottom}, columns {left} … {right}"
        )
        seen.add(((top, bottom), (left, right)))
    assert len(seen) > 2
    page.close()


def test_modules_open(page):
    """A double click, or Space, lays out what is inside; everything can be closed again."""
    before = page.locator(".item").count()
    page.dblclick('.item.module[data-node="layer1.1.relu_1"]')
    inside = page.locator(".item").count()
    assert inside == before + 1
    page.focus('.item.module[data-node="layer1.0.relu_1"]')
    page.keyboard.press("Space")
    assert page.locator(".item").count() > inside
    assert page.locator('.item[data-node="layer1.0.add"]').count() == 1
    page.click("#collapse")
    assert page.locator(".item").count() == before


def test_searching(page, analysis):
    """Names, types and operators; Enter walks through the matches; Escape ends."""
    page.keyboard.press("/")
    page.keyboard.type("maxpool2d")
    assert page.inner_text("#matches") == f"1 of {len(analysis)} nodes"
    assert page.locator("tbody tr:visible").count() == 1
    page.keyboard.press("Enter")
    assert page.inner_text("#node-name") == "maxpool"
    page.keyboard.press("Escape")
    assert page.locator("tbody tr[hidden]").count() == 0


def test_the_tree_by_keyboard(page):
    """Arrows move, open and close; Enter chooses."""
    page.focus("#tree li >> nth=0")
    for key in ("End", "Home", "ArrowDown", "Enter"):
        page.keyboard.press(key)
    assert page.inner_text("#node-name") == "conv1"
    for _ in range(4):
        page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    assert page.inner_text("#node-name") == "layer1.0.relu_1"
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")
    assert page.evaluate("document.activeElement.getAttribute('aria-expanded')") == "false"


def test_the_graph_by_keyboard(page):
    """Arrows follow the edges, Enter chooses."""
    page.focus('.item[data-node="conv1"]')
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    assert page.inner_text("#node-name") == "bn1"


def test_zooming(page):
    """Buttons and wheel change the scale, Fit brings it back."""
    transform = "document.querySelector('#graph > g').getAttribute('transform')"
    fitted = page.evaluate(transform)
    page.click("#zoom-in")
    assert page.evaluate(transform) != fitted
    page.hover("#graph")
    page.mouse.wheel(0, 300)
    page.click("#fit")
    assert page.evaluate(transform) == fitted


def test_sorting(page):
    """A click sorts, another turns round; numbers sort as numbers."""
    page.click("th button:has-text('size')")
    sizes = page.eval_on_selector_all(
        "tbody tr td:nth-child(6)", "all => all.map(x => x.innerText)"
    )
    numbers = [int(s) for s in sizes if s.isdigit()]
    assert numbers == sorted(numbers)
    assert sizes[-1] == "global"
    page.click("th button:has-text('size')")
    assert page.locator("tbody tr td:nth-child(6)").first.inner_text() == "global"
    assert page.get_attribute("th:nth-child(6)", "aria-sort") == "descending"


def test_findings_lead_to_their_node(page):
    """A click on a finding's node chooses it."""
    page.click("#findings button")
    assert page.inner_text("#node-name") == "layer4.1.relu_1"


def test_influence_can_be_hidden(page):
    """The heat map lies on the picture until it is switched off."""
    page.click('.item[data-node="layer2.1.relu_1"]')
    page.hover("#title")
    shown = pixels(page)
    page.uncheck("#show-heat")
    assert pixels(page) != shown


def test_dark_and_light(browser, address):
    """The system's choice first, then the person's; text stands out in both."""
    context = browser.new_context(color_scheme="dark")
    page = context.new_page()
    page.goto(address)
    page.wait_for_function("document.documentElement.dataset.ready")
    look = (
        "[getComputedStyle(document.body).backgroundColor, getComputedStyle(document.body).color]"
    )
    dark = page.evaluate(look)
    page.click("#theme")
    light = page.evaluate(look)
    context.close()

    def luminance(colour):
        channels = np.array([int(n) for n in colour[4:-1].split(",")]) / 255
        linear = np.where(
            channels <= 0.03928, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4
        )
        return linear @ [0.2126, 0.7152, 0.0722]

    for back, text in (dark, light):
        low, high = sorted((luminance(back), luminance(text)))
        assert (high + 0.05) / (low + 0.05) > 7
    assert luminance(dark[0]) < 0.1 < luminance(light[0])


def test_printing(page):
    """On paper: the table whole, no buttons."""
    page.emulate_media(media="print")
    assert not page.is_visible("#theme")
    assert not page.is_visible("#search")
    assert page.locator("tbody tr").last.is_visible()
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"


class Rolled(nn.Module):
    """Means over shifted windows, handed back to every pixel of its window."""

    def forward(self, x):
        y = torch.roll(x, (2, 2), (2, 3)).reshape(1, 1, 3, 4, 3, 4)
        y = (y + y.mean((3, 5), keepdim=True)).reshape(1, 1, 12, 12)
        return torch.roll(y, (-2, -2), (2, 3))


class Dense(nn.Module):
    """A block in which every layer reads the outputs of all before it, one by one."""

    def __init__(self, layers):
        super().__init__()
        self.layers = nn.ModuleList(nn.Conv2d(k + 1, 1, 3, padding=1) for k in range(layers))

    def forward(self, x):
        seen = [x]
        for layer in self.layers:
            seen.append(layer(torch.cat(seen, 1)))
        return seen[-1]


def test_dense_blocks_open_at_once(browser, tmp_path):
    """Forty layers with eight hundred edges are laid out within seconds, every edge drawn."""
    analysis = rfgraph.analyze(nn.Sequential(Dense(40)), (1, 1, 16, 16))
    path = tmp_path / "dense.html"
    path.write_text(report_page(analysis), encoding="utf-8")
    page = browser.new_page()
    page.goto(path.as_uri())
    page.wait_for_function("document.documentElement.dataset.ready")
    page.focus(".item.module")
    begin = time.perf_counter()
    page.keyboard.press("Space")
    page.focus(".item.module")
    page.keyboard.press("Space")
    assert page.locator(".item").count() == len(analysis)
    assert time.perf_counter() - begin < 10
    assert page.locator(".edge").count() == analysis.graph.number_of_edges()
    page.close()


def test_nodes_without_single_pixels_say_so(browser, tmp_path, monkeypatch):
    """Beyond the budget the box is exact all the same; where holes may be is said."""
    monkeypatch.setattr("rfgraph.html.pixels._VISITS", 1)
    deep = nn.Sequential(*(nn.Conv2d(1, 1, 3, padding=1) for _ in range(4)))
    path = tmp_path / "deep.html"
    path.write_text(report_page(rfgraph.analyze(deep, (1, 1, 16, 16))), encoding="utf-8")
    page = browser.new_page()
    page.goto(path.as_uri())
    page.wait_for_function("document.documentElement.dataset.ready")
    assert page.inner_text("#node-name") == "3"
    assert page.inner_text("#region") == (
        "Element [8, 8] sees rows 4 … 12, columns 4 … 12. Single pixels of this node are not in "
        "this page."
    )
    page.close()


def test_holes_of_other_elements_are_not_claimed(browser, tmp_path):
    """The middle element of a dilated layer shows its holes; of another the page has the box."""
    path = tmp_path / "dilated.html"
    page_text = report_page(rfgraph.analyze(nn.Conv2d(1, 1, 3, dilation=3), (1, 1, 16, 16)))
    path.write_text(page_text, encoding="utf-8")
    page = browser.new_page()
    page.goto(path.as_uri())
    page.wait_for_function("document.documentElement.dataset.ready")
    assert page.inner_text("#region") == "Element [5, 5] sees rows 5 … 11, columns 5 … 11."
    page.focus("#map")
    page.keyboard.press("ArrowDown")
    assert page.inner_text("#region") == (
        "Element [6, 5] sees rows 6 … 12, columns 5 … 11. The middle element has holes in its box; "
        "the pixels of this one are not in this page."
    )
    page.close()


def test_fields_without_holes_have_no_seams(browser, tmp_path):
    """On the neutral grid, a full box holds its two greys only, however the picture is scaled."""
    deep = nn.Sequential(nn.Conv2d(1, 1, 9, padding=4), nn.Conv2d(1, 1, 9, padding=4))
    path = tmp_path / "plain.html"
    path.write_text(report_page(rfgraph.analyze(deep, (1, 1, 37, 53))), encoding="utf-8")
    page = browser.new_page()
    page.goto(path.as_uri())
    page.wait_for_function("document.documentElement.dataset.ready")
    colours = page.evaluate(
        """() => {
            const canvas = document.getElementById("picture");
            const { data } = canvas.getContext("2d").getImageData(270, 190, 100, 100);
            const found = new Set();
            for (let i = 0; i < data.length; i += 4) found.add(data.slice(i, i + 3).join(","));
            return [...found].sort();
        }"""
    )
    assert colours == ["223,227,232", "238,240,243"]
    page.close()
