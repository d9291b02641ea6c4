"""A configuration that says nothing that can be done is refused with one clear sentence."""

import re
from pathlib import Path

import pytest

from rfgraph.config import find_config, load_config
from rfgraph.errors import ConfigError

GOOD = """\
select: [RF2, misaligned-branches]
ignore: [RF204]
fail_on: warning
models:
  net:
    target: model.py:build
    inputs: [1x3x64x64, "mask=1x16:bool"]
    layout: NCHW
    object_size: 64
    causal: [2]
    ignore: [gridding]
    ignore_nodes: {"aux*": [RF3]}
    fail_on: note
    expect:
      layer4: {size: ">= 400", jump: 32, global: false}
      head: {size: [7, 9], shape: [1, 8], status: exact}
"""

# (what is replaced, by what, the key named, what the sentence says)
NET = "models.net"
EXPECT = f"{NET}.expect"
WRONG_KINDS = ["5", "true", "null", "[a]", "{a: b}", '"text"']


def kinds(line, key, *fine):
    """The line with a value of every kind but those that are fine there."""
    name = line.partition(":")[0]
    return [
        (line, f"{name}: {value}", key, "")
        for value in WRONG_KINDS
        if value not in fine
    ]  # fmt: skip


MISFITS = [
    *kinds("select: [RF2, misaligned-branches]", "select"),
    *kinds("ignore: [RF204]", "ignore"),
    *kinds("fail_on: warning", "fail_on"),
    *kinds("    target: model.py:build", f"{NET}.target", '"text"'),
    *kinds('    inputs: [1x3x64x64, "mask=1x16:bool"]', f"{NET}.inputs"),
    *kinds("    layout: NCHW", f"{NET}.layout", '"text"'),
    *kinds("    object_size: 64", f"{NET}.object_size", "5"),
    *kinds("    causal: [2]", f"{NET}.causal"),
    *kinds("    ignore: [gridding]", f"{NET}.ignore"),
    *kinds('    ignore_nodes: {"aux*": [RF3]}', f"{NET}.ignore_nodes"),
    *kinds("    fail_on: note", f"{NET}.fail_on"),
    *kinds("      head: {size: [7, 9], shape: [1, 8], status: exact}", f"{EXPECT}.head"),
    ("select: [RF2", "select: [RF7", "select[0]", "there is no rule 'RF7'"),
    ("misaligned-branches", "misalined-branches", "select[1]", "close: misaligned-branches"),
    ("ignore: [RF204]", "ignor: [RF204]", "ignor", "the key 'ignor' is unknown; close: ignore"),
    ("fail_on: warning", "fail_on: fatal", "fail_on", "expected note, warning, error"),
    ("fail_on: warning", "fail_on: [warning]", "fail_on", "found a list"),
    ("models:", "model:", "model", "the key 'model' is unknown; close: models"),
    ("  net:", "  5:", "", "here is a key that is not text"),
    ("    target: model.py:build\n", "", NET, "the key 'target' is missing"),
    ("1x3x64x64", "1x3x", f"{NET}.inputs[0]", "'1x3x' is not of the form"),
    ("1x3x64x64", "-1x3", f"{NET}.inputs[0]", "is not of the form"),
    ("1x16:bool", "1x16:double", f"{NET}.inputs[1]", "no dtype 'double'; known:"),
    ("1x3x64x64", "3", f"{NET}.inputs[0]", "expected text, found 3"),
    ("object_size: 64", "object_size: 0", f"{NET}.object_size", "at least 1, found 0"),
    ("object_size: 64", "object_size: -3", f"{NET}.object_size", "at least 1, found -3"),
    ("object_size: 64", "object_size: 6.4", "", "here is '6.4' read as float"),
    ("object_size: 64", "object_sise: 64", f"{NET}.object_sise", "close: object_size"),
    ("causal: [2]", "causal: [time]", f"{NET}.causal[0]", "expected an integer, found 'time'"),
    ("causal: [2]", "causal: [2]\n    axes: [2]", f"{NET}.layout", "either axes or a layout"),
    ("ignore: [gridding]", "ignore: [holes]", f"{NET}.ignore[0]", "there is no rule 'holes'"),
    ("[RF3]}", "RF3}", f"{NET}.ignore_nodes.aux*", "expected a list, found 'RF3'"),
    ("[RF3]}", "[RF0]}", f"{NET}.ignore_nodes.aux*[0]", "there is no rule 'RF0'"),
    ('size: ">= 400"', 'size: "=> 400"', f"{EXPECT}.layer4.size", "write a number or a compar"),
    ('size: ">= 400"', 'size: ">= many"', f"{EXPECT}.layer4.size", "size cannot be >= many"),
    ('size: ">= 400"', 'size: ""', f"{EXPECT}.layer4.size", "size cannot be ''"),
    ('size: ">= 400"', "size: []", f"{EXPECT}.layer4.size", "size expects nothing"),
    ('size: ">= 400"', "size: true", f"{EXPECT}.layer4.size", "size cannot be true"),
    ('size: ">= 400"', "size: null", f"{EXPECT}.layer4.size", "size cannot be None"),
    ('size: ">= 400"', "size: {x: 1}", f"{EXPECT}.layer4.size", "size cannot be"),
    ('size: ">= 400"', 'size: ">= 1/0"', f"{EXPECT}.layer4.size", "size cannot be >= 1/0"),
    ('size: ">= 400"', "size: 4e2", f"{EXPECT}.layer4.size", "size cannot be 4e2"),
    ("jump: 32", "stride: 32", f"{EXPECT}.layer4.stride", "'stride' is no fact of a node; known:"),
    ("global: false", "global: 0", f"{EXPECT}.layer4.global", "write true or false"),
    ("global: false", "global: maybe", f"{EXPECT}.layer4.global", "write true or false"),
    ("status: exact", "status: sure", f"{EXPECT}.head.status", "write exact, bound, unknown"),
    ("shape: [1, 8]", "shape: 8", f"{EXPECT}.head.shape", "write a list of extents"),
    ("shape: [1, 8]", "shape: [1, -8]", f"{EXPECT}.head.shape", "write a list of extents"),
    ("shape: [1, 8]", "shape: [1, x]", f"{EXPECT}.head.shape", "write a list of extents"),
]  # fmt: skip

