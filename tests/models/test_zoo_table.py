"""The page of the zoo sweep says what its lines say."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture(scope="module")
def load():
    """Import one of the sweep's scripts."""

    def by_name(name):
        spec = importlib.util.spec_from_file_location(name, BENCHMARKS / f"{name}.py")
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        spec.loader.exec_module(module)
        return module

    return by_name


def line(model, **facts):
    return {"model": model, "family": "timm a", "error": None, "seconds": {"build": 1.0}, **facts}


def test_shares_and_exceptions(load):
    """Nodes add up, all is 100 %, almost all is not, and an exception is shown."""
    lines = [
        line("timm:a", nodes={"EXACT": 99_999, "BOUND": 1}, reasons={"BOUND: x": 1},
             origins={"BOUND: x": 1}),
        line("timm:b", family="timm b", nodes={"EXACT": 2}),
        line("timm:c", family="timm c", error="Timeout: too long"),
    ]  # fmt: skip
    page = load("zoo_table").render(lines, 4, {"torch": "2"})
    assert "3 of 4 models" in page
    assert "1 exceptions; 100,002 tensors: 100,001 EXACT (99.99 %), 1 BOUND (0.01 %)" in page
    assert "- `timm:c`: Timeout: too long" in page
    rows = [[cell.strip() for cell in row.split("|")[1:-1]] for row in page.splitlines()]
    assert ["timm b", "1", "2", "100 %", "0 %", "0 %", "0"] in rows


def test_an_interrupted_sweep_is_read(load, tmp_path):
    """The last line of a model counts, and one that was cut off does not."""
    lines = tmp_path / "zoo.jsonl"
    lines.write_text('{"model": "a", "error": "x"}\n{"model": "a", "error": null}\n{"model": "b"')
    assert load("zoo").read(lines) == {"a": {"model": "a", "error": None}}
    assert load("zoo").read(tmp_path / "none") == {}
