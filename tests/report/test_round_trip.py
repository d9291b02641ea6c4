"""What is written is read back, exactly, in every format that can be read."""

import json
from fractions import Fraction
from importlib.resources import files

import jsonschema
import pytest
import yaml
from hypothesis import given

import rfgraph
from rfgraph.report import FORMATS, Report, loads, save
from rfgraph.report.structure import to_data
from tests.report.examples import field, node, reports, small_report

DATA_FORMATS = ["yaml", "json"]
SCHEMA = json.loads(files("rfgraph.report").joinpath("schema.json").read_text())


@pytest.mark.parametrize("name", DATA_FORMATS)
@given(report=reports())
def test_any_report_survives_writing_and_reading(name, report):
    """load(dump(x)) == x."""
    assert loads(FORMATS[name].render(report)) == report


@given(report=reports())
def test_the_same_data_is_in_every_format(report):
    """YAML as any YAML library reads it, JSON as any JSON library does, and the layout agree."""
    data = to_data(report)
    assert json.loads(FORMATS["json"].render(report)) == data
    assert yaml.safe_load(FORMATS["yaml"].render(report)) == data


@given(report=reports())
def test_the_schema_accepts_every_report(report):
    """The JSON Schema that ships with the package validates what the package writes."""
    jsonschema.validate(to_data(report), SCHEMA, cls=jsonschema.Draft202012Validator)


def test_the_schema_is_a_schema():
    """schema.json is valid against its own metaschema and closed at every level."""
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    for part in [SCHEMA, *SCHEMA["$defs"].values()]:
        if part.get("type") == "object":
            assert part["additionalProperties"] is False


@pytest.mark.parametrize("suffix", [".yaml", ".yml", ".json"])
def test_files_survive_saving_and_loading(tmp_path, suffix):
    """`rfgraph.load` reads what `save` wrote, for every suffix that stands for data."""
    path = tmp_path / f"fields{suffix}"
    save(small_report(), path)
    assert rfgraph.load(path) == small_report()
    assert rfgraph.load(str(path)) == small_report()


@pytest.mark.parametrize("name", DATA_FORMATS)
def test_keys_longer_than_yaml_allows_survive(name):
    """Names beyond the 1,024 characters of a simple YAML key are written in the long form."""
    long = "a.b-" * 400
    report = Report(
        inputs=(), outputs={long: long}, modules={}, nodes=(), provenance={"π" * 600: "µ"}
    )
    assert loads(FORMATS[name].render(report)) == report


def test_no_number_is_ever_a_float():
    """Fractions are written as text, whole numbers as integers."""
    halves = field((4, 4), (Fraction(1, 2), 1), center=(Fraction(-3, 2), 0))
    report = small_report()
    text = FORMATS["yaml"].render(
        Report(report.inputs[:1], {}, {}, (node("a", {"image": halves}),), {})
    )
    assert 'jump: ["1/2", 1]' in text
    assert 'center: ["-3/2", 0]' in text


def test_one_number_is_one_line():
    """A YAML report begins with its version, keeps provenance apart and spells a field in lines."""
    lines = FORMATS["yaml"].render(small_report()).splitlines()
    assert lines[:5] == [
        "schema_version: 1",
        "provenance:",
        '  rfgraph: "0.1.0"',
        '  torch: "2.15"',
        '  target: "a:b # c"',
    ]  # fmt: skip
    start = lines.index("- name: body.conv")
    assert lines[start : start + 15] == [
        "- name: body.conv",
        "  operator: aten.convolution.default",
        "  module: body.conv",
        "  module_type: Conv2d",
        "  is_module: true",
        "  shape: [1, 64, 112, 112]",
        "  dtype: float32",
        "  status: exact",
        "  path_count: 1",
        "  fields:",
        "    image:",
        "      size: [7, 7]",
        "      jump: [2, 2]",
        "      start: [-3, -3]",
        "      center: [0, 0]",
    ]


@pytest.mark.parametrize("name", list(FORMATS))
def test_equal_reports_are_equal_text(name):
    """Nothing in the output depends on identity, hashing or time."""
    assert FORMATS[name].render(small_report()) == FORMATS[name].render(small_report())
