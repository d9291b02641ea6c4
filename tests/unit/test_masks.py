"""What constant masks leave is known exactly, also where they differ from head to head."""

import pytest
import torch
import torch.nn.functional as F  # noqa: N812 -- its usual name
from torch import nn

import rfgraph
from tests.rules.cases.masks import CASES


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_every_node_under_a_mask_is_exact(case):
    """No mask is joined with another one, and no position is counted in."""
    analysis = rfgraph.analyze(case.model(), list(case.shapes), axes=case.axes)
    assert {node.status.value for node in analysis} == {"exact"}


class Heads(nn.Module):
    """One head that looks back, and one that looks at its neighbours; each is returned."""

    def forward(self, x):
        """Return the channels of both heads, (N, C, L) each."""
        y = x.transpose(1, 2)[:, None].expand(-1, 2, -1, -1)
        rows = torch.arange(y.shape[2])
        away = rows[:, None] - rows
        masks = torch.stack([away >= 0, away.abs() <= 1])
        seen = F.scaled_dot_product_attention(y, y, y, attn_mask=masks)
        back, near = seen.transpose(2, 3).unbind(1)
        return back, near


def test_heads_stay_apart():
    """A causal head stays causal beside one that is not."""
    analysis = rfgraph.analyze(Heads(), (1, 3, 9))
    back, near = analysis.outputs.values()
    assert [back.region((k,)).hull for k in (0, 4, 8)] == [((0, 0),), ((0, 4),), ((0, 8),)]
    assert [near.region((k,)).hull for k in (0, 4, 8)] == [((0, 1),), ((3, 5),), ((7, 8),)]
    assert near.field.size == (3,)
    assert near.field.jump == (1,)


def test_too_many_masks_are_joined_aloud():
    """Beyond a number of different masks their union is taken, and the status says so."""

    class Many(nn.Module):
        def forward(self, x):
            y = x.transpose(1, 2)[:, None]
            index = torch.arange(100 * y.shape[2] ** 2) ** 2 % 1009 % 2 == 0
            masks = index.view(100, y.shape[2], -1) | torch.eye(y.shape[2], dtype=torch.bool)
            scores = (y @ y.transpose(2, 3)).masked_fill(~masks, float("-inf"))
            return (scores.softmax(-1) @ y).sum(1)

    node = rfgraph.analyze(Many(), (1, 2, 6)).output()
    assert node.status.value == "bound"
    assert any("joined" in reason for reason in node.reasons)
    assert node.footprint((3,)).all()
