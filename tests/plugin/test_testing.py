"""The plain functions of `rfgraph.testing`, as unittest users call them."""

import unittest

import pytest
from torch import nn

import rfgraph
from rfgraph import testing
from rfgraph.errors import ConfigError, InputError, NodeNotFoundError


class TestFields(unittest.TestCase):
    """Functions need nothing of pytest."""

    def test_field(self):
        """They pass and fail by AssertionError."""
        model = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1))
        testing.assert_field(model, (2, 3, 8, 8), {"0": {"size": 3, "global": False}})
        with pytest.raises(AssertionError, match="0: size is 3, expected > 3"):
            testing.assert_field(model, (2, 3, 8, 8), {"0": {"size": "> 3"}})
        testing.assert_samples_independent(model, (2, 3, 8, 8))
        testing.assert_aligned(model, (2, 3, 8, 8))


def test_an_analysis_will_do():
    """What is analysed already is not analysed again, and needs no inputs."""
    analysis = rfgraph.analyze(nn.Conv1d(1, 1, 3), (2, 1, 9))
    testing.assert_causal(analysis)
    with pytest.raises(InputError, match="knows its inputs"):
        testing.assert_causal(analysis, (2, 1, 9))


def test_baseline(tmp_path, monkeypatch):
    """The environment variable writes; without it, a difference fails."""
    path = tmp_path / "deep" / "net.yaml"
    model = nn.Conv1d(1, 1, 3)
    with pytest.raises(AssertionError, match=r"no baseline .*; write it with RFGRAPH_UPDATE=1"):
        testing.assert_baseline(model, (1, 1, 9), path=path)
    monkeypatch.setenv("RFGRAPH_UPDATE", "1")
    assert testing.assert_baseline(model, (1, 1, 9), path=path)
    monkeypatch.delenv("RFGRAPH_UPDATE")
    assert not testing.assert_baseline(model, (1, 1, 9), path=path)
    with pytest.raises(AssertionError, match="kernel 3 → 5"):
        testing.assert_baseline(nn.Conv1d(1, 1, 5), (1, 1, 9), path=path)


def test_bad_arguments_are_told():
    """Names that are none raise what the API raises."""
    analysis = rfgraph.analyze(nn.Conv1d(1, 1, 3), (2, 1, 9))
    with pytest.raises(NodeNotFoundError, match="No node or module is named 'layer9'"):
        testing.assert_field(analysis, expected={"layer9": {"size": 3}})
    with pytest.raises(ConfigError, match="'stride' is no fact of a node"):
        testing.assert_field(analysis, expected={
            analysis.output().name: {"stride": 3}
        })  # fmt: skip
    with pytest.raises(ConfigError, match="there is no rule 'RF0'"):
        testing.assert_no_findings(analysis, select=["RF0"])
    with pytest.raises(ConfigError, match="'bad' is no severity"):
        testing.assert_no_findings(analysis, fail_on="bad")
