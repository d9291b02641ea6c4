"""What a person sees: tables that fit a terminal and say what matters."""

from dataclasses import replace

import pytest
from hypothesis import given

from rfgraph.errors import ReportError
from rfgraph.report import FORMATS, ModuleFacts, Report, Selection
from tests.report.examples import field, node, reports, small_report

TABLE = FORMATS["table"].render
MARKDOWN = FORMATS["markdown"].render


def deep_report(blocks, units):
    """Blocks of units under one trunk: a module tree with three levels and many leaves."""
    nodes, modules = [], {}
    size = 1
    for block in range(blocks):
        for unit in range(units):
            size += 2
            path = f"trunk.{block}.{unit}"
            nodes.append(node(path, {"image": field((size, size), (1, 1), (-size // 2, 0))}))
            modules[path] = ModuleFacts("Conv2d", (path,))
        modules[f"trunk.{block}"] = ModuleFacts("Block", (nodes[-1].name,))
    modules["trunk"] = ModuleFacts("Trunk", (nodes[-1].name,))
    report = small_report()
    return Report(report.inputs[:1], {"output": nodes[-1].name}, modules, tuple(nodes), {})


@given(report=reports())
def test_no_line_is_longer_than_100(report):
    """Whatever the names and numbers are, the table fits 100 columns."""
    for level in ("module", "operator"):
        text = TABLE(report, Selection(level=level))
        assert all(len(line) <= 100 for line in text.split("\n"))


def test_the_small_report():
    """Containers share their child's row, inputs have a table each, and doubts are told."""
    assert (
        TABLE(small_report())
        == """\
Receptive fields in image (1×3×224×224 float32), axes 2, 3

node              type               output        size    jump    start    status
----------------  -----------------  ------------  ------  ------  -------  --------
body.conv = body  Sequential         1×64×112×112  7       2       -3       exact
up                Upsample           1×64×224×224  3..4    1/2     -3       exact
add               add                1×64×112×112  11×7    4×2     -5×-3    exact
pool              AdaptiveAvgPool2d  1×64×1×1      global  -       -        bound

Receptive fields in signal (1×4×50 float32), axes 2

node              type               output        size    jump    start    status
----------------  -----------------  ------------  ------  ------  -------  --------
body.conv = body  Sequential         1×64×112×112  none    -       -        exact
up                Upsample           1×64×224×224  none    -       -        exact
add               add                1×64×112×112  3       1       -1       exact
pool              AdaptiveAvgPool2d  1×64×1×1      3       1       -1       bound

4 operators: 3 exact, 1 bound.
image: largest local field: 11×7, first at add.
image: global from pool on.
signal: largest local field: 3, first at add.
not exact: pool: a reason.
Rows that repeat the row above are left out; all: --level operator.
"""
    )


def test_inputs_with_equal_fields_share_a_table():
    """Two images that a model treats alike are shown once."""
    report = small_report()
    twins = (report.inputs[0], replace(report.inputs[0], name="second"))
    nodes = (node("conv", {"image": field(), "second": field()}),)
    text = TABLE(Report(twins, {}, {}, nodes, {}))
    assert text.count("Receptive fields in") == 1
    assert "image (1×3×224×224 float32) and second (1×3×224×224 float32)" in " ".join(text.split())


def test_module_rows_fit_a_screen():
    """The module tree is shown as deep as 60 rows allow, and never shallower than its top."""
    assert TABLE(deep_report(5, 10)).count("Conv2d") == 45
    assert TABLE(deep_report(8, 10)).count("Conv2d") == 0
    assert TABLE(deep_report(8, 10)).count("Block") == 7
    assert TABLE(deep_report(80, 2)).count("trunk") == 1 + 1  # the row and the footer


def test_patterns_are_not_cut_to_a_screen():
    """What is asked for by name is shown whole."""
    assert TABLE(deep_report(8, 10), Selection(("trunk.7.*",))).count("Conv2d") == 10


def test_operator_rows_are_all_nodes():
    """At operator level, repeated rows are shown too."""
    text = TABLE(small_report(), Selection(level="operator"))
    assert text.count("convolution") == 6
    assert "left out" not in text


def test_leaves_that_repeat_the_row_above_are_left_out():
    """A normalization or activation that changes nothing needs no row."""
    nodes = tuple(
        node(name, {"image": field()}, module_type=kind)
        for name, kind in [("conv", "Conv2d"), ("norm", "BatchNorm2d"), ("act", "ReLU")]
    )
    modules = {entry.name: ModuleFacts(entry.module_type, (entry.name,)) for entry in nodes}
    report = Report(small_report().inputs[:1], {}, modules, nodes, {})
    assert "norm" not in TABLE(report)
    assert "norm" in TABLE(report, Selection(("*",)))


def test_repeated_calls_are_numbered():
    """A module that is called twice has a row per call, numbered like its nodes."""
    nodes = (
        node("conv", {"image": field()}),
        node("conv_1", {"image": field((13, 13))}, module="conv"),
    )
    report = Report(
        small_report().inputs[:1],
        {},
        {"conv": ModuleFacts("Conv2d", ("conv", "conv_1"))},
        nodes,
        {},
    )
    assert [line.split()[0] for line in TABLE(report).splitlines()[4:6]] == ["conv", "conv_1"]


def test_globals_on_some_axes_are_named():
    """A field that is global along one axis says along which."""
    part = field(global_axes=(False, True), global_origins=("a", "b", "c", "d"))
    report = Report(small_report().inputs[:1], {}, {}, (node("conv", {"image": part}),), {})
    assert "7 +global[3]" in TABLE(report, Selection(level="operator"))
    assert "global from a, b, c, ... on." in TABLE(report)
    whole = replace(part, global_axes=(True, True))
    report = Report(small_report().inputs[:1], {}, {}, (node("conv", {"image": whole}),), {})
    assert "7 +global " in TABLE(report, Selection(level="operator"))


def test_markdown_is_a_pipe_table():
    """Markdown has the same rows, and nothing in them is taken for markup."""
    report = small_report()
    odd = Report(report.inputs[:1], {}, {}, (node("a|b_*c", {"image": field()}),), {})
    lines = MARKDOWN(odd, Selection(level="operator")).splitlines()
    assert lines[0] == "**Receptive fields in image (1×3×224×224 float32), axes 2, 3**"
    assert lines[2].startswith("| node")
    assert lines[3].startswith("|:---")
    assert lines[4].startswith(r"| a\|b\_\*c")


@pytest.mark.parametrize("name", list(FORMATS))
def test_patterns_choose_nodes_in_every_format(name):
    """A pattern is matched against node names and module paths."""
    text = FORMATS[name].render(small_report(), Selection(("bod?",), "operator"))
    assert "body.conv" in text
    assert "Upsample" not in text.partition("modules")[0]


@pytest.mark.parametrize("name", list(FORMATS))
def test_patterns_that_match_nothing_are_told(name):
    """A misspelt name is answered with close ones."""
    with pytest.raises(ReportError, match=r"called 'body\.cnv\*'; close: body\.conv"):
        FORMATS[name].render(small_report(), Selection(("body.cnv*",)))


def test_a_report_without_nodes_is_a_table_too():
    """Nothing to show is said, not a failure."""
    assert "No operators." in TABLE(Report((), {}, {}, (), {}))


def test_a_container_stands_for_its_own_last_operator():
    """A block's final addition is shown as the block, not twice."""
    nodes = (
        node("block.conv", {"image": field()}),
        node("block.add", {"image": field((9, 9))}, module="block", is_module=False),
        node("block.act", {"image": field((9, 9))}),
    )
    modules = {
        "block.conv": ModuleFacts("Conv2d", ("block.conv",)),
        "block.act": ModuleFacts("ReLU", ("block.act",)),
        "block": ModuleFacts("Block", ("block.act",)),
    }
    report = Report(small_report().inputs[:1], {}, modules, nodes, {})
    assert first_column(TABLE(report)) == ["block.conv", "block"]


def test_models_without_modules_show_their_operators():
    """A plain function has operator rows at every level."""
    nodes = tuple(
        node(name, {"image": field((size, size))}, module="", is_module=False)
        for name, size in [("conv", 3), ("conv_1", 5)]
    )
    report = Report(small_report().inputs[:1], {}, {}, nodes, {})
    assert first_column(TABLE(report)) == ["conv", "conv_1"]


def test_long_runs_of_functions_give_way_to_modules():
    """If the top level alone does not fit a screen, only what modules returned is shown."""
    steps = tuple(
        node(f"add_{k}", {"image": field((k + 8, k + 8))}, module="", is_module=False)
        for k in range(100)
    )
    nodes = (node("conv", {"image": field()}), *steps)
    modules = {"conv": ModuleFacts("Conv2d", ("conv",))}
    report = Report(small_report().inputs[:1], {}, modules, nodes, {})
    assert first_column(TABLE(report)) == ["conv"]


def first_column(table):
    """The labels of a table with one section."""
    return [line.split("  ")[0] for line in table.split("\n\n")[1].splitlines()[2:]]
