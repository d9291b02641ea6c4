"""Input positions that no output reads, elements that nothing reads, the narrowest path."""

import numpy as np
import pytest
from torch import nn

import rfgraph
from rfgraph.errors import InputError, NodeNotFoundError


def test_the_last_column_of_an_odd_input_is_unread():
    """A 2x2 pool of 7 columns drops the last."""
    analysis = rfgraph.analyze(nn.MaxPool1d(2), (1, 1, 7))
    assert np.flatnonzero(analysis.unread()).tolist() == [6]
    assert not rfgraph.analyze(nn.MaxPool1d(2, ceil_mode=True), (1, 1, 7)).unread().any()


def test_unread_agrees_with_the_footprints():
    """A position is unread exactly if it is in no output element's footprint."""
    model = nn.Sequential(nn.Conv2d(1, 1, 3, stride=2), nn.Conv2d(1, 1, 1, stride=3))
    analysis = rfgraph.analyze(model, (1, 1, 14, 17))
    node = analysis.output()
    seen = np.zeros((14, 17), dtype=bool)
    for position in np.ndindex(node.shape[2:]):
        seen |= node.footprint(position)
    assert (analysis.unread() == ~seen).all()
    assert analysis.unread().any()


def test_several_outputs_read_together():
    """What either output reads is read."""

    class Ends(nn.Module):
        def forward(self, x):
            return x[..., :3], x[..., 5:]

    assert np.flatnonzero(rfgraph.analyze(Ends(), (1, 1, 8)).unread()).tolist() == [3, 4]


def test_elements_that_nothing_reads():
    """A strided 1x1 convolution skips what no other operator reads."""
    model = nn.Sequential(nn.Conv1d(1, 1, 3, padding=1), nn.Conv1d(1, 1, 1, stride=2))
    analysis = rfgraph.analyze(model, (1, 1, 6))
    assert analysis.skipped("0")[0, 0].tolist() == [False, True] * 3
    assert not analysis.skipped("1").any()


def test_unknown_names_are_refused():
    """Names that are none are told."""
    analysis = rfgraph.analyze(nn.MaxPool1d(2), (1, 1, 7))
    with pytest.raises(InputError, match="no input 'y'"):
        analysis.unread("y")
    with pytest.raises(NodeNotFoundError, match="No node or module"):
        analysis.skipped("y")


def test_the_narrowest_field_is_that_of_the_smallest_path():
    """Through a residual block the narrowest path is the shortcut; the field is the widest."""

    class Residual(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv1d(1, 1, 7, padding=3)

        def forward(self, x):
            return x + self.conv(x)

    analysis = rfgraph.analyze(nn.Sequential(Residual(), Residual()), (1, 1, 32))
    assert analysis.narrowest_field("1").size == (1,)
    assert analysis["1"].field.size == (13,)
    assert "1.conv" not in analysis["1"].paths.smallest
