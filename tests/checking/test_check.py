"""Checks that pass on true predictions, fail on false ones, and say when they cannot tell."""

import pytest
import torch
import torch.nn.functional as F  # noqa: N812 -- its usual name
import yaml
from torch import nn

import rfgraph
from rfgraph.errors import IndexRangeError, InputError, ModelError, NodeNotFoundError
from rfgraph.geometry.tensor_map import identity
from rfgraph.geometry.window import window
from rfgraph.rules.axes import along
from rfgraph.rules.builtin import BUILTIN_RULES
from rfgraph.rules.call import Read
from tests.rules.test_lying_rules import LIES


class SqueezeExcite(nn.Module):
    """A convolution, then a gate from the mean."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3, padding=1)
        self.fc = nn.Conv2d(4, 4, 1)

    def forward(self, x):
        x = self.conv(x)
        return x * self.fc(x.mean((2, 3), keepdim=True)).sigmoid()


class Attention(nn.Module):
    """Attention over all positions beside a convolution."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(4, 4, 3, padding=1)
        self.qkv = nn.Linear(4, 12)

    def forward(self, x):
        q, k, v = self.qkv(x.flatten(2).transpose(1, 2)).chunk(3, -1)
        mixed = F.scaled_dot_product_attention(q, k, v)
        return self.conv(x) + mixed.transpose(1, 2).reshape(x.shape)


class Applied(nn.Module):
    """One function as a module."""

    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, x):
        return self.function(x)


def verdicts(result, **wanted):
    """The set of verdicts of the findings with these attributes."""
    return {
        f.verdict.value
        for f in result.findings
        if all(getattr(f, key) == value for key, value in wanted.items())
    }


TRUE = [
    ("plain", lambda: nn.Conv2d(3, 4, 3, 2, 1), (1, 3, 11, 13)),
    (
        "gates and pooling",
        lambda: nn.Sequential(
            nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU6(), nn.MaxPool2d(3, 2, 1),
            nn.Hardswish(), nn.Conv2d(4, 4, 3, dilation=2), nn.Hardtanh(),
        ),
        (1, 3, 23, 20),
    ),
    ("dilated max pool", lambda: nn.MaxPool2d(3, 1, 0, dilation=3), (1, 2, 9, 12)),
    ("ceil mode", lambda: nn.MaxPool2d(3, 2, ceil_mode=True), (1, 2, 8, 8)),
    ("transposed", lambda: nn.ConvTranspose2d(2, 2, 2, stride=3), (1, 2, 5, 6)),
    ("bilinear", lambda: nn.Upsample(scale_factor=2, mode="bilinear"), (1, 2, 5, 6)),
    ("bicubic", lambda: nn.Upsample((13, 9), mode="bicubic", align_corners=True), (1, 2, 7, 7)),
    ("nearest", lambda: nn.Upsample(scale_factor=2), (1, 2, 5, 6)),
    ("squeeze and excite", SqueezeExcite, (1, 3, 8, 9)),
    ("group norm", lambda: nn.Sequential(nn.Conv2d(3, 4, 3), nn.GroupNorm(2, 4)), (1, 3, 9, 8)),
    ("attention", Attention, (1, 4, 5, 6)),
    ("sequence", lambda: nn.Conv1d(3, 4, 5, dilation=2), (2, 3, 19)),
    ("volume", lambda: nn.Conv3d(1, 2, (1, 3, 2)), (1, 1, 4, 5, 6)),
    ("reshaped batch", lambda: Applied(lambda x: x.reshape(1, 2, -1).cumsum(-1)), (1, 2, 9)),
]  # fmt: skip


@pytest.mark.parametrize(("model", "shape"), [t[1:] for t in TRUE], ids=[t[0] for t in TRUE])
def test_true_predictions_are_exact_by_both_methods(model, shape):
    """Nothing is violated, nothing loose, nothing left open."""
    torch.manual_seed(0)
    result = rfgraph.check(model(), shape)
    assert result.ok
    assert verdicts(result) == {"exact"}, str(result)
    assert {f.method for f in result.findings} == {"gradient", "taint"}


