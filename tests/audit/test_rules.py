"""Every rule finds what it is for in a real network, and is silent where nothing is wrong."""

from pathlib import Path

import pytest
import torch
import torchvision
from torch import nn

import rfgraph
from rfgraph.auditing import RULES, AuditOptions, Severity, find_rules
from rfgraph.targets import resolve
from tests.audit import networks
from tests.models.zoo import named, torchvision_model

IMAGE = (2, 3, 224, 224)


def backbone(name, **options):
    """A torchvision model without data."""
    return lambda: torchvision_model(name, **options)


def found(code, build, inputs, *, layout=None, **options):
    """The findings of one rule: (severity, node, message)."""
    analysis = rfgraph.analyze(build(), inputs, layout=layout)
    audit = rfgraph.audit(analysis, AuditOptions(select=(code,), **options))
    assert not audit.skipped
    return [(f.severity.word, f.node, f.message) for f in audit.findings]


# code, model, inputs, options, severity, node, message
POSITIVE = [
    (
        "RF101", backbone("squeezenet1_1"), IMAGE, {}, "note", "features.12.expand3x3",
        "the largest local field is 207, smaller than the input of 224",
    ),
    (
        "RF101", backbone("resnet18"), IMAGE, {"object_size": 500}, "warning", "layer4.1.conv2",
        "the largest local field is 435, smaller than the objects of 500 that it should see",
    ),
    (
        "RF101", backbone("vgg16"), IMAGE, {"object_size": 224}, "warning", "features.30",
        "the largest local field is 212, smaller than the objects of 224 that it should see",
    ),
    (
        "RF102", backbone("vgg16"), (2, 3, 32, 32), {}, "warning", "features.17",
        ("6 of 13 spatial convolutions, from features.17 on, read features whose smallest field, "
        "44, already exceeds the input of 32"),
    ),
    (
        "RF103", backbone("deeplabv3_resnet50"), (2, 3, 224, 224), {}, "warning",
        "classifier.0.convs.2.0",
        ("at the centre only 1 of 9 taps read data, the rest padding (kernel 3, dilation 24, "
        "padding 24 on a map of 28)"),
    ),
    (
        "RF103", lambda: nn.Conv1d(1, 1, 3, padding=2), (2, 1, 16), {}, "warning", "conv1d",
        ("at the border only 1 of 3 taps along an axis read data, the rest padding (kernel 3, "
        "dilation 1, padding 2 on a map of 16)"),
    ),
    (
        "RF201", lambda: networks.dilated_stack(2, 2, 2), (2, 1, 32, 32), {}, "warning", "0",
        "2 reads only 7 of 13 positions per axis; the holes begin here, at dilation 2",
    ),
    (
        "RF202", backbone("fcn_resnet50"), IMAGE, {}, "note", "backbone.layer3.1.conv2",
        ("the 8 convolutions from backbone.layer3.1.conv2 to backbone.layer4.2.conv2 read only 21 "
        "of 41 positions per axis of backbone.layer3.1.relu, for 2 divides all their dilations"),
    ),
    (
        "RF202", lambda: networks.dilated_stack(1, 2, 9), (2, 1, 64, 64), {}, "note", "1",
        "the 3 convolutions from 0 to 2 read only 21 of 25 positions per axis of input",
    ),
    (
        "RF203", networks.original_resnet50, IMAGE, {}, "warning", "layer2.0.conv1",
        ("kernel 1 with stride 2 leaves 75% of the positions of layer1.2.relu_2 unread, and "
        "nothing else reads them"),
    ),
    (
        "RF204", lambda: networks.generator(3), (2, 8, 16, 16), {}, "warning", "0",
        "outputs receive 1 to 2 taps per axis in turn, for kernel 3 is no multiple of stride 2",
    ),
    (
        "RF205", backbone("squeezenet1_0"), IMAGE, {}, "warning", "x",
        "0.9% of the positions of x influence no output: 223 along axis 2 and 223 along axis 3",
    ),
    (
        "RF301", lambda: networks.UNet(crop=(4, 5)), (2, 1, 36, 36), {}, "warning", "cat",
        "getitem and up meet with jump 1, but centres 0×1 positions apart",
    ),
    (
        "RF401", backbone("efficientnet_b0"), IMAGE, {}, "note", "features.1.0.block.1.avgpool",
        ("every later element depends on the whole input, where the local field is 7 of the 851 "
        "that it grows to"),
    ),
    (
        "RF501", lambda: networks.Classifier(right=False), (2, 3, 8, 8), {}, "error", "reshape",
        "elements of one sample depend on other samples from here on, and so does output",
    ),
    (
        "RF502", lambda: networks.wavenet(ahead=1), (2, 4, 64), {"causal": (2,)}, "error",
        "3.pad", "output looks 1 position ahead along axis 2 of input; the look-ahead enters here",
    ),
    (
        "RF502", lambda: networks.Decoder(causal=False), (2, 16, 8),
        {"causal": (1,), "layout": "NLC"}, "error", "scaled_dot_product_attention._unsafe_view",
        "output looks without bound ahead along axis 1 of x; the look-ahead enters here",
    ),
    (
        "RF503", lambda: networks.TwoInputs(connected=False),
        {"image": (2, 3, 8, 8), "mask": (2, 1, 8, 8)}, {}, "warning", "mask",
        "no output depends on the input mask",
    ),
    (
        "RF901", networks.OwnOperator, (2, 3, 8, 8), {}, "warning", "unheard_of",
        "rfgraph_audit_test.unheard_of.default has no rule, so every later field is only bounded",
    ),
    (
        "RF902", backbone("resnet18"), IMAGE,
        {"expect": {"layer4": (rfgraph.auditing.expectation("size", ">= 500"),)}}, "error",
        "layer4", "layer4: size is 435, expected >= 500",
    ),
]  # fmt: skip

