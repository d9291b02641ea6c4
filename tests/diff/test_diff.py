"""`rfgraph.diff` tells what changed and where the change entered."""

import json
import subprocess
import sys

import pytest
import yaml
from torch import nn

import rfgraph
from rfgraph.comparison import SPELLINGS
from rfgraph.errors import ReportError
from tests.diff.nets import INPUT, Net


def report(**options):
    """The report of the small network."""
    return rfgraph.analyze(Net(**options), INPUT).report()


@pytest.fixture(scope="module")
def usual():
    """The network as it was."""
    return report()


def changes(difference, name):
    """What differs in one node: {fact: (old, new)}."""
    node = next(node for node in difference.nodes if node.node == name)
    return {change.what: (change.old, change.new) for change in node.changes}


def test_the_same_is_no_difference(usual):
    """Two analyses of one network do not differ; provenance is no fact."""
    difference = rfgraph.diff(usual, rfgraph.analyze(Net(), INPUT))
    assert not difference
    assert str(difference) == "No differences.\n"


def test_a_dropped_dilation_enters_at_its_convolution(usual):
    """The cause is the operator whose setting changed; later nodes name it."""
    difference = rfgraph.diff(usual, report(dilation=1))
    assert difference.causes == ("layer2.conv2",)
    assert changes(difference, "layer2.conv2")["dilation"] == ([2, 2], [1, 1])
    assert changes(difference, "layer2.add")["size"] == ([35, 35], [27, 27])
    assert [node.node for node in difference.nodes] == ["layer2.conv2", "layer2.add"]
    assert (difference.added, difference.removed, difference.renamed) == ((), (), ())
    assert "layer2.conv2: padding 2 → 1, dilation 2 → 1\n" in str(difference)
    assert "    layer2.conv2: size 35 → 27, start -17 → -13\n" in str(difference)


def test_two_changed_strides_are_two_causes(usual):
    """A merge of two changed branches has both causes, the last first."""
    difference = rfgraph.diff(usual, report(stride=1))
    assert difference.causes == ("layer2.conv1", "layer2.down")
    merge = next(node for node in difference.nodes if node.node == "layer2.add")
    assert merge.causes == ("layer2.down", "layer2.conv1")


def test_a_renamed_module_is_only_renamed(usual):
    """Nodes that are the same but for their name are renamed, not removed and added."""
    difference = rfgraph.diff(usual, report(name="stage2"))
    assert ("layer2.conv1", "stage2.conv1") in difference.renamed
    assert len(difference.renamed) == 5
    assert (difference.nodes, difference.added, difference.removed) == ((), (), ())


def test_an_inserted_pool_is_the_cause(usual):
    """A new node whose field is none of its sources' is where the change entered."""
    difference = rfgraph.diff(usual, report(between=nn.MaxPool2d(2)))
    assert difference.added == ("between",)
    assert {node.causes[0] for node in difference.nodes} == {"between"}
    assert changes(difference, "layer2.conv1")["reads"] == (["layer1.add"], ["between"])
    assert "between was added\n" in str(difference)


def test_an_inserted_activation_changes_only_who_reads_whom(usual):
    """A new node that sees what its source saw moves nothing."""
    difference = rfgraph.diff(usual, report(between=nn.ReLU()))
    assert difference.added == ("between",)
    assert [set(changes(difference, node.node)) for node in difference.nodes] == [{"reads"}] * 2


def test_removal_is_told(usual):
    """What only the old report has is removed."""
    difference = rfgraph.diff(report(between=nn.ReLU()), usual)
    assert difference.removed == ("between",)


def test_inputs_and_outputs_are_compared(usual):
    """Another input size and another output are changes of the model."""
    other = rfgraph.analyze(nn.Sequential(nn.Conv2d(3, 8, 3)), (1, 3, 32, 32))
    whats = {change.what for change in rfgraph.diff(usual, other).model}
    assert whats == {"input x shape", "input input shape", "input x dtype", "input input dtype",
                     "input x axes", "input input axes", "output output"}  # fmt: skip


def test_a_change_between_files_is_found_without_torch(usual, tmp_path):
    """Two files are compared by a process that never imports torch; the exit status tells."""
    rfgraph.report.save(usual, tmp_path / "old.yaml")
    rfgraph.report.save(report(dilation=1), tmp_path / "new.json")
    code = (
        "import sys\nfrom rfgraph.cli.main import main\n"
        "try:\n    main(['diff', 'old.yaml', 'new.json'])\n"
        "except SystemExit as end:\n    status = end.code\n"
        "assert not {'torch', 'numpy', 'networkx'} & set(sys.modules)\nsys.exit(status)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1, done.stderr
    assert done.stdout.startswith("2 nodes changed from 1 cause, 0 added, 0 removed, 0 renamed.\n")


def test_every_spelling_tells_the_change(usual):
    """YAML and JSON hold the same data; Markdown names the cause."""
    difference = rfgraph.diff(usual, report(dilation=1))
    data = json.loads(SPELLINGS["json"](difference))
    assert yaml.safe_load(SPELLINGS["yaml"](difference)) == data
    assert data["causes"] == ["layer2.conv2"]
    assert data["nodes"][1]["changes"][0] == {"what": "size", "old": [35, 35], "new": [27, 27]}
    assert "**layer2.conv2: padding 2 → 1, dilation 2 → 1**" in SPELLINGS["markdown"](difference)
    for name, spell in SPELLINGS.items():
        nothing = spell(rfgraph.diff(usual, usual))
        assert "no differences" in nothing.lower() or '"different": false' in nothing or (
            name == "yaml" and "different: false" in nothing
        )  # fmt: skip


def git(folder, *arguments):
    """Run git in a folder, without the person's own settings."""
    names = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
    subprocess.run(["git", *names, *arguments], cwd=folder, check=True, capture_output=True)  # noqa: S607 -- the person's git


def test_git_revisions_of_a_baseline(usual, tmp_path, monkeypatch):
    """REVISION:PATH is the file as that revision has it."""
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "baselines"
    folder.mkdir()
    git(tmp_path, "init", "-q")
    rfgraph.report.save(usual, folder / "net.yaml")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-qm", "first")
    rfgraph.report.save(report(dilation=1), folder / "net.yaml")
    difference = rfgraph.diff("HEAD:baselines/net.yaml", "baselines/net.yaml")
    assert difference.causes == ("layer2.conv2",)
    with pytest.raises(
        ReportError, match=r"cannot read nowhere:baselines/net\.yaml: invalid object"
    ):
        rfgraph.diff("nowhere:baselines/net.yaml", "baselines/net.yaml")
    with pytest.raises(ReportError, match="not a git revision"):
        rfgraph.diff("--output=x:baselines/net.yaml", "baselines/net.yaml")
