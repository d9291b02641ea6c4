"""Modules that a rule keeps whole."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

import rfgraph
from rfgraph.analysis import analyze_recording
from rfgraph.capture import record
from rfgraph.geometry.axis_map import SAME
from rfgraph.geometry.tensor_map import Axes, AxisRead, identity
from rfgraph.geometry.window import window
from rfgraph.rules.axes import along
from rfgraph.rules.builtin import BUILTIN_RULES
from rfgraph.rules.call import PerOutput, Read


class Block(nn.Module):
    """Two convolutions, and a tensor kept for whoever asks."""

    def __init__(self, *, width: int = 3) -> None:
        super().__init__()
        self.width = width
        self.first = nn.Conv1d(2, 2, width, padding=width // 2)
        self.second = nn.Conv1d(2, 2, width, padding=width // 2)

    def forward(self, x: Tensor, scale: float = 1.0) -> Tensor:
        return self.second(self.first(x)) * scale


class Pair(nn.Module):
    """Two outputs."""

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return x.flip(2), x * 2


class Same(nn.Module):
    """Hands its argument back."""

    def forward(self, x: Tensor) -> Tensor:
        return x


class Named(nn.Module):
    """Returns something else than tensors."""

    def forward(self, x: Tensor) -> dict[str, object]:
        return {"x": x, "note": "text"}


class Outer(nn.Module):
    """A module around another."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner
        self.last = nn.Conv1d(2, 2, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        out = self.inner(x + 1)
        return self.last(out if isinstance(out, Tensor) else out[1])


def block_rule(call):
    reach = 2 * call.module.width - 1
    return [Read(call["x"], along(3, {2: window(kernel=reach, padding=reach // 2)}))]


def pass_rule(call):
    return [Read(call["x"], identity(3))]


def names(analysis) -> list[str]:
    return [node.name for node in analysis]


@pytest.mark.parametrize("real", [False, True])
def test_a_module_with_a_rule_is_one_node(real):
    """Its insides are gone, and the answer is the one of its insides."""
    model = Outer(Block())
    seen_through = rfgraph.analyze(model, (1, 2, 16))
    whole = rfgraph.analyze(
        model, (1, 2, 16), rules=BUILTIN_RULES.with_module_rule(Block, block_rule), real=real
    )
    assert names(whole) == ["x", "add", "inner", "last"]
    assert whole["inner"].operator == "Block"
    assert whole.output().field == seen_through.output().field
    assert whole.output().status is rfgraph.Status.EXACT


def test_a_rule_reads_the_module_and_defaults():
    """The rule sees the settings of each module, and arguments that were not given."""
    seen = []

    def rule(call):
        seen.append((call.module.width, call["scale"]))
        return block_rule(call)

    model = nn.Sequential(Block(width=3), Block(width=5))
    rules = BUILTIN_RULES.with_module_rule(Block, rule)
    assert rfgraph.analyze(model, (1, 2, 32), rules=rules).output().field.size == (13,)
    assert seen == [(3, 1.0), (5, 1.0)]


def test_each_output_has_its_reads():
    """PerOutput tells the results of a module apart."""

    def rule(call):
        everywhere = along(3, {2: window(kernel=5, padding=2)})
        return PerOutput(([Read(call["x"], everywhere)], [Read(call["x"], identity(3))]))

    rules = BUILTIN_RULES.with_module_rule(Pair, rule)
    assert rfgraph.analyze(Outer(Pair()), (1, 2, 16), rules=rules).output().field.size == (3,)


def test_a_pass_through_module_is_its_own_node():
    """A module that returns its argument does not take the argument's place."""
    rules = BUILTIN_RULES.with_module_rule(Same, pass_rule)
    analysis = rfgraph.analyze(Outer(Same()), (1, 2, 16), rules=rules)
    assert names(analysis) == ["x", "add", "inner", "last"]


def test_subclasses_take_the_nearest_rule():
    """The rule of a base class holds for its subclasses, unless they have their own."""

    class Narrow(Block):
        pass

    rules = BUILTIN_RULES.with_module_rule(Block, block_rule)
    assert names(rfgraph.analyze(Outer(Narrow()), (1, 2, 16), rules=rules))[2] == "inner"
    nearer = rules.with_module_rule(Narrow, pass_rule)
    assert rfgraph.analyze(Outer(Narrow()), (1, 2, 16), rules=nearer).output().field.size == (3,)


def test_a_write_inside_is_not_lost():
    """What a whole module writes to its argument is seen by later readers of the argument."""

    class Writer(nn.Module):
        def forward(self, x):
            x += x.flip(2)
            return x * 2

    class Both(nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = Writer()

        def forward(self, x):
            y = x + 0
            self.inner(y)
            return y

    rules = BUILTIN_RULES.with_module_rule(Writer, pass_rule)
    node = rfgraph.analyze(Both(), (1, 1, 6), rules=rules).output()
    assert node.footprint((0,)).tolist() == [True, False, False, False, False, True]


def test_results_must_be_tensors():
    """A module that returns anything else cannot be a node."""
    rules = BUILTIN_RULES.with_module_rule(Named, pass_rule)
    with pytest.raises(
        rfgraph.CaptureError, match=r"'inner' \(Named\) has a rule and returned str"
    ):
        rfgraph.analyze(Outer(Named()), (1, 2, 16), rules=rules)


def test_an_exported_program_has_no_modules():
    """The rule would be ignored, so that it is refused."""
    program = torch.export.export(Outer(Block()), (torch.zeros(1, 2, 16),))
    rules = BUILTIN_RULES.with_module_rule(Block, block_rule)
    with pytest.raises(rfgraph.ModelError, match="the rule for Block cannot apply"):
        rfgraph.analyze(program, (1, 2, 16), rules=rules)


def test_a_recording_must_have_kept_the_module_whole():
    """A rule that would be ignored, because the module was looked into, is refused."""
    model, x = Outer(Block()), (torch.zeros(1, 2, 16),)
    rules = BUILTIN_RULES.with_module_rule(Block, block_rule)
    with pytest.raises(rfgraph.ModelError, match=r"record with opaque=\(Block,\)"):
        analyze_recording(record(model, x), rules=rules)
    kept = analyze_recording(record(model, x, opaque=(Block,)), rules=rules)
    assert names(kept) == ["x", "add", "inner", "last"]


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (lambda call: [Read(call["x"], identity(2))], "gives 2 axes for an argument of shape"),
        (
            lambda call: [
                Read(call["x"], Axes((AxisRead(0, SAME), AxisRead(1, SAME), AxisRead(3, SAME))))
            ],
            "names output axis 3, but the output has shape",
        ),
        (
            lambda call: [
                Read(call["x"], Axes((AxisRead(0, SAME), AxisRead(2, SAME), AxisRead(1, SAME))))
            ],
            "passes axis 1 of length 2 through to output axis 2 of length 16",
        ),
        (
            lambda call: [Read(call["image"], identity(3))],
            "asks for argument 'image', but those of Block are x",
        ),
        (lambda call: PerOutput(((), ())), "gives reads for 2 outputs, but the call has 1"),
    ],
)
def test_an_answer_that_does_not_fit_is_named(answer, message):
    """A rule whose maps do not fit the shapes raises instead of giving a wrong field."""
    rules = BUILTIN_RULES.with_module_rule(Block, answer)
    with pytest.raises(rfgraph.RuleError, match=message):
        rfgraph.analyze(Outer(Block()), (1, 2, 16), rules=rules)


def test_the_model_is_left_as_it_was():
    """Keeping a module whole changes nothing in it."""
    model = Outer(Block())
    before = {name: id(p) for name, p in model.named_parameters()}
    rfgraph.analyze(model, (1, 2, 16), rules=BUILTIN_RULES.with_module_rule(Block, block_rule))
    assert {name: id(p) for name, p in model.named_parameters()} == before


def test_a_class_takes_one_rule():
    """A second rule for a class, and what is no class, are refused."""
    rules = BUILTIN_RULES.with_module_rule(Block, block_rule)
    assert Block not in BUILTIN_RULES.modules
    with pytest.raises(rfgraph.RuleError, match="Block has a rule already"):
        rules.with_module_rule(Block, block_rule)
    with pytest.raises(rfgraph.RuleError, match="is no class of modules"):
        rules.with_module_rule("Block", block_rule)
