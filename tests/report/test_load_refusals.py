"""A file that is not a report is refused with one sentence: the file, the line, the key, why."""

import pytest

import rfgraph
from rfgraph.errors import ReportError
from rfgraph.report import FORMATS, load, loads
from rfgraph.report import load as load_module
from tests.report.examples import small_report

YAML = FORMATS["yaml"].render(small_report())
JSON = FORMATS["json"].render(small_report())


def line_of(text, start):
    """The number, from 1, of the first line of `text` that begins with `start` (indent aside)."""
    return next(
        number
        for number, line in enumerate(text.splitlines(), 1)
        if line.lstrip().startswith(start)
    )


# (what is replaced, by what, the key named, what the sentence says)
IMAGE = "nodes[2].fields.image"
POOLED = "nodes[3].fields.image"
MISFITS = [
    ("schema_version: 1", "schema_version: 2", "schema_version", "reads schema version 1, not 2"),
    ("schema_version: 1", "schema_version: one", "schema_version", "expected an integer"),
    ("schema_version: 1", "schema_version: true", "schema_version", "expected an integer"),
    ("schema_version: 1", "schema_version: null", "schema_version", "found nothing"),
    ("schema_version: 1", "version: 1", "", "the key 'schema_version' is missing"),
    ("schema_version: 1", "schema_version: 1\nextra: 1", "extra", "the key 'extra' is unknown"),
    ('  torch: "2.15"', "  torch: 2", "provenance.torch", "expected text, found 2"),
    ('  torch: "2.15"', "  torch: [a]", "provenance.torch", "expected text, found a list"),
    ("- name: image", "- name: 5", "inputs[0].name", "expected text, found 5"),
    ("- name: signal", "- name: image", "inputs[1].name", "the name 'image' is used twice"),
    ("shape: [1, 3, 224, 224]", "shape: 224", "inputs[0].shape", "expected a list, found 224"),
    ("shape: [1, 3, 224, 224]", "shape: [1, -3, 9, 9]", "inputs[0].shape[1]", "at least 0"),
    ("shape: [1, 3, 224, 224]", "shape: [true, 3, 9, 9]", "inputs[0].shape[0]", "found true"),
    ("axes: [2, 3]", "axes: [2, 4]", "inputs[0].axes", "of 4 dimensions has no such axis"),
    ("axes: [2, 3]", "axis: [2, 3]", "inputs[0]", "the key 'axes' is missing"),
    ("  output: pool", "  output: [pool]", "outputs.output", "expected text, found a list"),
    ("- name: body.conv", "- name: up", "nodes[1].name", "the name 'up' is used twice"),
    ("- name: body.conv", "- nom: body.conv", "nodes[0]", "the key 'name' is missing"),
    ("operator: aten.add.Tensor", "operator: true", "nodes[2].operator", "found true"),
    ("is_module: true", "is_module: 1", "nodes[0].is_module", "expected true or false, found 1"),
    ("is_module: true", 'is_module: "true"', "nodes[0].is_module", "found 'true'"),
    ("status: bound", "status: sure", "nodes[3].status", "expected exact, bound, unknown"),
    ("status: bound", "status: [bound]", "nodes[3].status", "found a list"),
    ("path_count: 2", "path_count: -2", "nodes[2].path_count", "at least 0, found -2"),
    ("path_count: 2", 'path_count: "0xZ"', "nodes[2].path_count", "expected an integer"),
    ("size: [11, 7]", "size: [11]", f"{IMAGE}.size", "per analysed axis (2), found 1"),
    ("size: [11, 7]", "size: 11", f"{IMAGE}.size", "expected a list"),
    ("size: [11, 7]", "size: [11, big]", f"{IMAGE}.size[1]", "found 'big'"),
    ("size: [11, 7]", 'size: [11, "2/4"]', f"{IMAGE}.size[1]", "written as 1/2"),
    ("size: [11, 7]", 'size: [11, "4/1"]', f"{IMAGE}.size[1]", "written as 4"),
    ("size: [11, 7]", 'size: [11, "1/0"]', f"{IMAGE}.size[1]", "found '1/0'"),
    ("size: [11, 7]", 'size: [11, "7"]', f"{IMAGE}.size[1]", "found '7'"),
    ("size: [11, 7]", "size: [11, [7]]", f"{IMAGE}.size[1]", "found a list"),
    ("size: [11, 7]", "sise: [11, 7]", IMAGE, "the key 'size' is missing"),
    ("size_min: [3, 3]", "least: [3, 3]", "nodes[1].fields.image.least", "is unknown"),
    ("support: [2]", "support: 2", "nodes[2].fields.signal.support", "expected a list"),
    ("global_axes: [true, true]", "global_axes: [true]", f"{POOLED}.global_axes", "(2)"),
    ("global_axes: [true, true]", "global_axes: [1, 1]", f"{POOLED}.global_axes[0]", ""),
    ("mixes_batch: true", "mixes_batch: maybe", f"{POOLED}.mixes_batch", "'maybe'"),
    ("reaches: false", "reaches: null", "nodes[0].fields.signal.reaches", "found nothing"),
    ("signal:", "sound:", "nodes[0].fields.sound", "no input is called 'sound'"),
    ("- source: conv", "- origin: conv", "nodes[2].branches[0]", "the key 'source' is missing"),
    ("aligned: true", "aligned: 3", "nodes[2].branches[0].aligned", "found 3"),
    ("type: Sequential", "kind: Sequential", "modules.body", "the key 'type' is missing"),
    ("nodes: [up]", "nodes: up", "modules.up.nodes", "expected a list, found 'up'"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "key", "says"), MISFITS)
