"""`rfgraph analyze`, as a person runs it."""

import subprocess
import sys

import pytest

import rfgraph

CODE = """
import torch
from torch import nn

def build():
    return nn.Sequential(nn.Conv2d(3, 8, 7, stride=2, padding=3), nn.ReLU(), nn.MaxPool2d(3, 2, 1))

def along():
    return nn.Conv1d(4, 8, 3, padding=1)

class Pair(nn.Module):
    def forward(self, image, mask):
        return image * mask.float()

class Raising(nn.Module):
    def forward(self, x):
        raise RuntimeError("deliberately\\nso")

@torch.library.custom_op("rfgraph_cli_test::unheard_of", mutates_args=())
def unheard_of(x: torch.Tensor) -> torch.Tensor:
    return x.clone()

unheard_of.register_fake(torch.empty_like)

class Odd(nn.Module):
    def forward(self, x):
        return unheard_of(x)
"""


@pytest.fixture
def target(tmp_path):
    """The path of a file with small models."""
    path = tmp_path / "nets.py"
    path.write_text(CODE)
    return str(path)


def analyze(run, target, name, *options):
    """Run `rfgraph analyze` on one of the small models."""
    return run("analyze", f"{target}:{name}", *options)


def test_a_table_is_printed(run, target):
    """By default, a table of module rows."""
    status, out, err = analyze(run, target, "build", "--input", "1x3x64x64")
    assert (status, err) == (0, "")
    rows = [line.split() for line in out.splitlines()]
    assert ["0", "Conv2d", "1×8×32×32", "7", "2", "-3"] in rows
    assert ["2", "MaxPool2d", "1×8×16×16", "11", "4", "-5"] in rows


@pytest.mark.parametrize("name", ["yaml", "json"])
def test_data_are_printed_and_saved(run, target, tmp_path, name):
    """What --output writes is what --format prints, and `rfgraph.load` reads it."""
    path = tmp_path / f"fields.{name}"
    options = ["--input", "1x3x64x64"]
    status, printed, _ = analyze(run, target, "build", *options, "--format", name)
    assert status == 0
    status, out, err = analyze(run, target, "build", *options, "--output", str(path))
    assert (status, out, err) == (0, "", "")
    assert path.read_text() == printed
    report = rfgraph.load(path)
    assert report.provenance["target"] == f"{target}:build"
    assert [node.fields[report.inputs[0].name].size for node in report.nodes][-1] == (11, 11)


def test_markdown_and_operator_rows(run, target):
    """Every format and level can be combined."""
    options = ["--input", "1x3x64x64", "--format", "markdown", "--level", "operator"]
    status, out, _ = analyze(run, target, "build", *options)
    assert status == 0
    assert "| convolution |" in " ".join(out.split())


def test_nodes_and_axes(run, target):
    """--nodes chooses rows and --axes what is analysed."""
    status, out, _ = analyze(
        run, target, "build", "--input", "1x3x64x64", "--axes", "3", "--nodes", "2*"
    )
    assert status == 0
    assert "axes 3" in out
    assert "Conv2d" not in out


def test_layout_and_dtype(run, target):
    """--layout names the axes; an input's dtype may be given."""
    status, out, _ = analyze(run, target, "along", "--input", "1x4x50:float32", "--layout", "NCL")
    assert status == 0
    assert "axes 2" in out


def test_inputs_by_name(run, target):
    """Inputs may be passed by the name of the parameter."""
    options = ["--input", "image=1x3x8x8", "--input", "mask=1x1x8x8:bool"]
    status, out, _ = analyze(run, target, "Pair", *options)
    assert status == 0
    assert "mask (1×1×8×8 bool)" in out


def test_strict_findings_are_status_1(run, target):
    """An operator without a rule is a finding under --strict, and nothing is written."""
    status, out, err = analyze(run, target, "Odd", "--input", "1x3x8x8", "--strict")
    assert (status, out) == (1, "")
    assert err.startswith("rfgraph: error: ")
    assert "rfgraph_cli_test.unheard_of" in err


MISUSES = [
    (["analyze"], "Missing argument 'TARGET'"),
    (["analyse"], "No such command 'analyse'"),
    (["analyze", "FILE:build"], "has no default input"),
    (["analyze", "FILE:biuld", "--input", "1x3x8x8"], "close: build"),
    (["analyze", "FILE:build", "--input", "large"], "not of the form [NAME=]1x3x224x224[:DTYPE]"),
    (["analyze", "FILE:build", "--input", "1x3x8x8:float23"], "no dtype 'float23'; known: "),
    (["analyze", "FILE:build", "--input", "1x3x8x8", "--axes", "H"], "not a list of axes"),
    (["analyze", "FILE:build", "--input", "1x3x8x8", "--axes", "7"], "rfgraph: error: "),
    (["analyze", "FILE:build", "--input", "1x3x8x8", "--layout", "NHW"], "rfgraph: error: "),
    (["analyze", "FILE:build", "--input", "1x3x8x8", "--format", "xml"], "'xml' is not one of"),
    (["analyze", "FILE:build", "--input", "1x3x8x8", "--output", "a.xml"], "known endings"),
    (["analyze", "FILE:build", "--input", "1x3x8x8", "--output", "no/a.yaml"], "cannot write"),
    (["analyze", "FILE:build", "--input", "1x3x8x8", "--nodes", "layer*"], "no node or module is"),
    (["analyze", "FILE:build", "--input", "1x4x8x8"], "rfgraph: error: "),
    (["analyze", "FILE:build", "--input", "1x3x0x8"], "rfgraph: error: "),
    (["analyze", "FILE:Pair", "--input", "1x3x8x8"], "rfgraph: error: "),
    (["analyze", "FILE:Raising", "--input", "1x3x8x8"], "raised RuntimeError: deliberately"),
    (["analyze", "torchvision:resnet51"], "close: resnet50"),
]


@pytest.mark.parametrize(("arguments", "says"), MISUSES)
def test_misuse_is_status_2_and_a_sentence(run, target, arguments, says):
    """Never a traceback: what was wrong, on standard error."""
    status, out, err = run(*(text.replace("FILE", target) for text in arguments))
    assert status == 2
    assert out == ""
    assert says in " ".join(err.split())
    assert "Traceback" not in err


def test_interrupts_end_quietly(run, monkeypatch):
    """Control-C is told in one line, with the shell's status for it."""
    import rfgraph.cli.analyze as command

    def interrupt(*_arguments, **_options):
        raise KeyboardInterrupt

    monkeypatch.setattr(command, "analysed", interrupt)
    status, _, err = run("analyze", "torchvision:resnet50")
    assert status == 130
    assert err.strip() == "rfgraph: error: interrupted"


def test_python_m_is_the_same_command(target):
    """`python -m rfgraph` prints what `rfgraph` prints."""
    done = subprocess.run(
        [sys.executable, "-m", "rfgraph", "analyze", f"{target}:build", "--input", "1x3x64x64"],
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    assert "MaxPool2d" in done.stdout
    assert done.stderr == ""


def test_version_and_help(run):
    """--version tells the version; help has examples."""
    assert run("--version")[:2] == (0, f"rfgraph, version {rfgraph.__version__}\n")
    status, out, _ = run("analyze", "--help")
    assert status == 0
    assert "rfgraph analyze torchvision:resnet50 --nodes 'layer4*' --level operator" in out
    assert "rfgraph analyze" in run("--help")[1]
