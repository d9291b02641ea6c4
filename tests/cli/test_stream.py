"""`rfgraph stream`, as a person runs it."""

import json

import pytest

CODE = """
from torch import nn

def encoder():
    return nn.Sequential(nn.Conv1d(1, 2, 10, stride=5), nn.Conv1d(2, 1, 3, stride=2))

def norm():
    return nn.Sequential(nn.Conv1d(1, 2, 3), nn.GroupNorm(1, 2))
"""


@pytest.fixture
def stream(run, tmp_path):
    """Run the command in this process: exit status, standard output, standard error."""
    path = tmp_path / "nets.py"
    path.write_text(CODE)
    return lambda name, *options: run("stream", f"{path}:{name}", "--input", "1x1x400", *options)


def test_figures(stream):
    """The numbers of the plan, as JSON and as a table."""
    _, text, _ = stream("encoder", "--sample-rate", "1000", "--format", "json")
    facts = json.loads(text)
    assert (facts["jump"], facts["latency"], facts["latency_ms"]) == (10, 19, 19)
    assert facts["look_ahead"] == 10
    assert [state["elements"] for state in facts["states"]] == [5, 1]
    status, table, _ = stream("encoder")
    assert status == 0
    assert "look ahead: 10" in table


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("norm",), "mixes the whole of time"),
        (("encoder", "--time", "1"), "Axis 1 is not analysed"),
        (("encoder", "--sample-rate", "-1"), "-1"),
    ],
)
def test_misuse_is_one_sentence(stream, arguments, reason):
    """Exit status 2 and no traceback."""
    status, out, err = stream(*arguments)
    assert status == 2
    assert out == ""
    assert reason in err
    assert "Traceback" not in err
