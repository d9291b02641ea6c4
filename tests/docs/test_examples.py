"""The examples run, and show what they say they show."""

import importlib.util
from pathlib import Path

import pytest
import torch

EXAMPLES = Path(__file__).parents[2] / "examples"


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
