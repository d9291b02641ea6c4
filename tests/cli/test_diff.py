"""`rfgraph diff`, as a person runs it."""

from functools import partial
from pathlib import Path

import pytest

NETS = Path(__file__).parents[1] / "diff" / "nets.py"
MODELS = f"""
from importlib.util import spec_from_file_location, module_from_spec
spec = spec_from_file_location("nets", {str(NETS)!r})
nets = module_from_spec(spec)
spec.loader.exec_module(nets)

def old():
    return nets.Net()

def new():
    return nets.Net(dilation=1)
"""


@pytest.fixture
def diff(run, tmp_path, monkeypatch):
    """Run `rfgraph diff` in a folder with two models: exit status, output, errors."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "models.py").write_text(MODELS)
    return partial(run, "diff")


def test_two_targets(diff):
    """Models are analysed and compared; a difference is exit status 1."""
    status, out, _ = diff("models.py:old", "models.py:new", "--input", "1x3x64x64")
    assert status == 1
    assert "layer2.conv2: padding 2 → 1, dilation 2 → 1" in out
    status, out, _ = diff("models.py:old", "models.py:old", "--input", "1x3x64x64")
    assert (status, out) == (0, "No differences.\n")


def test_output_is_written_whole(diff, tmp_path):
    """The comment for a pull request goes to a file."""
    arguments = ["models.py:old", "models.py:new", "--input", "1x3x64x64"]
    status, out, _ = diff(*arguments, "--format", "markdown", "--output", "comment.md")
    assert (status, out) == (1, "")
    assert (tmp_path / "comment.md").read_text().startswith("**Receptive fields:** 2 nodes")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("none.yaml", "none.yaml"), "cannot read none.yaml"),
        (("HEAD:none.yaml", "none.yaml"), "cannot read HEAD:none.yaml"),
        (("models.py", "models.py"), "is not a target"),
        (("models.py:missing", "models.py:old"), "has no 'missing'"),
        (("models.py:old",), "Missing argument 'NEW'"),
    ],
)
def test_misuse(diff, arguments, says):
    """What cannot be compared is exit status 2 and one sentence."""
    status, out, err = diff(*arguments)
    assert (status, out) == (2, "")
    assert says in err
    assert "Traceback" not in err
