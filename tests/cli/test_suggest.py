"""`rfgraph suggest`, as a person runs it."""

import json
from functools import partial

import pytest

CODE = """
from torch import nn

def build():
    first, last = nn.Conv2d(1, 2, 3, padding=1), nn.Conv2d(2, 1, 3, padding=1)
    return nn.Sequential(first, nn.MaxPool2d(2), last)
"""


@pytest.fixture
def suggest(run, tmp_path):
    """Run the command in this process: exit status, standard output, standard error."""
    path = tmp_path / "nets.py"
    path.write_text(CODE)
    return partial(run, "suggest", f"{path}:build", "--input", "1x1x32x32")


def test_formats(suggest):
    """JSON has the numbers, the table shows them, in the order that is asked for."""
    status, text, _ = suggest("--size", "14", "--format", "json")
    found = json.loads(text)
    assert status == 0
    assert (found["size"], found["target"]) == ([8, 8], [14, 14])
    assert {row["module"] for row in found["suggestions"]} == {"0", "1", "2"}
    sizes = json.loads(suggest("--size", "14", "--sort", "field", "--format", "json")[1])
    assert [r["size"] for r in sizes["suggestions"]] == sorted(
        (r["size"] for r in found["suggestions"]), key=lambda s: int(s.partition("×")[0])
    )
    table = suggest("--size", "14x-", "--change", "dilation", "--within", "2")[1]
    assert "dilation 1 → (3, 1)" in table
    assert "has holes" in suggest("--size", "40", "--change", "dilation")[1]


def test_what_is_refused(suggest):
    """It is listed with reasons; with no change at all the status is 1."""
    status, text, _ = suggest("--size", "14", "--change", "stride", "--within", "2", "--refused")
    assert status == 1
    assert "leaves the field at 8×8" in text


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ((), "Missing option '--size'"),
        (("--size", "big"), "not of the form 300"),
        (("--size", "3"), "sees 8×8 already"),
        (("--size", "99", "--node", "nobody"), "No node or module is named"),
    ],
)
def test_misuse_is_one_sentence(suggest, options, reason):
    """Exit status 2 and no traceback."""
    status, out, err = suggest(*options)
    assert (status, out) == (2, "")
    assert reason in err
    assert "Traceback" not in err