NEGATIVE = [
    ("RF101", backbone("resnet50"), IMAGE, {}),
    ("RF101", backbone("resnet50"), IMAGE, {"object_size": 427}),
    ("RF101", backbone("vit_b_16"), IMAGE, {}),
    ("RF102", backbone("vgg16"), IMAGE, {}),
    ("RF102", backbone("resnet18"), IMAGE, {}),
    ("RF103", backbone("resnet50"), IMAGE, {}),
    ("RF103", backbone("convnext_tiny"), IMAGE, {}),
    ("RF201", lambda: networks.dilated_stack(1, 2, 5), (2, 1, 32, 32), {}),
    ("RF201", backbone("deeplabv3_resnet50"), IMAGE, {}),
    ("RF202", lambda: networks.dilated_stack(1, 2, 3), (2, 1, 32, 32), {}),
    ("RF202", lambda: networks.dilated_stack(1, 2, 5, 1, 2, 5), (2, 1, 64, 64), {}),
    ("RF203", backbone("resnet50"), IMAGE, {}),
    ("RF204", lambda: networks.generator(4), (2, 8, 16, 16), {}),
    ("RF204", lambda: nn.ConvTranspose2d(4, 4, 2, stride=2), (2, 4, 8, 8), {}),
    ("RF205", backbone("resnet50"), IMAGE, {}),
    ("RF301", lambda: networks.UNet(crop=(4, 4)), (2, 1, 36, 36), {}),
    ("RF301", backbone("densenet121"), IMAGE, {}),
    ("RF301", backbone("swin_t"), IMAGE, {}),
    ("RF401", backbone("resnet50"), IMAGE, {}),
    ("RF501", lambda: networks.Classifier(right=True), (2, 3, 8, 8), {}),
    ("RF501", backbone("swin_t"), IMAGE, {}),
    ("RF501", networks.OwnOperator, (2, 3, 8, 8), {}),
    ("RF502", networks.wavenet, (2, 4, 64), {"causal": (2,)}),
    ("RF502", lambda: networks.Decoder(causal=True), (2, 16, 8), {"causal": (1,), "layout": "NLC"}),
    ("RF502", lambda: nn.Conv1d(4, 4, 4, stride=2), (2, 4, 64), {"causal": (-1,)}),
    (
        "RF503", lambda: networks.TwoInputs(connected=True),
        {"image": (2, 3, 8, 8), "mask": (2, 1, 8, 8)}, {},
    ),
    ("RF901", backbone("maxvit_t"), IMAGE, {}),
    (
        "RF902", backbone("resnet18"), IMAGE,
        {"expect": {"layer4": (rfgraph.auditing.expectation("size", ">= 400"),)}},
    ),
]  # fmt: skip


@pytest.mark.parametrize(
    ("code", "build", "inputs", "options", "severity", "node", "message"),
    POSITIVE,
    ids=[row[0] for row in POSITIVE],
)
def test_found(code, build, inputs, options, severity, node, message):
    """The rule finds the flaw where it is, and says it with its numbers."""
    assert (severity, node, message) in found(code, build, inputs, **options)


@pytest.mark.parametrize(
    ("code", "build", "inputs", "options"), NEGATIVE, ids=[row[0] for row in NEGATIVE]
)
def test_silent(code, build, inputs, options):
    """The rule has nothing to say about a network without the flaw."""
    assert found(code, build, inputs, **options) == []


def test_every_rule_has_both():
    """No rule is without a positive and a negative case."""
    codes = {rule.code for rule in RULES}
    assert {row[0] for row in POSITIVE} == codes
    assert {row[0] for row in NEGATIVE} == codes


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.code)
def test_every_rule_explains_itself(rule):
    """An explanation is more than its title, and names its literature or says there is none."""
    assert rule.summary.endswith(".")
    assert "Literature:" in rule.explanation
    assert len(rule.explanation.splitlines()) > 4
    assert rule.remedy.endswith(".")


def test_codes_and_names_are_unique():
    """A code or a name means one rule."""
    assert len({rule.code for rule in RULES}) == len({rule.name for rule in RULES}) == len(RULES)
    assert [rule.code for rule in RULES] == sorted(rule.code for rule in RULES)


# What the literature agrees with: nothing but notes on squeeze-and-excite, and the two rules that
# torchvision's SqueezeNets break.
LOUD = {"squeezenet1_0": {"RF101", "RF205"}, "squeezenet1_1": {"RF101", "RF205"}}
GATED = ("efficientnet", "mobilenet_v3", "regnet_y", "maxvit")


