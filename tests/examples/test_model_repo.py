"""The example repository: its tests pass, and five refactoring accidents do not."""

import re
import shutil
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest

from rfgraph import testing
from rfgraph.cli.main import main
from tests.plugin.test_plugin import PLUGIN

pytest_plugins = ["pytester"]

REPO = Path(__file__).parents[2] / "examples" / "model_repo"
BASELINE = REPO / "tests" / "rfgraph_baselines" / "test_fields" / "test_fields.yaml"
SHAPE = (2, 3, 128, 128)


def build(path):
    """The example's network, from its source at `path`."""
    spec = spec_from_file_location("example_model", path)
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.build()


@pytest.fixture
def changed(tmp_path):
    """The network after somebody replaced a piece of its source."""

    def change(old, new):
        source = (REPO / "model.py").read_text()
        assert source.count(old) == 1
        path = tmp_path / "model.py"
        path.write_text(source.replace(old, new))
        return build(path)

    return change


def complaint(assertion, *arguments, **options):
    """The message with which an assertion fails."""
    with pytest.raises(AssertionError) as caught:
        assertion(*arguments, **options)
    return str(caught.value)


def test_the_example_is_sound():
    """Unchanged, it has the fields of its baseline and no findings."""
    model = build(REPO / "model.py")
    assert not testing.assert_baseline(model, SHAPE, path=BASELINE)
    testing.assert_no_findings(model, SHAPE, object_size=40)


def test_a_stride_moved(changed):
    """From the first convolution of a block to the second: same shapes, another field."""
    model = changed(
        "self.conv1 = nn.Conv2d(channels, out, 3, stride, padding=1, bias=False)\n"
        "        self.norm1 = nn.BatchNorm2d(out)\n"
        "        self.conv2 = nn.Conv2d(out, out, 3, padding",
        "self.conv1 = nn.Conv2d(channels, out, 3, padding=1, bias=False)\n"
        "        self.norm1 = nn.BatchNorm2d(out)\n"
        "        self.conv2 = nn.Conv2d(out, out, 3, stride, padding",
    )
    message = complaint(testing.assert_baseline, model, SHAPE, path=BASELINE)
    assert "layer2.conv1: stride 2 → 1\n" in message
    assert "layer2.conv2: stride 1 → 2\n" in message
    assert "layer2.conv2: size 27 → 23, start -13 → -11" in message


def test_a_dilation_dropped(changed):
    """The features see less; no shape tells."""
    model = changed("Block(32, 32, dilation=2)", "Block(32, 32)")
    message = complaint(testing.assert_baseline, model, SHAPE, path=BASELINE)
    assert "layer3.conv2: padding 2 → 1, dilation 2 → 1\n" in message
    assert "layer3.conv2: size 51 → 43, start -25 → -21" in message
    expected = {"layer3": {"size": ">= 48", "jump": 4}}
    message = complaint(testing.assert_field, model, SHAPE, expected)
    assert message == "layer3: size is 43, expected >= 48"


def test_a_padding_changed(changed):
    """One more on the right, one less on the left: the same shapes, all shifted by a pixel."""
    model = changed(
        "self.stem = nn.Conv2d(3, 16, 7, stride=2, padding=3, bias=False)",
        "self.stem = nn.Sequential(nn.ZeroPad2d((2, 4, 2, 4)),"
        " nn.Conv2d(3, 16, 7, stride=2, bias=False))",
    )
    message = complaint(testing.assert_baseline, model, SHAPE, path=BASELINE)
    assert "stem.0 was added" in message
    assert "start -7 → -6" in message


def test_a_branch_cropped_differently(changed):
    """All from one side: the same shape, but the branches no longer look at the same place."""
    model = changed("features[..., 1:-1, 1:-1]", "features[..., 2:, 2:]")
    message = complaint(testing.assert_aligned, model, SHAPE)
    assert re.search(
        r"RF301 misaligned-branches at cat: getitem and refine meet with jump 2, but centres 3 ",
        message,
    )
    message = complaint(testing.assert_baseline, model, SHAPE, path=BASELINE)
    assert "getitem.slice: start -5×-7 → -3×-7\n" in message


def test_a_batch_axis_flattened_wrongly(changed):
    """The image score averages over samples too; the shapes still fit."""
    model = changed(
        "return features.mean((2, 3))",
        "n, c = features.shape[:2]\n"
        "        return features.permute(1, 0, 2, 3).reshape(n, c, -1).mean(2)",
    )
    message = complaint(testing.assert_samples_independent, model, SHAPE)
    assert message.startswith(
        "error RF501 mixed-samples at reshape: elements of one sample depend on other samples from "
        "here on, and so does output.1."
    )
    assert "Keep the batch axis first" in message


@pytest.mark.slow
def test_its_own_tests_pass(pytester, monkeypatch):
    """`pytest` and `rfgraph audit` in a copy of the repository."""
    copy = pytester.path / "repo"
    shutil.copytree(REPO, copy, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.chdir(copy)
    monkeypatch.setenv("PYTHONPATH", str(REPO.parents[1]))
    settings = ("-p", "no:cacheprovider", "-c", str(copy / "pyproject.toml"))
    result = pytester.runpytest_subprocess(*PLUGIN, *settings)
    result.assert_outcomes(passed=5)
    with pytest.raises(SystemExit) as caught:
        main(["audit"])
    assert caught.value.code == 0
