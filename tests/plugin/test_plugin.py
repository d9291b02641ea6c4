"""The pytest plugin, run in test suites of its own, with and without xdist."""

import os
import re
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

import pytest

from rfgraph.report import load

pytest_plugins = ["pytester"]

ROOT = Path(__file__).parents[2]


MODELS = """
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self, dilation=1):
        super().__init__()
        self.stem = nn.Conv2d(3, 4, 3, stride=2, padding=1)
        self.body = nn.Conv2d(4, 4, 3, padding=dilation, dilation=dilation)
        self.head = nn.Conv2d(4, 2, 1)

    def forward(self, x):
        return self.head(torch.relu(self.body(self.stem(x))))
"""
SHAPE = "(2, 3, 32, 32)"
INSTALLED = any(point.value == "rfgraph.pytest_plugin" for point in entry_points(group="pytest11"))
PLUGIN = () if INSTALLED else ("-p", "rfgraph.pytest_plugin")


@pytest.fixture
def suite(pytester, monkeypatch):
    """Write a test file and run it in a process of its own, for torch cannot be imported twice."""
    monkeypatch.setenv("PYTHONPATH", f"{ROOT}{os.pathsep}{pytester.path}")
    pytester.makeini("[pytest]\naddopts = -p no:cacheprovider\n")
    pytester.makepyfile(rf_models=MODELS)

    def run(body, *arguments, dilation=1):
        pytester.makepyfile(
            test_fields=f"from rf_models import Net\nnet = Net({dilation})\nSHAPE = {SHAPE}\n{body}"
        )
        return pytester.runpytest_subprocess(*PLUGIN, *arguments)

    return run


SNAPSHOT = "def test_fields(rf):\n    rf.snapshot(net, SHAPE)\n"


@pytest.mark.slow
def test_a_baseline_is_written_once_then_compared(suite, pytester):
    """Without a baseline a snapshot fails and says how to write one; written, it passes."""
    result = suite(SNAPSHOT)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines([
        "*AssertionError: there is no baseline rfgraph_baselines/*.yaml; write it with pytest --rf*"
    ])  # fmt: skip
    result = suite(SNAPSHOT, "--rfgraph-update")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["wrote rfgraph_baselines/test_fields/test_fields.yaml"])
    baseline = pytester.path / "rfgraph_baselines" / "test_fields" / "test_fields.yaml"
    assert load(baseline).provenance == {}
    result = suite(SNAPSHOT)
    result.assert_outcomes(passed=1)
    result.stdout.no_fnmatch_line("*unused*")
    result = suite(SNAPSHOT, "--rfgraph-update")
    result.stdout.no_fnmatch_line("wrote*")


@pytest.mark.slow
def test_a_change_is_told_where_it_entered(suite):
    """The message has the operator that changed, old and new numbers, and what to do."""
    suite(SNAPSHOT, "--rfgraph-update")
    result = suite(SNAPSHOT, dilation=2)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines([
        "*the receptive fields differ from rfgraph_baselines/test_fields/test_fields.yaml; if*",
        "*3 nodes changed from 1 cause, 0 added, 0 removed, 0 renamed.",
        "*body: padding 1 → 2, dilation 1 → 2",
        "*body: size 7 → 11, start -3 → -5*",
    ])  # fmt: skip