TEXTS = [
    ("", "is empty, so it is not a configuration"),
    ("# nothing", "is empty"),
    ("text", "expected a configuration with named keys, found 'text'"),
    ("- a", "found a list"),
    ("5", "found 5"),
    ("models: {", "not valid YAML"),
    ("models: [}", "not valid YAML"),
    ("a: b: c", "line 1: not valid YAML"),
    ("\tmodels: {}", "not valid YAML"),
    ("models: {}\n---\nmodels: {}", "line 2: here is a second document"),
    ("models: &m {}\nignore: *m", "line 1: here is an anchor or alias"),
    ("models: *m", "here is an anchor or alias, which configurations do not use"),
    ("models: {}\nmodels: {}", "line 2: here is the key 'models' a second time"),
    ("models: !!python/object/apply:os.system [ls]", "line 1: here is a tag"),
    ("models: !!python/object/new:subprocess.Popen [ls]", "line 1: here is a tag"),
    ("models: !include other.yaml", "line 1: here is a tag"),
    ("<<: {models: {}}", "read as merge"),
    ("models: 2026-01-01", "read as timestamp"),
    ("models: yes", "read as bool"),
    ("models: 0x10", "read as int"),
    ("models: .inf", "read as float"),
    ("? {a: b}\n: c", "a key that is not text"),
    ("models: " + "[" * 50, "a level of nesting that no configuration has"),
    ("models: " + "{a: " * 50, "a level of nesting that no configuration has"),
    ("models: " + "9" * 5000, "too many digits"),
    ("models: \x00", "not valid YAML"),
    ("{", "not valid JSON"),
    ('{"models": 1.5}', "a configuration holds no floats"),
    ('{"models": {}, "models": {}}', "given twice"),
    ('{"models": []}', "models: expected named entries, found a list"),
    ("models:\n  net: text", "line 2: models.net: expected a model with named keys"),
    ("models:\n  net:", "line 2: here is '' read as null"),
    ("x" * 2_000_000, "larger than 1 MiB"),
]