def test_misfits_name_file_line_key_and_reason(tmp_path, old, new, key, says):
    """Every misfit is told at its place."""
    path = tmp_path / "bad.yaml"
    assert old in YAML
    path.write_text(YAML.replace(old, new, 1))
    with pytest.raises(ReportError) as caught:
        load(path)
    sentence = str(caught.value)
    assert sentence.startswith(f"{path}, line ")
    assert f": {key}: " in sentence or not key
    assert says in sentence
    assert "\n" not in sentence


def test_the_line_is_that_of_the_value():
    """The line named is the one to look at."""
    text = YAML.replace("status: bound", "status: sure")
    with pytest.raises(ReportError, match=rf"line {line_of(text, 'status: sure')}:"):
        loads(text)


def test_json_misfits_have_lines_too():
    """A JSON report is told about in the same way."""
    text = JSON.replace('"status": "bound"', '"status": "sure"')
    line = line_of(text, '"status": "sure"')
    with pytest.raises(ReportError, match=rf"^the text, line {line}: nodes\[3\]\.status: expected"):
        loads(text)


NO_REPORTS = [
    ("", "is empty"),
    ("# only a comment\n", "is empty"),
    ("just text", "expected a report with named keys, found 'just text'"),
    ("- a\n- b", "expected a report with named keys, found a list"),
    ("schema_version: [1", "not valid YAML"),
    ("a: b: c", "line 1: not valid YAML: mapping values are not allowed"),
    ("\tschema_version: 1", "not valid YAML"),
    ("schema_version: 1\n---\nschema_version: 1", "line 2: here is a second document"),
    ("a: &x [1]\nb: *x", "line 1: here is an anchor or alias"),
    ("&x a: *x", "here is"),
    ("a: &x [*x]", "here is an anchor or alias"),
    ("a: *nowhere", "here is an anchor or alias"),
    ("schema_version: 1\nschema_version: 1", "line 2: here is the key 'schema_version' a second"),
    ("schema_version: 1.0", "line 1: here is '1.0' read as float"),
    ("schema_version: 01", "here is '01' read as int"),
    ("schema_version: 0x1", "here is '0x1' read as int"),
    ("schema_version: 1_0", "here is '1_0' read as int"),
    ("schema_version: 2024-01-01", "read as timestamp"),
    ("schema_version: yes", "here is 'yes' read as bool"),
    ("schema_version: ~", "here is '~' read as null"),
    ("schema_version: !!python/object/apply:os.system [ls]", "line 1: here is a tag"),
    ("schema_version: !!python/name:os.system x", "line 1: here is a tag"),
    ("schema_version: !secret x", "line 1: here is a tag"),
    ("schema_version: !!set {a}", "line 1: here is a tag"),
    ("<<: {a: b}", "read as merge"),
    ("1: a", "line 1: here is a key that is not text"),
    ("? [a]\n: b", "here is a key that is not text"),
    ("a: " + "[" * 30 + "]" * 30, "a level of nesting that no report has"),
    # PyYAML 6.0.4 itself refuses to go that deep
    ("a: " + "[" * 100_000, "a level of nesting that no report has|maximum nesting depth"),
    ("schema_version: " + "9" * 5000, "an integer of too many digits"),
    ("a: \x07", "not valid YAML"),
    ("{", "line 1: not valid JSON"),
    ("{}", "the key 'schema_version' is missing"),
    ('{"schema_version": 1,}', "not valid JSON"),
    ('{"schema_version": 1.0}', "holds no floats, but here is 1.0"),
    ('{"schema_version": NaN}', "holds no floats, but here is NaN"),
    ('{"schema_version": 1, "schema_version": 1}', "the key 'schema_version' is given twice"),
    ('{"a": ' + "[" * 100_000, "nested too deeply|not valid JSON"),
    ('{"schema_version": ' + "9" * 5000 + "}", "too many digits"),
    ('{"schema_version": 1} {}', "not valid JSON"),
    ('{"a": "\\ud83d\\ude00"}', "the key 'schema_version' is missing"),
]


