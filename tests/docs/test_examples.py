"""The examples run, and show what they say they show."""

import importlib.util
import re
from pathlib import Path

import pytest
import torch
from matplotlib.testing.compare import compare_images

from tests.plot.looks import TOLERANCE

EXAMPLES = Path(__file__).parents[2] / "examples"
PAGE = Path(__file__).parents[2] / "docs" / "gallery.md"


def load(name):
    """The example as a module."""
    spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def one_thread():
    """Tiny networks on busy machines wait for threads more than they compute."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.mark.usefixtures("one_thread")
def test_digits(tmp_path):
    """The network learns, and every figure is drawn."""
    accuracy = load("digits").main(tmp_path)
    assert accuracy > 0.9
    drawn = sorted(path.name for path in tmp_path.iterdir())
    assert drawn == ["features.png", "kernels.png", *(f"patches-{k}.png" for k in range(4))]


def test_the_gallery_shows_every_figure():
    """Each stored figure is shown once, with words for those who cannot see it."""
    shown = re.findall(r"!\[([^]]+)\]\(gallery/([\w-]+)\.png\)", PAGE.read_text())
    assert all(words.strip() for words, _ in shown)
    names = sorted(name for _, name in shown)
    assert names == sorted(path.stem for path in (PAGE.parent / "gallery").glob("*.png"))


@pytest.mark.slow
def test_the_gallery_is_what_the_example_draws(tmp_path):
    """Running the example again draws the figures that the page shows."""
    drawn = load("gallery").main(tmp_path)
    stored = PAGE.parent / "gallery"
    assert sorted(path.name for path in drawn) == sorted(p.name for p in stored.glob("*.png"))
    for path in drawn:
        difference = compare_images(str(stored / path.name), str(path), tol=TOLERANCE)
        assert difference is None, difference
