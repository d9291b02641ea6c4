"""`rfgraph check`: verdicts, exit status, misuse."""

import importlib
import json
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

HONEST = """
from torch import nn


def build():
    return nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2))
"""


@pytest.fixture
def target(tmp_path):
    """A file with a model whose fields are predicted right."""
    (tmp_path / "net.py").write_text(HONEST)
    return f"{tmp_path / 'net.py'}:build"


def test_a_true_prediction_is_status_0(run, target):
    """The table counts verdicts per node and method, and lists substitutions."""
    status, out, _ = run("check", target, "--input", "1x3x12x14")
    assert status == 0
    assert "exact" in out.splitlines()[0]
    assert "violated" not in out.splitlines()[0]
    assert "gradients were taken with: " in out


def test_a_violation_is_status_1(run, target, monkeypatch):
    """A rule that is too small is caught, with what to do."""
    from rfgraph.rules.builtin import BUILTIN_RULES
    from tests.rules.test_lying_rules import LIES

    lie = next(lie for lie in LIES if lie.id == "padding-ignored")
    rules = BUILTIN_RULES.replacing(lie.operator, lie.rule)
    # The package exports a function of the module's name.
    module = importlib.import_module("rfgraph.analysis.analyze")
    monkeypatch.setattr(module, "BUILTIN_RULES", rules)
    status, out, _ = run("check", target, "--input", "1x3x12x14")
    assert status == 1
    assert "violated" in out.splitlines()[0]
    assert "First violated: 0. The rule of one of the operators before it is wrong" in out
    assert "aten.convolution" in out


def test_the_table_tells_inputs_where_there_are_several(run, tmp_path):
    """One row per input; a model with one input has no such column."""
    (tmp_path / "two.py").write_text(
        """
from torch import nn


class Two(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv1d(1, 1, 3)

    def forward(self, a, b):
        return self.conv(a + b)


def build():
    return Two()
"""
    )
    target = f"{tmp_path / 'two.py'}:build"
    status, out, _ = run(
        "check", target, "--input", "1x1x12", "--input", "1x1x12", "--nodes", "conv"
    )
    assert status == 0
    assert out.splitlines()[2].split()[:2] == ["node", "input"]
    assert [line.split()[1] for line in out.splitlines()[4:8]] == ["a", "a", "b", "b"]


@pytest.mark.parametrize(("name", "load"), [("yaml", yaml.safe_load), ("json", json.loads)])
def test_data_formats_hold_every_finding(run, target, name, load):
    """One entry per node, position, axis and method."""
    status, out, _ = run(
        "check", target, "--input", "1x3x12x14", "--nodes", "0", "--position", "3,4",
        "--format", name,
    )  # fmt: skip
    assert status == 0
    found = load(out)["findings"]
    assert [(f["method"], f["axis"], f["predicted"]) for f in found] == [
        ("gradient", 2, [2, 4]),
        ("gradient", 3, [3, 5]),
        ("taint", 2, [2, 4]),
        ("taint", 3, [3, 5]),
    ]


@pytest.mark.parametrize(
    ("options", "part"),
    [
        (("--position", "a,b"), "not a position"),
        (("--position", "99,99"), "Position"),
        (("--nodes", "7"), "No node"),
        (("--method", "luck"), "luck"),
        (("--memory", "0"), "memory"),
        (("--memory", "nan"), "not a number of GiB"),
        (("--memory", "inf"), "not a number of GiB"),
        (("--memory", "1e300"), "not a number of GiB"),
        (("--weights", "nothing.pt"), "nothing.pt"),
    ],
)
def test_misuse_is_status_2(run, target, options, part):
    """One sentence, no traceback."""
    status, out, err = run("check", target, "--input", "1x3x12x14", *options)
    assert status == 2
    assert part in err
    assert "Traceback" not in out + err


def test_a_failed_check_writes_no_file(run, target, tmp_path):
    """The file is written whole or not at all."""
    path = tmp_path / "out.yaml"
    status, _, _ = run("check", target, "--input", "1x3x12x14", "--nodes", "7", "-o", str(path))
    assert status == 2
    assert not path.exists()
    status, out, _ = run("check", target, "--input", "1x3x12x14", "-o", str(path))
    assert (status, out) == (0, "")
    assert "findings" in path.read_text()


def test_a_full_disk_is_status_2(target):
    """One sentence, and nothing more at exit."""
    command = [sys.executable, "-m", "rfgraph", "check", target, "--input", "1x3x12x14"]
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 2, done.stderr
    assert done.stderr.splitlines()[-1:] == [
        "rfgraph: error: standard output cannot be written: No space left on device"
    ]
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("when", ["True", "not x.is_meta"])
def test_a_model_that_exits_does_not_decide_the_status(run, tmp_path, when):
    """Neither while it is analysed nor while it runs."""
    (tmp_path / "leaving.py").write_text(
        f"""
import sys

from torch import nn


class Leaving(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv1d(1, 1, 3)

    def forward(self, x):
        if type(x).__name__ == "Tensor" and {when}:
            sys.exit(0)
        return self.conv(x)


def build():
    return Leaving()
"""
    )
    status, out, err = run("check", f"{tmp_path / 'leaving.py'}:build", "--input", "1x1x12")
    assert status == 2
    assert "SystemExit" in err
    assert "Traceback" not in out + err