@pytest.mark.parametrize(("text", "says"), NO_REPORTS)
def test_other_texts_are_refused(text, says):
    """Nothing but a report is taken for one, however it is dressed."""
    with pytest.raises(ReportError, match=says) as caught:
        loads(text)
    assert len(str(caught.value)) < 300
    assert "\n" not in str(caught.value)


def test_alias_bombs_cost_nothing():
    """A text whose aliases would unfold to 10^9 items is refused at the first of them."""
    bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
        f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 10)
    )
    with pytest.raises(ReportError, match="an anchor or alias"):
        loads(bomb)


def test_large_files_are_not_read(tmp_path, monkeypatch):
    """More than 64 MiB is no report."""
    path = tmp_path / "large.yaml"
    path.write_text(YAML)
    monkeypatch.setattr(load_module_object(), "MAX_BYTES", 100)
    with pytest.raises(ReportError, match="so it is not read"):
        load(path)


def load_module_object():
    """The module that the function `load` lives in."""
    import sys

    return sys.modules[load_module.__module__]


def test_missing_files_and_folders(tmp_path):
    """What cannot be opened is said to be unreadable."""
    with pytest.raises(ReportError, match=r"cannot read .*none\.yaml: No such file"):
        rfgraph.load(tmp_path / "none.yaml")
    with pytest.raises(ReportError, match="cannot read"):
        rfgraph.load(tmp_path)
    with pytest.raises(ReportError, match="cannot read"):
        rfgraph.load("null\0character.yaml")


def test_other_encodings(tmp_path):
    """Bytes that are not UTF-8 are refused with their line; a byte-order mark is no harm."""
    path = tmp_path / "latin.yaml"
    path.write_bytes(b"a: b\nc: \xff\n")
    with pytest.raises(ReportError, match="line 2: not UTF-8"):
        load(path)
    path.write_bytes(b"\xef\xbb\xbf" + YAML.encode())
    assert load(path) == small_report()
