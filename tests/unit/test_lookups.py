"""Constant index tables are exact fields where one output axis tells each input axis."""

import numpy as np
import pytest
import torch

import rfgraph

RELATIVE = torch.arange(6)[:, None] - torch.arange(6) + 6
"""For each query and key the row of a table of relative positions."""


def relative_scores(x):
    """As DeBERTa: each query has scores for all distances, of which each key takes one."""
    return (x @ torch.ones(4, 13)).gather(2, RELATIVE.expand(x.shape[0], 6, 6))


def last_tokens(x):
    """As models for classification: one token of each sample."""
    return x[torch.arange(x.shape[0]), torch.tensor([4, 4])]


def some_rows(x):
    return x.gather(1, torch.tensor([3, 1, 0])[None, :, None].expand(x.shape[0], 3, 4))


def written_rows(x):
    rows = torch.tensor([3, 1, 0])[None, :, None].expand(x.shape[0], 3, 4)
    return torch.zeros_like(x).scatter(1, rows, x[:, :3])


def one_pair(x):
    return x[:, [5], [1]]


@pytest.mark.parametrize(
    ("forward", "reads"),
    [
        (relative_scores, [[0], [1], [2], [3], [4], [5]]),
        (some_rows, [[3], [1], [0]]),
        (written_rows, [[2], [1], [], [0], [], []]),
    ],
)
def test_tables_of_rows_are_exact(forward, reads):
    """What each position reads is told, and nothing more."""
    node = rfgraph.analyze(forward, (2, 6, 4), layout="NLC").output()
    assert node.status is rfgraph.Status.EXACT
    assert node.field.size_max == (1,)
    assert not node.field.mixes_batch
    for place, seen in enumerate(reads):
        at = (place, 2)[: len(node.spatial_axes)]
        hull = ((seen[0], seen[0]),) if seen else None
        assert node.region(at).hull == hull
        assert np.flatnonzero(node.footprint(at)).tolist() == seen


@pytest.mark.parametrize(("forward", "seen"), [(last_tokens, 4), (one_pair, 5)])
def test_one_position_is_exact(forward, seen):
    """The axis is gone; what is left sees the one position."""
    node = rfgraph.analyze(forward, (2, 6, 4), layout="NLC").output()
    assert node.status is rfgraph.Status.EXACT
    assert node.region(()).hull == ((seen, seen),)


def test_pairs_are_bound():
    """Other tokens of each sample are no product of axes: said so, and the footprint is exact."""
    node = rfgraph.analyze(
        lambda x: x[torch.arange(2), torch.tensor([4, 2])], (2, 6, 4), layout="NLC"
    ).output()
    assert node.status is rfgraph.Status.BOUND
    assert np.flatnonzero(node.footprint(())).tolist() == [2, 4]


def test_large_tables_are_not_looked_into(monkeypatch):
    """Beyond a number of entries any position counts as read."""
    monkeypatch.setattr("rfgraph.propagation.lookup.LARGEST", 20)
    node = rfgraph.analyze(some_rows, (2, 6, 4), layout="NLC").output()
    assert node.status is rfgraph.Status.BOUND


def test_the_largest_hull_joins_samples_that_read_differently():
    """A position is asked of all samples at once, and so are the numbers."""

    def forward(x):
        y = x.clone()
        y[0, :, 0] = x[0, :, 4]
        return y

    node = rfgraph.analyze(forward, (2, 2, 6)).output()
    assert node.region((0,)).hull == ((0, 4),)
    assert node.field.size_max == (5,)
