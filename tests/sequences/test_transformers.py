"""How many tokens a layer sees: language models built small, against tracing the eager model."""

import pytest
import torch

import rfgraph

transformers = pytest.importorskip("transformers")

TOKENS, WIDTH = 12, 16


def gpt2(attention):
    """A causal model."""
    return transformers.GPT2Model(
        transformers.GPT2Config(
            n_embd=WIDTH, n_layer=2, n_head=2, n_positions=32, vocab_size=10, bos_token_id=0,
            eos_token_id=1, attn_implementation=attention,
        )
    )  # fmt: skip


def mistral(attention):
    """A causal model whose layers see a window of 4 tokens."""
    return transformers.MistralModel(
        transformers.MistralConfig(
            hidden_size=WIDTH, intermediate_size=16, num_hidden_layers=2, num_attention_heads=2,
            num_key_value_heads=1, vocab_size=10, sliding_window=4, attn_implementation=attention,
        )
    )  # fmt: skip


def longformer():
    """Windows of 5 tokens, both ways, by strides into memory."""
    return transformers.LongformerModel(
        transformers.LongformerConfig(
            hidden_size=WIDTH, intermediate_size=16, num_hidden_layers=2, num_attention_heads=2,
            vocab_size=10, attention_window=4, max_position_embeddings=64,
        )
    )  # fmt: skip


MODELS = {
    "gpt2 eager": (lambda: gpt2("eager"), "h"),
    "gpt2 sdpa": (lambda: gpt2("sdpa"), "h"),
    "mistral eager": (lambda: mistral("eager"), "layers"),
    "mistral sdpa": (lambda: mistral("sdpa"), "layers"),
}


def build(make):
    """The model in eval mode and its analysis along the tokens."""
    torch.manual_seed(0)
    model = make().eval()
    shapes = {"inputs_embeds": (1, TOKENS, WIDTH)}
    return model, rfgraph.analyze(model, shapes, layout="NLC")


def reached(model, path):
    """[o, t]: whether changing token t changes token o of what a layer returns."""
    values = []

    def keep(_module, _args, result):
        values.append(result if isinstance(result, torch.Tensor) else result[0])

    handle = model.get_submodule(path).register_forward_hook(keep)
    base = torch.randn(1, TOKENS, WIDTH)
    changed = base.repeat(TOKENS, 1, 1)
    changed[range(TOKENS), range(TOKENS)] += torch.randn(TOKENS, WIDTH)
    with torch.no_grad():
        model(inputs_embeds=base)
        model(inputs_embeds=changed)
    handle.remove()
    return ((values[1] - values[0]).abs().amax(2) > 1e-6).T


def predicted(node):
    """The same by footprints."""
    return torch.tensor([node.footprint(o).tolist() for o in range(TOKENS)])


@pytest.mark.parametrize("name", MODELS)
def test_field_per_layer_is_what_reaches(name):
    """Every layer's footprint is the set of tokens that change it, and nothing looks ahead."""
    make, layers = MODELS[name]
    model, analysis = build(make)
    for layer in range(2):
        node = analysis[f"{layers}.{layer}"]
        assert torch.equal(predicted(node), reached(model, f"{layers}.{layer}"))
        assert rfgraph.streaming(analysis, node).look_ahead == 0
        assert node.status is rfgraph.Status.EXACT


def test_tokens_seen():
    """A window of 4 reaches 3 tokens back per layer; a causal model reaches all of them."""
    _, windowed = build(lambda: mistral("sdpa"))
    backs = [rfgraph.streaming(windowed, f"layers.{layer}").look_back for layer in range(2)]
    assert backs == [3, 6]
    _, full = build(lambda: gpt2("sdpa"))
    assert rfgraph.streaming(full, "h.1").look_back is None


def test_longformer_footprints_are_what_reaches():
    """Windows made by strides into memory are followed; the closed form of the field is a bound."""
    model, analysis = build(longformer)
    for layer in range(2):
        node = analysis[f"encoder.layer.{layer}"]
        assert torch.equal(predicted(node), reached(model, f"encoder.layer.{layer}"))
        assert node.status is rfgraph.Status.BOUND
        assert any("a mask of -inf" in reason for reason in node.reasons)