TOML = [
    ("[tool.rfgraph", "not valid TOML"),
    ("[tool.rfgraph]\nignore = 'RF2'", "tool.rfgraph.ignore: expected a list, found 'RF2'"),
    ("[tool.rfgraph]\nignored = []", "tool.rfgraph.ignored: the key 'ignored' is unknown; close"),
    ("[tool]\nrfgraph = 5", "tool.rfgraph: expected a configuration with named keys, found 5"),
    ("[[tool.rfgraph]]\nignore = []", "tool.rfgraph: expected a configuration with named keys"),
    ("[tool.rfgraph.models.net]\ninputs = []", "models.net: the key 'target' is missing"),
    ("[tool.rfgraph]\nfail_on = 1979-05-27", "tool.rfgraph.fail_on: expected note, warning, error"),
    ("[tool.rfgraph]\nfail_on = 0.5", "tool.rfgraph.fail_on: expected note, warning, error"),
    ("[tool.rfgraph.models]\nnet = 1979-05-27", "models.net: expected a model with named keys"),
    (
        "[tool.rfgraph.models.net]\ntarget = 'a:b'\nobject_size = 6.5",
        "models.net.object_size: expected an integer",
    ),
    (
        "[tool.rfgraph.models.net]\ntarget = 'a:b'\nexpect.x.size = 1.5",
        "models.net.expect.x.size: size cannot be 1.5",
    ),
    (
        "[tool.rfgraph.models.net]\ntarget = 'a:b'\nexpect.x.size = 1979-05-27",
        "models.net.expect.x.size: size cannot be 1979-05-27",
    ),
]


def refused(path):
    """The sentence with which a configuration is refused."""
    with pytest.raises(ConfigError) as caught:
        load_config(path)
    sentence = str(caught.value)
    assert "\n" not in sentence
    assert len(sentence) < 400
    assert sentence.startswith(str(path))
    return sentence


def test_the_good_one_is_read(tmp_path):
    """What the cases below break is itself fine."""
    path = tmp_path / "rfgraph.yaml"
    path.write_text(GOOD)
    model = find_config(tmp_path).models["net"]
    assert model.target == f"{tmp_path.as_posix()}/model.py:build"
    assert [spec.shape for spec in model.inputs] == [(1, 3, 64, 64), (1, 16)]
    assert model.options.ignore == ("RF204", "gridding")
    assert model.options.select == ("RF2", "misaligned-branches")
    assert model.options.fail_on.word == "note"
    assert [wanted.fact for wanted in model.options.expect["layer4"]] == ["size", "jump", "global"]


@pytest.mark.parametrize(("old", "new", "key", "says"), MISFITS)
def test_misfits_name_file_line_and_key(tmp_path, old, new, key, says):
    """Every misfit is told at its place."""
    path = tmp_path / "rfgraph.yaml"
    assert old in GOOD
    path.write_text(GOOD.replace(old, new, 1))
    sentence = refused(path)
    assert sentence.startswith(f"{path}, line ")
    assert f": {key}" in sentence
    assert says in sentence


@pytest.mark.parametrize(("text", "says"), TEXTS, ids=range(len(TEXTS)))
def test_other_texts_are_refused(tmp_path, text, says):
    """Nothing but a configuration is taken for one."""
    path = tmp_path / "rfgraph.yaml"
    path.write_text(text)
    assert says in refused(path)


@pytest.mark.parametrize(("text", "says"), TOML)
def test_toml_is_refused_by_key(tmp_path, text, says):
    """TOML has the same layout; its errors name the key."""
    pytest.importorskip("tomllib")
    path = tmp_path / "pyproject.toml"
    path.write_text(text)
    assert says in refused(path)


def test_the_documented_configuration_is_read(tmp_path):
    """The example in docs/audit.md is read, and says what the example repository says."""
    page = (Path(__file__).parents[2] / "docs" / "audit.md").read_text()
    (block,) = re.findall(r"^```yaml\n(select:.*?)^```$", page, re.MULTILINE | re.DOTALL)
    path = tmp_path / "rfgraph.yaml"
    path.write_text(block)
    shown = load_config(path).models["segmenter"]
    real = load_config(Path(__file__).parents[2] / "examples" / "model_repo" / "rfgraph.yaml")
    assert shown.options.expect == real.models["segmenter"].options.expect
    assert shown.inputs == real.models["segmenter"].inputs


def test_no_configuration(tmp_path):
    """A folder without one has an empty one; a pyproject of somebody else's is none."""
    assert find_config(tmp_path).file is None
    (tmp_path / "pyproject.toml").write_text("[project]\nname = 'x'\n")
    assert find_config(tmp_path).models == {}