TABLE = Path(__file__).parents[2] / "docs" / "torchvision-audit.md"


def table_row(name, side, audit):
    """The model's line in the documentation."""
    told = "<br>".join(f"{f.code} {f.name} at `{f.node}`: {f.message}" for f in audit.findings)
    return f"| {name} | {side} | {told or 'none'} |"


def test_the_table_has_every_model():
    """One line per classification model, no more."""
    lines = [line for line in TABLE.read_text().splitlines() if line.startswith("| ")]
    assert [line.split()[1] for line in lines[1:]] == named("classification")


@pytest.mark.slow
@pytest.mark.parametrize("name", named("classification"))
def test_no_false_alarm(name):
    """All of torchvision's classification models, at the size they were trained for."""
    target = resolve(f"torchvision:{name}")
    side = target.inputs[0].shape[-1]
    audit = rfgraph.audit(rfgraph.analyze(target.model, (2, 3, side, side)))
    expected = LOUD.get(name, {"RF401"} if name.startswith(GATED) else set())
    assert {finding.code for finding in audit.findings} == expected
    assert not audit.skipped
    assert table_row(name, side, audit) in TABLE.read_text().splitlines()


@pytest.mark.parametrize("name", ["squeezenet1_0", "squeezenet1_1"])
def test_unread_pixels_are_unread(name):
    """NaN in the last row and column of SqueezeNet's input leaves its scores finite."""
    model = torchvision.models.get_model(name, weights=None).eval()
    image = torch.zeros(1, 3, 224, 224)
    image[..., 223, :] = image[..., 223] = float("nan")
    with torch.no_grad():
        assert model(image).isfinite().all()
        image[..., 222, 100] = float("nan")
        assert not model(image).isfinite().any()


@pytest.mark.parametrize(("name", "count"), [("vgg16", 6), ("resnet18", 3), ("resnet50", 0)])
def test_unproductive_at_32(name, count):
    """What docs/torchvision-audit.md says about small inputs."""
    analysis = rfgraph.analyze(torchvision_model(name), (2, 3, 32, 32))
    findings = rfgraph.audit(analysis, AuditOptions(select=("RF102",))).findings
    assert [finding.message.split()[0] for finding in findings] == [str(count)] * bool(count)


@pytest.mark.parametrize("side", [223, 225])
def test_other_sizes_are_read(side):
    """An odd size leaves SqueezeNet nothing unread."""
    analysis = rfgraph.analyze(torchvision_model("squeezenet1_0"), (2, 3, side, side))
    assert not rfgraph.audit(analysis, AuditOptions(select=("RF205",))).findings


def test_batch_norm_in_training_mixes_samples():
    """Training mode is where batch norm mixes; the finding names the first one."""
    model = torchvision.models.resnet18(weights=None)
    analysis = rfgraph.analyze(model, (2, 3, 64, 64), training=True)
    findings = rfgraph.audit(analysis, AuditOptions(select=("mixed-samples",))).findings
    assert [finding.node for finding in findings] == ["bn1"]


def test_one_sample_cannot_mix():
    """With a batch of one the rule says that it was not applied."""
    analysis = rfgraph.analyze(networks.Classifier(right=True), (1, 3, 8, 8))
    audit = rfgraph.audit(analysis, AuditOptions(select=("RF501",)))
    assert not audit.findings
    assert audit.skipped[0].reason == "the batch has one sample; analyse with two"


def test_causality_of_an_axis_that_is_not_analysed_is_refused():
    """Declaring the wrong axis is told, not passed over."""
    analysis = rfgraph.analyze(networks.wavenet(), (2, 4, 64))
    findings = rfgraph.audit(analysis, AuditOptions(causal=(1,), select=("RF502",))).findings
    assert findings[0].message == (
        "axis 1 is declared causal, but the analysed axes of input are 2"
    )


def test_rules_are_chosen_by_code_beginning_and_name():
    """RF2 means all whose code begins so."""
    assert [rule.code for rule in find_rules(["RF204", "gridding"])] == ["RF201", "RF204"]
    assert len(find_rules(["RF2"])) == 5
    with pytest.raises(rfgraph.ConfigError, match="there is no rule 'griding'; close: gridding"):
        find_rules(["griding"])
    with pytest.raises(rfgraph.ConfigError, match="there is no rule"):
        find_rules(["R"])


def test_ignored_rules_and_nodes():
    """What is ignored is not found; failures are counted from a severity on."""
    analysis = rfgraph.analyze(torchvision_model("squeezenet1_0"), IMAGE)
    everything = rfgraph.audit(analysis)
    assert [finding.code for finding in everything.findings] == ["RF205", "RF101"]
    assert len(everything.failures()) == 1
    assert len(everything.failures(Severity.NOTE)) == 2
    assert len(rfgraph.audit(analysis, AuditOptions(ignore=("unread-pixels",))).findings) == 1
    options = AuditOptions(ignore_nodes={"features.12*": ("RF1",)})
    assert [f.code for f in rfgraph.audit(analysis, options).findings] == ["RF205"]
