"""Whether padding leaks, against changing the padded tokens of the eager model."""

import pytest
import torch
from torch import nn

import rfgraph

transformers = pytest.importorskip("transformers")

REAL = torch.tensor([[1, 1, 1, 1, 1, 0, 0, 0], [1, 1, 1, 1, 1, 1, 1, 0]])


def bert():
    """Both ways, two layers."""
    config = transformers.BertConfig(
        hidden_size=16, intermediate_size=16, num_hidden_layers=2, num_attention_heads=2,
        vocab_size=10,
    )  # fmt: skip
    return transformers.BertModel(config)


class Convolution(nn.Module):
    """A convolution over tokens, before which padding is set to zero or is not."""

    def __init__(self, *, clean: bool) -> None:
        super().__init__()
        self.inner = nn.Linear(16, 16, bias=False)
        self.conv = nn.Conv1d(16, 16, 3, padding=1)
        self.clean = clean

    def forward(self, inputs_embeds, attention_mask):
        x = self.inner(inputs_embeds)
        if self.clean:
            x = x * attention_mask[..., None]
        return self.conv(x.transpose(1, 2)).transpose(1, 2)


class Statistics(nn.Module):
    """Normalises over tokens, padding included."""

    def forward(self, inputs_embeds, attention_mask):
        x = inputs_embeds
        return (x - x.mean(1, keepdim=True)) * attention_mask[..., None]


CASES = {
    "bert": (bert, True, None),
    "bert without mask": (bert, False, "encoder.layer.0.attention.self.scaled_dot_product"),
    "clean convolution": (lambda: Convolution(clean=True), True, None),
    "convolution": (lambda: Convolution(clean=False), True, "conv"),
    "statistics": (Statistics, True, "sub"),
}


def call(model, *, masked):
    """The model as a function of its tokens alone."""
    mask = REAL if masked else torch.ones_like(REAL)

    def run(inputs_embeds):
        found = model(inputs_embeds=inputs_embeds, attention_mask=mask)
        return found if isinstance(found, torch.Tensor) else found.last_hidden_state

    return run


@pytest.mark.parametrize("name", CASES)
def test_leak_is_what_changes(name):
    """The real elements that change are those that the answer names, and it names the entry."""
    make, masked, enters = CASES[name]
    torch.manual_seed(0)
    run = call(make().eval(), masked=masked)
    analysis = rfgraph.analyze(run, (2, 8, 16), layout="NLC")
    leak = rfgraph.padding_leak(analysis, REAL)
    x, other = torch.randn(2, 2, 8, 16).unbind(0)
    with torch.no_grad():
        changed = run(x) - run(torch.where(REAL[..., None] > 0, x, other))
    truth = torch.nonzero((changed.abs().amax(2) > 1e-6) & (REAL > 0))
    assert set(leak.real) == {tuple(pair) for pair in truth.tolist()}
    assert bool(leak) == bool(len(truth))
    assert all(not REAL[place] for place in leak.padded)
    if enters is None:
        assert leak.enters is None
    else:
        assert leak.enters.split(".", 1)[-1].startswith(enters) or leak.enters.startswith(enters)


@pytest.mark.parametrize(
    ("mask", "reason"),
    [(torch.ones(2, 8), "marks no token"), (torch.ones(3, 8), "need \\(2, 8\\)")],
)
def test_misuse_is_one_sentence(mask, reason):
    """A mask that does not fit says what would."""
    analysis = rfgraph.analyze(nn.Linear(16, 16), (2, 8, 16), layout="NLC")
    with pytest.raises(rfgraph.InputError, match=reason):
        rfgraph.padding_leak(analysis, mask)
