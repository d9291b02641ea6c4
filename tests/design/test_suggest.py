"""Suggested changes reach the wanted field, by NaNs in the changed model too, and keep the map."""

import copy
import math

import pytest
import torch
import torchvision
from torch import nn

import rfgraph
from rfgraph.design import cost
from rfgraph.errors import DesignError
from tests.streams.networks import tcn
from tests.tiles.networks import UNet

NETWORKS = {
    "causal tcn": (tcn, (1, 1, 90), 33, "[13].second*"),
    "tcn": (lambda: tcn(causal=False), (1, 1, 90), 33, "[13].second*"),
    "unet": (UNet, (1, 1, 40, 40), 28, "*"),
    "unet of volumes": (lambda: UNet(3), (1, 1, 16, 16, 16), 30, "deep*"),
}


def measured(model, shape):
    """The extent of the inputs that reach an element in the middle, along the last axis."""
    length = shape[-1]
    batch = torch.zeros(length, *shape[1:], dtype=torch.float64)
    batch[range(length), ..., range(length)] = math.nan
    with torch.no_grad():
        reached = model.double().eval()(batch).isnan().flatten(1, -2).any(1)
    extents = []
    for o in range(length // 2 - 4, length // 2 + 4):
        seen = reached[:, o].nonzero()
        extents.append(int(seen.max() - seen.min()) + 1)
    return max(extents)


@pytest.mark.parametrize("name", NETWORKS)
def test_what_is_suggested_is_reached(name):
    """Every change gives the field that it names, measured by NaNs, and the map as it was."""
    build, shape, target, within = NETWORKS[name]
    torch.manual_seed(1)
    model = build()
    before = rfgraph.analyze(model, shape).output()
    found = rfgraph.suggest(model, shape, target_size=target, within=within)
    assert {s.change.kind for s in found} >= {"dilation", "kernel", "block"}
    unmeasured = {"dilation", "kernel", "block"} if len(shape) < 5 else set()
    for s in found:
        changed = s.applied_to(model)
        after = rfgraph.analyze(changed, shape).output()
        assert after.field.size == s.size
        assert all(n >= target for n in s.size)
        assert s.added == tuple(a - b for a, b in zip(s.size, before.field.size, strict=True))
        assert not s.looks_ahead
        if s.change.kind != "stride":
            assert after.shape == s.shape == before.shape
        if s.change.kind in unmeasured:
            unmeasured.remove(s.change.kind)  # one of each: NaNs are slow
            assert measured(copy.deepcopy(changed), shape) == s.size[-1]


def test_a_causal_model_stays_causal():
    """What is padded goes in front, so that nothing looks ahead."""
    model, shape = tcn(), (1, 1, 120)
    options = {"changes": ("dilation", "kernel", "block"), "within": "2*"}
    for s in rfgraph.suggest(model, shape, target_size=40, **options):
        plan = rfgraph.streaming(rfgraph.analyze(s.applied_to(model), shape))
        assert plan.is_causal, s.text


def test_the_amount_is_the_smallest():
    """One step less does not reach the field."""
    model, shape = UNet(), (1, 1, 48, 48)
    options = {"changes": ("dilation", "kernel"), "within": "[!d]*"}
    found = rfgraph.suggest(model, shape, target_size=30, **options)
    assert len(found) > 4
    for s in found:
        if s.change.module == "middle.0":
            continue  # a pooling goes by two, as it is padded by as much on both sides
        less = rfgraph.design.Change(
            s.change.kind, s.change.module, tuple(n - 1 for n in s.change.steps),
            s.change.looks_back, s.change.channels,
        )  # fmt: skip
        assert rfgraph.analyze(less.applied_to(model), shape).output().field.size[0] < 30


@pytest.mark.parametrize(
    ("name", "node", "within"),
    [("resnet18", "layer3", "layer3.1*"), ("vgg11", "features", "features.1[68]")],
)
def test_torchvision(name, node, within):
    """The cheapest change comes first, and the model is left as it was."""
    model = torchvision.models.get_model(name, weights=None).train()
    values, text = [p.clone() for p in model.parameters()], repr(model)
    state = torch.get_rng_state()
    found = rfgraph.suggest(model, (1, 3, 64, 64), node, target_size=250, within=within)
    assert repr(model) == text
    assert model.training
    assert torch.equal(torch.get_rng_state(), state)
    assert all(map(torch.equal, model.parameters(), values))
    adds = [s.added_multiply_adds for s in found]
    assert adds == sorted(adds)
    assert len(set(adds)) > 1
    added = [sum(s.added) for s in found.by_field()]
    assert added == sorted(added)
    assert all(s.size >= (250, 250) and s.status is rfgraph.Status.EXACT for s in found)


def test_what_cannot_be_made_is_said():
    """Strides beside a shortcut, dilated pooling, and kernels behind a parametrisation."""
    model = UNet()
    nn.utils.parametrizations.weight_norm(model.join)
    found = rfgraph.suggest(model, (1, 1, 48, 48), target_size=30)
    refused = {(r.module, r.kind): r.reason for r in found.refused}
    assert "Sizes of tensors must match" in refused["middle.1", "stride"]
    assert "pad should be smaller" in refused["middle.0", "dilation"]
    assert "no plain parameter" in refused["join", "kernel"]
    assert "leaves the field at" in refused["leave", "stride"]
    assert not set(refused) & {(s.change.module, s.change.kind) for s in found}


@pytest.mark.parametrize("mode", ["zeros", "reflect", "circular"])
@pytest.mark.parametrize("padding", [0, 1, "same", "valid"])
def test_padding_of_every_kind(mode, padding):
    """Maps keep their size whatever pads them, along the one axis that is to grow too."""
    model = nn.Sequential(
        nn.Conv2d(1, 2, 4, padding=padding, padding_mode=mode), nn.Conv2d(2, 1, 1)
    )
    shape = (1, 1, 24, 24)
    before = rfgraph.analyze(model, shape).output()
    found = rfgraph.suggest(
        model, shape, target_size=(9, None), within="0", changes=("dilation", "kernel")
    )
    assert len(found) == 2 or (padding == "same" and mode != "zeros")
    for s in found:
        after = s.applied_to(model)(torch.zeros(shape))
        assert after.shape == before.shape
        assert s.size[0] >= 9
        assert s.size[1] == before.field.size[1]


def test_holes_are_shown():
    """A large dilation reads few positions of its field."""
    model = nn.Conv1d(1, 1, 3, padding=1)
    (dilated,) = rfgraph.suggest(model, (1, 1, 50), target_size=21, changes=("dilation",))
    assert (dilated.size, dilated.support) == ((21,), (3,))
    assert dilated.text == "dilation 1 → 10, padding 1 → 10"


def test_new_weights_can_be_trained():
    """They have memory and the type of the others, and are drawn."""
    model = nn.Sequential(nn.Conv1d(2, 2, 3, padding=1)).double()
    found = rfgraph.suggest(model, (1, 2, 50), target_size=9, changes=("kernel", "block"))
    assert {s.change.kind for s in found} == {"kernel", "block"}
    for s in found:
        changed = s.applied_to(model)
        changed(torch.randn(1, 2, 50, dtype=torch.float64)).sum().backward()
        weights = [p for p in changed.parameters() if p.dim() > 1 and p is not model[0].weight]
        assert weights
        assert all(len(w.detach().unique()) == w.numel() for w in weights)


def test_cost_by_hand():
    """8x8 outputs, 2 channels, 9 taps; 18 weights and 2 biases."""
    model = nn.Conv2d(1, 2, 3, padding=1)
    found = cost.cost(model, (torch.empty(1, 1, 8, 8, device="meta"),), {})
    assert (found.parameters, found.multiply_adds) == (20, 8 * 8 * 2 * 9)


def test_cost_of_control_flow_on_values_is_unknown():
    """Nothing is guessed where only data could tell."""

    class Picky(nn.Module):
        def forward(self, x):
            return x[: int(x.sum().item())]

    assert cost.cost(Picky(), (torch.empty(3, device="meta"),), {}).multiply_adds is None


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"target_size": 5}, "sees 5×5 already"),
        ({"target_size": (9, 9, 9)}, "one for each of the 2 analysed axes"),
        ({"target_size": 0}, "positive number"),
        ({"target_size": 9, "changes": ("width",)}, "takes dilation, kernel, stride, block"),
        ({"target_size": 9, "within": "layer*"}, "no convolution or pooling module"),
        ({"target_size": 9, "node": "2"}, "no local field"),
    ],
)
def test_misuse(options, reason):
    """One sentence that says what to do."""
    model = nn.Sequential(nn.Conv2d(1, 1, 3), nn.Conv2d(1, 1, 3), nn.AdaptiveAvgPool2d(1))
    with pytest.raises(DesignError, match=reason):
        rfgraph.suggest(model, (1, 1, 20, 20), **{"node": "1", **options})


def test_only_modules_can_be_changed():
    """A function has no parts to change."""
    with pytest.raises(DesignError, match=r"on an nn\.Module; got a function"):
        rfgraph.suggest(lambda x: x, (1, 1, 20, 20), target_size=3)