@pytest.mark.parametrize("method", ["gradient", "taint"])
@pytest.mark.parametrize("lie", LIES, ids=lambda lie: lie.id)
def test_lies_are_caught_by_either_method(lie, method):
    """Too small is violated; too large is loose; a global mixer called local is violated."""
    torch.manual_seed(0)
    change = BUILTIN_RULES.replacing if lie.operator in BUILTIN_RULES.rules else None
    rules = (change or BUILTIN_RULES.with_rule)(lie.operator, lie.rule)
    rows, columns = rfgraph.analyze(lie.model(), (1, 2, 7, 7)).output().shape[2:]
    places = [(k, (2 * k + 1) % columns) for k in range(rows)]
    result = rfgraph.check(lie.model(), (1, 2, 7, 7), method=method, rules=rules, positions=places)
    assert verdicts(result) & {"loose", "violated"}, str(result)
    if lie.id not in {"kernel-too-large", "local-called-global", "align-corners-ignored"}:
        assert not result.ok, str(result)
        assert "First violated" in result.advice


def test_local_fields_are_seen_apart_from_global_ones():
    """The gate is held constant for the local scope, and seen in the total one."""
    result = rfgraph.check(SqueezeExcite(), (1, 3, 12, 12), nodes=["mul"], positions=[(5, 6)])
    hulls = {(f.scope, f.method, f.axis): f.observed for f in result.findings}
    for method in ("gradient", "taint"):
        assert hulls["total", method, 2] == (0, 11)
        assert hulls["local", method, 2] == (4, 6)
        assert hulls["local", method, 3] == (5, 7)


SWALLOWERS = [
    lambda x: (x > 0).to(x.dtype) * 2,
    torch.nan_to_num,
    lambda x: x.to(torch.int64).to(x.dtype),
    lambda x: torch.where(x > 0, 1.0, 2.0),
    lambda x: x.sort(-1).values,
]


@pytest.mark.parametrize("function", SWALLOWERS)
def test_a_taint_that_is_swallowed_is_inconclusive(function):
    """NaN that does not arrive proves nothing where an operator can swallow it."""
    model = nn.Sequential(nn.Conv1d(1, 1, 3, padding=1), Applied(function))
    result = rfgraph.check(model, (1, 1, 9), nodes=["1"], method="taint")
    assert verdicts(result) == {"inconclusive"}, str(result)
    assert all("swallow" in f.reason for f in result.findings)


def test_an_empty_gradient_is_inconclusive():
    """Rounding has no gradient, which shows nothing."""
    result = rfgraph.check(Applied(torch.round), (1, 1, 9), method="gradient")
    assert verdicts(result) == {"inconclusive"}


def test_raw_gradients_are_those_of_the_model():
    """Without substitutions a closed gate hides its input, and the result lists none."""
    conv = nn.Conv1d(1, 1, 3, bias=False)
    nn.init.constant_(conv.weight, -1)
    model = nn.Sequential(conv, nn.ReLU())
    raw = rfgraph.check(model, (1, 1, 9), nodes=["1"], method="gradient", raw=True)
    assert verdicts(raw) == {"inconclusive"}
    assert raw.substitutions == ()
    opened = rfgraph.check(model, (1, 1, 9), nodes=["1"], method="gradient")
    assert verdicts(opened) == {"exact"}
    assert opened.substitutions


def test_whole_fields_are_checked_on_a_larger_input():
    """The given input cuts the field; a larger one holds it, and its findings are not clipped."""
    model = nn.Sequential(*[nn.Conv2d(2, 2, 5, padding=2) for _ in range(4)])
    result = rfgraph.check(model, (1, 2, 8, 8), nodes=["3"])
    whole = [f for f in result.findings if not f.clipped]
    assert whole
    assert all(f.shape == (1, 2, 24, 24) for f in whole)
    assert {f.observed[1] - f.observed[0] + 1 for f in whole} == {17}
    assert verdicts(result) == {"exact"}
    small = rfgraph.check(model, (1, 2, 8, 8), nodes=["3"], enlarge=False)
    assert all(f.clipped for f in small.findings if f.position == (4, 4))


def test_a_model_that_refuses_a_larger_input_is_checked_as_given():
    """The result says that clipped fields were checked."""
    model = nn.Sequential(nn.Conv2d(1, 1, 9, padding=4), nn.Flatten(), nn.Linear(64, 2))
    result = rfgraph.check(model, (1, 1, 8, 8))
    assert any("does not accept" in note for note in result.notes)
    assert result.ok


