"""What masks and scores of `flex_attention` admit is what reaches."""

import subprocess
import sys

import pytest
import torch
from torch import nn

import rfgraph

flex = pytest.importorskip("torch.nn.attention.flex_attention")
TOKENS = 12
DOCUMENTS = torch.tensor([0, 0, 0, 1, 1, 1, 1, 1, 2, 2, 3, 3])


class Model(nn.Module):
    """Attention of two heads through `flex_attention`."""

    def __init__(self, mask=None, score=None):
        super().__init__()
        self.qkv, self.mask, self.score = nn.Linear(8, 24), mask, score

    def forward(self, x):
        q, k, v = (t.unflatten(-1, (2, 4)).transpose(1, 2) for t in self.qkv(x).chunk(3, -1))
        mask = self.mask
        if mask is not None:
            mask = flex.create_block_mask(mask, None, 2, TOKENS, TOKENS, device=x.device)
        seen = flex.flex_attention(q, k, v, score_mod=self.score, block_mask=mask)
        return seen.transpose(1, 2).flatten(2)


MODELS = {
    "causal": Model(lambda b, h, q, k: q >= k),
    "window": Model(lambda b, h, q, k: (q - k).abs() <= 2),
    "prefix": Model(lambda b, h, q, k: (k < 4) | (q >= k)),
    "dilated": Model(lambda b, h, q, k: (q - k) % 3 == 0),
    "documents": Model(lambda b, h, q, k: (DOCUMENTS[q] == DOCUMENTS[k]) & (q >= k)),
    "heads-differ": Model(lambda b, h, q, k: torch.where(h == 0, q == k, q == k + 5)),
    "nothing-kept": Model(lambda b, h, q, k: (q >= k) & (q > 3)),
    "score-bias": Model(score=lambda s, b, h, q, k: s - 0.5 * (q - k).abs()),
    "score-cuts": Model(score=lambda s, b, h, q, k: torch.where(q - k < 3, s, -float("inf"))),
    "both": Model(
        lambda b, h, q, k: q >= k, lambda s, b, h, q, k: torch.where(q - k < 5, s, -float("inf"))
    ),
}
FAST = ("both", "documents")


@pytest.mark.filterwarnings("ignore:flex_attention called without torch.compile")
@pytest.mark.parametrize(
    "name",
    [name if name in FAST else pytest.param(name, marks=pytest.mark.slow) for name in MODELS],
)
def test_footprints_are_what_reaches(name, monkeypatch):
    """Every token's footprint is the set of tokens that change it."""
    monkeypatch.setattr(flex, "_FLEX_ATTENTION_DISABLE_COMPILE_DEBUG", True)
    model = MODELS[name]
    node = rfgraph.analyze(model, (1, TOKENS, 8), layout="NLC", real=True).output()
    base = torch.randn(1, TOKENS, 8)
    changed = base.repeat(TOKENS, 1, 1)
    changed[range(TOKENS), range(TOKENS)] += torch.randn(TOKENS, 8)
    with torch.no_grad():
        # One at a time, because a block mask is made for one batch size.
        moved = torch.cat([model(c[None]) - model(base) for c in changed])
    reached = (moved.abs().amax(2) > 1e-6).T
    assert torch.equal(torch.tensor([node.footprint(o).tolist() for o in range(TOKENS)]), reached)
    assert node.status is rfgraph.Status.EXACT


def test_without_data_the_error_says_what_to_do():
    """Tables of blocks that are made without data would hold nothing."""
    with pytest.raises(rfgraph.CaptureError, match="real=True"):
        rfgraph.analyze(MODELS["causal"], (1, TOKENS, 8), layout="NLC")


@pytest.mark.slow
def test_the_first_analysis_of_a_process_runs_it_as_it_is_written():
    """What compiles is loaded by flex_attention itself, when the first capture has begun."""
    code = (
        "import numpy as np, rfgraph\n"
        "from tests.sequences.test_flex_attention import MODELS, TOKENS\n"
        "shape = (1, TOKENS, 8)\n"
        "node = rfgraph.analyze(MODELS['causal'], shape, layout='NLC', real=True).output()\n"
        "assert np.flatnonzero(node.footprint((2,))).tolist() == [0, 1, 2]\n"
    )
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
