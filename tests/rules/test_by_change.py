"""Rules against trial: operators that choose by value, count, draw, or have no gradient."""

from __future__ import annotations

import pytest
import torch

import rfgraph
from tests.comparison import differences
from tests.rules.change_cases import ROWS, Row


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.id)
def test_rule_agrees_with_trial(row: Row):
    """Nothing that was seen to change an output is missing, and nothing is too much."""
    sample = row.sample(row.shape, torch.Generator().manual_seed(1))
    analysis = rfgraph.analyze(row.model(), sample, axes=row.axes, real=row.real)
    node = analysis.output()
    assert node.status is not rfgraph.Status.UNKNOWN, node.reasons
    (source,) = analysis.inputs.values()
    found = list(differences(node, row.truth(node, source.axes)))
    assert [d for d in found if not d.kind.endswith("loose")] == []
    if row.bound is None:
        assert found == []
    else:
        assert node.status is rfgraph.Status.BOUND