def test_memory_is_bounded():
    """What would not fit the budget is inconclusive, with the sizes; one run at a time may fit."""
    model = nn.Sequential(nn.Conv2d(1, 2, 3), nn.Conv2d(2, 2, 3))
    tiny = rfgraph.check(model, (1, 1, 32, 32), budget=1000, enlarge=False)
    assert verdicts(tiny) == {"inconclusive"}
    assert "budget" in tiny.findings[0].reason
    one = rfgraph.check(model, (1, 1, 32, 32), budget=80_000, enlarge=False, method="taint")
    assert verdicts(one) == {"exact"}


def test_edges_of_very_wide_fields_are_reached():
    """A field of 1,501: single precision loses its edges, the draw in double finds them."""
    layers = [nn.Conv1d(1, 1, 3, padding=1) for _ in range(750)]
    model = nn.Sequential(*layers)
    result = rfgraph.check(model, (1, 1, 1600), nodes=["749"], positions=[(800,)])
    assert verdicts(result) == {"exact"}
    assert {f.observed for f in result.findings} == {(50, 1550)}


def test_samples_that_mix_are_run_apart():
    """Poisoned inputs share no pass if samples see each other."""
    model = Applied(lambda x: F.pad(x, (1, 1))[..., 2:] + x.flip(0))
    result = rfgraph.check(model, (2, 1, 9), method="taint")
    assert result.ok
    assert "violated" not in verdicts(result)


def test_the_model_is_left_alone():
    """Weights, buffers, mode, hooks and random states are as before."""
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Dropout()).train()
    before = {k: v.clone() for k, v in model.state_dict().items()}
    state = torch.get_rng_state()
    rfgraph.check(model, (1, 3, 9, 9))
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(v, before[k]) for k, v in model.state_dict().items())
    assert model.training
    assert all(p.requires_grad and p.grad is None for p in model.parameters())
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in model.modules())
    assert torch.get_default_dtype() is torch.float32


def test_yaml_holds_every_finding():
    """Plain data, in order."""
    result = rfgraph.check(nn.Conv1d(1, 1, 3), (1, 1, 9))
    read = yaml.safe_load(result.to_yaml())
    assert read["verdicts"]["exact"] == len(result.findings) == len(read["findings"])
    assert read["findings"][0]["predicted"] == [0, 2]


@pytest.mark.parametrize(
    ("options", "error", "part"),
    [
        ({"method": "luck"}, InputError, "no method 'luck'"),
        ({"count": 0}, InputError, "at least 1"),
        ({"budget": 0}, InputError, "at least 1"),
        ({"budget": float("inf")}, InputError, "whole number"),
        ({"nodes": ["convv"]}, NodeNotFoundError, "convv"),
        ({"nodes": []}, InputError, "Nothing to check"),
        ({"nodes": ["0.nothing*"]}, NodeNotFoundError, "nothing"),
        ({"positions": [(9,)]}, IndexRangeError, "none of"),
        ({"positions": []}, InputError, "Nothing to check"),
        ({"positions": ["ab"]}, InputError, "'ab' is none"),
        ({"positions": [(1.5, 2)]}, InputError, "(1.5, 2) is none"),
    ],
)
def test_misuse_is_one_sentence(options, error, part):
    """What was wrong, and what to do."""
    with pytest.raises(error) as caught:
        rfgraph.check(nn.Sequential(nn.Conv2d(1, 1, 3)), (1, 1, 9, 9), **options)
    assert part in str(caught.value)


def test_scripted_models_are_refused():
    """No hook sees what happens inside."""
    model = torch.jit.script(nn.Sequential(nn.Conv1d(1, 1, 3)))
    with pytest.raises(ModelError, match="scripted"):
        rfgraph.check(model, (1, 1, 9))


def test_half_precision_kernels_do_not_accuse():
    """Convolutions in bfloat16 let NaN run over into neighbours, which is no dependence."""
    assert verdicts(rfgraph.check(nn.Conv1d(3, 3, 3).bfloat16(), (1, 3, 20))) == {"exact"}


def test_a_stack_of_inputs_may_take_other_operators():
    """Attention runs other products on several samples; what is held is not mistaken for them."""
    model = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)
    result = rfgraph.check(model, (1, 7, 8), layout="NLC")
    assert verdicts(result) == {"exact"}, str(result)
    assert {f.scope for f in result.findings} == {"local", "total"}


def test_writes_in_place_can_be_differentiated():
    """Substitutes write in place too, without spoiling what a derivative needs."""

    def change(x):
        x.mul_(2)
        x[:, :1] += 1
        return x.relu_().sigmoid_()

    model = nn.Sequential(nn.Conv1d(2, 2, 3), Applied(change))
    assert verdicts(rfgraph.check(model, (1, 2, 9))) == {"exact"}


