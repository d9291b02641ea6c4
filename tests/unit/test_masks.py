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


def test_the_largest_hull_joins_samples():
    """A position sees what all samples see there, also where their masks differ."""
    padding = torch.tensor([[0, 0, 0, 1], [1, 0, 0, 0]]).bool()

    def weights(x):
        return x.masked_fill(padding, float("-inf")).softmax(1)

    node = rfgraph.analyze(weights, (2, 4), axes=(1,)).output()
    assert node.region(1).hull == ((0, 3),)
    assert node.field.size_max == (4,)
    assert node.field.size == (3,)


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


class Weights(nn.Module):
    """Weights of attention, averaged over heads, with padding that differs between samples."""

    def __init__(self):
        super().__init__()
        self.attention = nn.MultiheadAttention(4, 2, batch_first=True)
        self.register_buffer("padding", torch.tensor([[0, 0, 1, 0], [0, 1, 1, 0]]).bool())

    def forward(self, x):
        """Return how much each token takes of each."""
        return self.attention(x, x, x, key_padding_mask=self.padding)[1]


def test_heads_folded_into_the_batch_leave_samples_apart():
    """A mask of each sample, the same for all of its heads, does not mix samples."""
    node = rfgraph.analyze(Weights(), (2, 4, 4), layout="NLC").output()
    assert not node.field.mixes_batch
    assert node.status is rfgraph.Status.EXACT
    assert node.footprint(1).tolist() == [True, True, False, True]


_NEVER = float("-inf")
_LOWEST = torch.finfo(torch.float32).min


@pytest.mark.parametrize(
    "change",
    [
        lambda scores: scores * -1,
        lambda scores: scores * 0,
        lambda scores: scores / -2,
        lambda scores: scores / float("inf"),
        lambda scores: scores * torch.tensor([1.0, 1, 1, 1, 0]),
        lambda scores: scores.clamp(min=-9),
        lambda scores: scores.clamp(-9, 9),
        lambda scores: scores.maximum(torch.zeros(5)),
        lambda scores: 1 - scores,
        lambda scores: scores - scores,
        lambda scores: scores * scores.sum().exp(),
        lambda scores: torch.div(scores, 2, rounding_mode="floor"),
        lambda scores: scores.bool().float(),
        lambda scores: scores.clamp(min=-9).to(torch.int64).float(),
    ],
)
def test_what_takes_minus_infinity_away_leaves_no_mask(change):
    """A factor that is not positive, a bound from below and another -inf give other scores."""

    def attend(x):
        ahead = torch.ones(5, 5).triu(1).bool()
        return change((x @ x.mT).masked_fill(ahead, _NEVER)).softmax(-1) @ x

    assert rfgraph.analyze(attend, (1, 5, 4), layout="NLC").output().footprint(0)[4]


class Learned(nn.Module):
    """Attention whose masked scores are multiplied by a parameter."""

    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(()))

    def forward(self, x):
        """Return what each token attends to."""
        ahead = torch.ones(5, 5).triu(1).bool()
        return ((x @ x.mT).masked_fill(ahead, _NEVER) * self.scale).softmax(-1) @ x


def test_a_parameter_may_be_negative():
    """What a learned factor makes of -inf is not known."""
    assert rfgraph.analyze(Learned(), (1, 5, 4), layout="NLC").output().footprint(0).all()


@pytest.mark.parametrize("change", [lambda w: w * 1e-38, lambda w: w / 3, lambda w: w - w.sum()])
def test_the_lowest_number_does_not_survive_arithmetic(change):
    """It is a number after all: a fraction of it, or less another, may be an ordinary score."""

    def attend(x):
        ahead = torch.ones(5, 5).triu(1).bool()
        return change((x @ x.mT).masked_fill(ahead, _LOWEST)).softmax(-1) @ x

    assert rfgraph.analyze(attend, (1, 5, 4), layout="NLC").output().footprint(0).all()


def test_a_row_under_the_maximum_is_no_whole_axis():
    """Scores less their maximum keep what a causal mask is: a prefix, with no global path."""

    def attend(x):
        ahead = torch.ones(5, 5).triu(1).bool()
        scores = (x @ x.mT).masked_fill(ahead, _NEVER)
        return (scores - scores.amax(-1, keepdim=True)).softmax(-1) @ x

    node = rfgraph.analyze(attend, (1, 5, 4), layout="NLC").output()
    assert not node.field.is_global
    assert node.region(2).hull == ((0, 2),)


def test_scores_seen_as_another_type_are_no_scores():
    """Their bits are other numbers, of another shape."""

    def forward(x):
        ahead = torch.ones(4, 4, dtype=torch.bool).triu(1)
        scores = (x @ x.mT).masked_fill(ahead, -torch.inf).view(torch.float16).float()
        return scores[..., :4].softmax(-1) @ x

    assert rfgraph.analyze(forward, (1, 4, 2), axes=(1,)).output().footprint((0,)).all()