@pytest.mark.slow
def test_the_documented_message_is_real(suite):
    """What docs/testing.md shows of a failing snapshot is what a failing snapshot shows."""
    page = (Path(__file__).parents[2] / "docs" / "testing.md").read_text()
    (block,) = re.findall(r"^```text\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    suite(SNAPSHOT, "--rfgraph-update")
    output = suite(SNAPSHOT, dilation=2).stdout.str()
    said = re.sub(r"\s+", " ", output.replace("\nE  ", "\n"))
    shown = block.replace("tests/rfgraph_baselines", "rfgraph_baselines")
    assert re.sub(r"\s+", " ", shown).strip() in said


ASSERTIONS = """
import pytest
import torch
from torch import nn

def test_field(rf):
    rf.assert_field(net, SHAPE, {"body": {"size": 7, "jump": 2}, "head": {"size": ">= 5"}})

def test_field_fails(rf):
    rf.assert_field(net, SHAPE, {"body": {"size": 9, "start": [-3, -4]}})

def test_no_findings(rf):
    rf.assert_no_findings(net, SHAPE, object_size=7)

def test_no_findings_fails(rf):
    rf.assert_no_findings(net, SHAPE, object_size=8)

def test_causal(rf):
    rf.assert_causal(nn.Conv1d(1, 1, 3), (1, 1, 9))

def test_causal_fails(rf):
    rf.assert_causal(nn.Conv1d(1, 1, 3, padding=1), (1, 1, 9))

def test_samples(rf):
    rf.assert_samples_independent(net, SHAPE)

def test_samples_fail(rf):
    rf.assert_samples_independent(nn.Softmax(0), (2, 3))

def test_one_sample_proves_nothing(rf):
    rf.assert_samples_independent(net, (1, 3, 32, 32))

def test_aligned(rf):
    rf.assert_aligned(net, SHAPE)

class Crop(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv1d(1, 1, 3)

    def forward(self, x):
        return self.conv(x) + x[..., 2:]

def test_aligned_fails(rf):
    rf.assert_aligned(Crop(), (2, 1, 9))

def test_cached(rf):
    assert rf.analyze(net, SHAPE) is rf.analyze(net, SHAPE)

def test_a_changed_model_is_analysed_again(rf):
    before = rf.analyze(net, SHAPE)
    net.body.dilation = (2, 2)
    try:
        assert rf.analyze(net, SHAPE)["body"].field.size == (11, 11)
    finally:
        net.body.dilation = (1, 1)
    assert rf.analyze(net, SHAPE) is before
"""


@pytest.mark.slow
def test_assertions(suite):
    """Each assertion passes on a sound model and fails with the numbers on one that is not."""
    result = suite(ASSERTIONS)
    result.assert_outcomes(passed=7, failed=6)
    result.stdout.fnmatch_lines([
        "*AssertionError: body: size is 7, expected 9",
        "*body: start is -3, expected -3×-4",
        "*AssertionError: warning RF101 small-field at body: the largest local field is 7*",
        "*AssertionError: error RF502 look-ahead at conv1d: output looks 1 position ahead*",
        "*AssertionError: error RF501 mixed-samples at softmax: elements of one sample depend*",
        "*InputError: Nothing was checked: the batch has one sample; analyse with two.",
        "*AssertionError: warning RF301 misaligned-branches at add: conv and getitem meet*",
    ])  # fmt: skip


SEVERAL = """
import pytest

@pytest.mark.parametrize("size", [32, 48, "a/b c"])
def test_sizes(rf, size):
    side = 64 if isinstance(size, str) else size
    rf.snapshot(net, (1, 3, side, side))

def test_two(rf):
    rf.snapshot(net, SHAPE, name="first")
    rf.snapshot(net, (1, 3, 16, 16), name="second")
"""


@pytest.mark.slow
def test_under_xdist(suite, pytester):
    """Workers write; the controller reports what they wrote and what is unused."""
    pytest.importorskip("xdist")
    folder = pytester.path / "rfgraph_baselines" / "test_fields"
    suite(SEVERAL, "--rfgraph-update", "-k", "two")
    (folder / "test_gone.yaml").write_text("")
    result = pytester.runpytest_subprocess(*PLUGIN, "-n", "2", "--rfgraph-update")
    result.assert_outcomes(passed=4)
    output = result.stdout.str()
    assert output.count("wrote rfgraph_baselines/test_fields/test_sizes-") == 3
    assert output.count("wrote") == 3
    assert output.count("unused baseline") == 1
    result.stdout.fnmatch_lines(["unused baseline rfgraph_baselines/test_fields/test_gone.yaml; *"])
    files = {path.name for path in folder.glob("*.yaml")}
    assert {"test_two.first.yaml", "test_two.second.yaml"} <= files
    assert len(files) == 6


@pytest.mark.slow
def test_comparison_under_xdist(suite, pytester):
    """A worker's failure shows what changed, as it does without workers."""
    pytest.importorskip("xdist")
    suite(SEVERAL, "--rfgraph-update").assert_outcomes(passed=4)
    suite(SEVERAL, dilation=2).assert_outcomes(failed=4)
    result = pytester.runpytest_subprocess(*PLUGIN, "-n", "2")
    result.assert_outcomes(failed=4)
    # The short summary repeats the messages, whole where the run is one of a CI service.
    messages, _, _ = result.stdout.str().partition("short test summary info")
    assert messages.count("body: padding 1 → 2, dilation 1 → 2") == 4


@pytest.mark.slow
def test_unused_baselines_need_a_whole_run(suite, pytester):
    """A chosen or a failing test may not have asked for its baseline: nothing is said then."""
    suite(SNAPSHOT, "--rfgraph-update")
    gone = pytester.path / "rfgraph_baselines" / "test_fields" / "test_gone.yaml"
    gone.write_text("")
    assert "unused baseline" in suite(SNAPSHOT).stdout.str()
    assert "unused baseline" not in suite(SNAPSHOT, "-k", "fields").stdout.str()
    assert "unused baseline" not in suite(SNAPSHOT, dilation=2).stdout.str()


@pytest.mark.slow
def test_a_broken_baseline_is_told(suite, pytester):
    """A file that is no report fails with file, line and key; updating replaces it."""
    suite(SNAPSHOT, "--rfgraph-update")
    baseline = pytester.path / "rfgraph_baselines" / "test_fields" / "test_fields.yaml"
    baseline.write_text(baseline.read_text().replace("status: exact", "status: fine", 1))
    result = suite(SNAPSHOT)
    result.stdout.fnmatch_lines(["*ReportError: rfgraph_baselines/*, line *: nodes*.status: *"])
    suite(SNAPSHOT, "--rfgraph-update").assert_outcomes(passed=1)


def test_loading_the_plugin_imports_no_torch():
    """A test run that asks for nothing does not pay for torch."""
    code = (
        "import sys, pytest\n"
        f"status = pytest.main([*{PLUGIN!r}, '--collect-only', '-q', '/dev/null'])\n"
        "import rfgraph.pytest_plugin\n"
        "assert not {'torch', 'networkx'} & set(sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_entry_point_is_declared():
    """The installed package registers the plugin."""
    text = (Path(__file__).parents[2] / "pyproject.toml").read_text()
    assert '[project.entry-points.pytest11]\nrfgraph = "rfgraph.pytest_plugin"\n' in text