def test_several_inputs_by_name():
    """Each node is checked against every input that reaches it; outputs may be nested."""

    class Two(nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.second = nn.Conv1d(1, 1, 3), nn.Conv1d(1, 1, 5, padding=1)

        def forward(self, image, mask):
            image = self.first(image)
            return {"sum": image + self.second(mask), "image": image}

    result = rfgraph.check(Two(), {"image": (1, 1, 12), "mask": (1, 1, 12)})
    assert verdicts(result) == {"exact"}, str(result)
    seen = {(f.node, f.input) for f in result.findings}
    assert seen >= {("add", "image"), ("add", "mask"), ("second", "mask")}
    assert not {("first", "mask"), ("second", "image")} & seen


@pytest.mark.parametrize("method", ["gradient", "taint"])
def test_a_lie_about_the_second_input_is_caught(method):
    """And told with the input that it is about."""

    class Both(nn.Module):
        def forward(self, a, b):
            return F.avg_pool1d(a, 3, 1, 1) + F.avg_pool1d(b, 5, 1, 2)

    class Around(nn.Module):
        def __init__(self):
            super().__init__()
            self.both = Both()

        def forward(self, a, b):
            return self.both(a, b) * 1

    three = along(3, {2: window(kernel=3, padding=1)})
    rules = BUILTIN_RULES.with_module_rule(
        Both, lambda call: [Read(call["a"], three), Read(call["b"], three)]
    )
    result = rfgraph.check(Around(), [(1, 2, 32), (1, 2, 32)], rules=rules, method=method)
    assert verdicts(result, input="a") == {"exact"}
    assert verdicts(result, input="b") == {"violated"}
    assert "both[16] axis 2 of b" in str(result)


def test_every_phase_of_a_field_is_checked():
    """After upsampling by three, fields differ in turn; otherwise five positions do."""
    up = nn.Sequential(nn.Conv1d(1, 1, 3), nn.Upsample(scale_factor=3, mode="linear"))
    found = {f.position for f in rfgraph.check(up, (1, 1, 32), nodes=["1"]).findings}
    assert {(45,), (46,), (47,)} <= found
    plain = rfgraph.check(up, (1, 1, 32), nodes=["0"], enlarge=False)
    assert len({f.position for f in plain.findings}) == 4


def test_complex_inputs_are_refused():
    """They could be followed by neither method, and the sentence says so."""
    numbers = torch.zeros(1, 1, 9, dtype=torch.complex64)
    with pytest.raises(InputError, match="Complex inputs are not followed, and only input"):
        rfgraph.check(nn.Sequential(nn.Conv1d(1, 1, 3, dtype=torch.complex64)), numbers)


def test_indices_cannot_be_followed():
    """Token indices have neither gradients nor NaN."""
    model = nn.Sequential(nn.Embedding(5, 3))
    with pytest.raises(InputError, match="floating point"):
        rfgraph.check(model, torch.zeros(1, 7, dtype=torch.int64))


class Functional(nn.Module):
    """Functions that a forward calls: in place, several times, under an alias, in a shared part."""

    def __init__(self) -> None:
        super().__init__()
        self.shared = Smooth()
        self.weight = nn.Parameter(torch.randn(3, 3, 3, 3))

    def forward(self, x):
        """Return (N, 3, H / 2, W / 2)."""
        first = self.shared(x).contiguous()
        second = self.shared(first.roll(1, 2))
        second += first
        both = torch.cat([second, second + x], dim=1)[:, 1:4]
        return F.conv2d(both, self.weight, stride=2, padding=1)


class Smooth(nn.Module):
    """A window along one axis without any layer."""

    def forward(self, x):
        """Return (N, C, H, W)."""
        wide = F.pad(x, (1, 1, 0, 0), mode="replicate")
        return wide[..., :-2] + 2 * wide[..., 1:-1] + wide[..., 2:]


@pytest.mark.parametrize("method", ["gradient", "taint"])
def test_functions_in_a_forward_are_checked(method):
    """What a function returns is seen where it is called, in every call."""
    torch.manual_seed(0)
    model = nn.Sequential(Functional())
    analysis = rfgraph.analyze(model, (1, 3, 8, 9))
    names = [node.name for node in analysis if node.fx.op == "call_function"]
    assert {"0.roll", "0.add", "0.add_1", "0.shared.add", "0.shared.add_3"} <= set(names)
    result = rfgraph.check(model, (1, 3, 8, 9), nodes=names, method=method)
    assert {finding.node for finding in result.findings} == set(names)
    assert result.count("exact") == len(result.findings)


@pytest.mark.parametrize("method", ["gradient", "taint"])
def test_a_lie_is_caught_at_the_function_that_tells_it(method):
    """The node before is exact, the lying one is violated; nothing but the output is a module's."""

    def straight(call):
        return [Read(call["self"], identity(4))]

    rules = BUILTIN_RULES.replacing("aten.roll", straight)
    model = nn.Sequential(Functional())
    result = rfgraph.check(
        model, (1, 3, 8, 9), nodes=["0.shared.add_1", "0.roll"], rules=rules, method=method
    )
    verdicts = {
        name: {f.verdict.value for f in result.findings if f.node == name and f.axis == 2}
        for name in ("0.shared.add_1", "0.roll")
    }
    assert verdicts["0.shared.add_1"] == {"exact"}
    assert "violated" in verdicts["0.roll"]


def test_functions_are_chosen_where_modules_return_little():
    """By default what modules return comes first; patterns look there first as well."""
    model = nn.Sequential(Functional())
    assert len({f.node for f in rfgraph.check(model, (1, 3, 8, 9), count=9).findings}) == 9
    few = rfgraph.check(model, (1, 3, 8, 9), count=3)
    assert {f.node for f in few.findings} == {"0.shared.add_1", "0.shared.add_3", "0.conv2d"}
    chosen = rfgraph.check(model, (1, 3, 8, 9), nodes="0.sh*")
    assert {f.node for f in chosen.findings} == {"0.shared.add_1", "0.shared.add_3"}
    inner = rfgraph.check(model, (1, 3, 8, 9), nodes="*roll*")
    assert {f.node for f in inner.findings} == {"0.roll"}


def test_another_way_through_forward_is_no_verdict():
    """Where a run calls other functions than the recorded one, the check says so."""

    class Fickle(nn.Module):
        runs = 0

        def forward(self, x):
            Fickle.runs += 1
            y = x.roll(1, 2) if Fickle.runs == 1 else x
            return y[..., 1:].roll(1, 2) * 2

    result = rfgraph.check(nn.Sequential(Fickle()), (1, 3, 8, 9), nodes="0.roll")
    assert {f.verdict.value for f in result.findings} == {"inconclusive"}
    assert all("another way" in f.reason for f in result.findings)


def test_what_a_layer_does_inside_is_refused():
    """A run shows what modules and the functions of a forward return."""
    model = nn.Sequential(nn.GroupNorm(1, 3), nn.GELU(), Layer())
    analysis = rfgraph.analyze(model, (1, 3, 8, 8))
    hidden = next(n.name for n in analysis if n.operator.startswith("aten.bmm"))
    with pytest.raises(NodeNotFoundError, match="choose a module"):
        rfgraph.check(model, (1, 3, 8, 8), nodes=[hidden])


class Layer(nn.Module):
    """A layer of PyTorch whose insides are no functions of a forward."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.MultiheadAttention(3, 1, batch_first=True)

    def forward(self, x):
        """Return (N, H * W, 3)."""
        tokens = x.flatten(2).mT
        return self.layer(tokens, tokens, tokens)[0]


def test_callables_are_refused():
    """Hooks need a module."""
    with pytest.raises(ModelError, match="wrap"):
        rfgraph.check(torch.relu, (1, 3, 8, 8))


class MakesItsMask(nn.Module):
    """Makes a mask without saying where."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 2, 3, padding=1)

    def forward(self, x):
        """Return (N, 2, H, W), the upper right corner cut."""
        y = self.conv(x)
        return y.masked_fill(torch.triu(torch.ones(y.shape[-2:]), 5) > 0, 0.0)


def test_the_default_device_of_the_process_does_not_matter():
    """The runs are on the CPU, and what a forward makes there too."""
    model = MakesItsMask()
    with torch.device("meta"):
        result = rfgraph.check(model, (1, 1, 8, 8), method="both")
        field = rfgraph.erf(model, (1, 1, 8, 8), draws=1)
    assert {f.verdict.value for f in result.findings} == {"exact"}
    assert field.values.any()
