"""`rfgraph tile`, as a person runs it."""

import json
from functools import partial

import pytest
import yaml

CODE = """
from torch import nn

def build():
    return nn.Sequential(nn.Conv2d(1, 2, 3, stride=2, padding=1), nn.Conv2d(2, 1, 3, padding=1))
"""


@pytest.fixture
def tile(run, tmp_path):
    """Run the command in this process: exit status, standard output, standard error."""
    path = tmp_path / "nets.py"
    path.write_text(CODE)
    return partial(run, "tile", f"{path}:build", "--input", "1x1x64x80")


def test_every_format_has_the_same_numbers(tile):
    """JSON and YAML hold the plan; the table shows it."""
    _, as_json, _ = tile("--tile", "24x-", "--format", "json")
    plan = json.loads(as_json)
    assert plan["tile_shape"] == [1, 1, 24, 80]
    assert plan["axes"][0]["halo"] == [4, 2]
    assert yaml.safe_load(tile("--tile", "24x-", "--format", "yaml")[1]) == plan
    status, table, _ = tile("--tile", "24x-")
    assert status == 0
    assert "0 mod 2" in table
    assert "| axis" in tile("--memory", "1K", "--format", "markdown")[1]


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ((), "Give either tile="),
        (("--tile", "12,3"), "not of the form 512"),
        (("--memory", "lots"), "not a number of bytes"),
        (("--tile", "2"), "the smallest tile is"),
        (("--tile", "24", "--node", "nobody"), "No node or module is named"),
    ],
)
def test_misuse_is_one_sentence(tile, options, reason):
    """Exit status 2 and no traceback."""
    status, out, err = tile(*options)
    assert status == 2
    assert out == ""
    assert reason in err
    assert "Traceback" not in err


def test_output_goes_to_a_file(tile, tmp_path):
    """The file holds what would be printed."""
    path = tmp_path / "plan.json"
    assert tile("--tile", "24", "--format", "json", "--output", str(path))[0] == 0
    assert json.loads(path.read_text())["node"] == "1"
