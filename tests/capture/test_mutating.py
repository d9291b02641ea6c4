"""Operators of other libraries that write to what they are given and have no functional form."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch
from torch import Tensor, nn

import rfgraph
from rfgraph.capture import record
from rfgraph.capture.outputs import named_tensors
from rfgraph.geometry.tensor_map import identity
from rfgraph.rules.builtin import BUILTIN_RULES
from rfgraph.rules.call import Call, Read, Reads
from tests.capture.execution import assert_specs, execute


def fill_half(x: Tensor, out: Tensor) -> None:
    half = x.shape[-1] // 2
    out[..., :half] = x[..., :half]


def normalise_into(x: Tensor, out: Tensor, *, total: Tensor | None = None) -> Tensor:
    out.copy_(x / (1 + x.square().sum(-1, keepdim=True)))
    if total is not None:
        total.copy_(x.sum(-1))
    return x.amax(-1)


def scale(x: Tensor, factor: float) -> Tensor:
    return x.mul_(factor)


def add_to_each(xs: list[Tensor], y: Tensor) -> None:
    for x in xs:
        x.add_(y)


SCHEMAS = {
    "fill_half(Tensor x, Tensor(a!) out) -> ()": fill_half,
    "normalise_into(Tensor x, Tensor(a!) out, *, Tensor(b!)? total=None) -> Tensor": normalise_into,
    "scale(Tensor(a!) x, float factor) -> Tensor(a!)": scale,
    "add_to_each(Tensor(a!)[] xs, Tensor y) -> ()": add_to_each,
}


@pytest.fixture(scope="module", autouse=True)
def library() -> Iterator[torch.library.Library]:
    """A library with no kernel for tensors without data, but for the one that returns a new one."""
    made = torch.library.Library("rfgraph_writes", "DEF")
    for schema, kernel in SCHEMAS.items():
        made.define(schema)
        made.impl(schema.partition("(")[0], kernel, "CPU")
    made.impl("normalise_into", lambda x, out, *, total=None: x.new_empty(x.shape[:-1]), "Meta")
    yield made
    made._destroy()


def a_view(x):
    y = torch.zeros(2, 4, 12)
    torch.ops.rfgraph_writes.fill_half(x, y[..., 2:8])
    return y.relu()


def the_input(x):
    x = x.clone()
    torch.ops.rfgraph_writes.fill_half(x * 2, x)
    return x


def both(x):
    y, total = torch.empty(2, 4, 6), torch.empty(2, 4)
    most = torch.ops.rfgraph_writes.normalise_into(x, y, total=total)
    return y, total, most


def one_left_out(x):
    y = torch.empty(2, 4, 6)
    return torch.ops.rfgraph_writes.normalise_into(x, y), y


def returned(x):
    y = x * 2
    z = torch.ops.rfgraph_writes.scale(y, 3.0)
    return z + 1, y.add_(1), z


def a_list(x):
    first, second = x * 1, x * 2
    torch.ops.rfgraph_writes.add_to_each([first[0], second], x.sum(0))
    return first, second


def a_constant(x):
    table = torch.zeros(6)
    torch.ops.rfgraph_writes.add_to_each([table], torch.arange(6.0))
    return x * table


CASES = [a_view, the_input, both, one_left_out, returned, a_list, a_constant]


@pytest.mark.parametrize("real", [False, True], ids=["meta", "real"])
@pytest.mark.parametrize("function", CASES, ids=lambda f: f.__name__)
def test_graph_equals_eager(function, real):
    """What the operator writes is a result of its node, seen by all later readers of the memory."""
    x = torch.randn(2, 4, 6)
    with torch.no_grad():
        want = dict(named_tensors(function(x.clone()), "output"))
    recording = record(function, (x,), real=real)
    got = execute(recording, [x])
    assert_specs(recording, got)
    assert got.keys() == want.keys()
    for name, value in want.items():
        torch.testing.assert_close(got[name], value, rtol=0, atol=0)


def test_without_a_rule_the_field_is_unknown():
    """Everything behind the operator is UNKNOWN, which is said; what stands before is exact."""
    analysis = rfgraph.analyze(a_view, (2, 4, 6))
    assert analysis["x"].status is rfgraph.Status.EXACT
    assert analysis.output().status is rfgraph.Status.UNKNOWN
    assert any("rfgraph_writes.fill_half" in cause for cause in analysis.output().reasons)


def test_a_rule_for_it():
    """A rule gives the reads of the result, which is what was written."""

    def halves(call: Call) -> Reads:
        x, out = call["x"], call["out"]
        return [Read(source, identity(len(call.out))) for source in (x, out)]

    rules = BUILTIN_RULES.with_rule("rfgraph_writes.fill_half", halves)
    analysis = rfgraph.analyze(the_input, (2, 4, 6), rules=rules)
    assert analysis.output().status is rfgraph.Status.EXACT
    assert analysis.output().field.size == (1,)


def test_a_constant_is_written_without_being_read():
    """Its node depends on no input, so that what is multiplied by it stays exact."""
    analysis = rfgraph.analyze(a_constant, (2, 4, 6))
    assert analysis.output().status is rfgraph.Status.EXACT


@pytest.mark.parametrize("real", [False, True])
def test_shifted_in_place(real):
    """Bits shifted where they stand have a functional form of another kind of name."""

    def shifted(x):
        y = x.int()
        y <<= 2
        y >>= torch.ones(6, dtype=torch.int32)
        return y.float()

    output = rfgraph.analyze(shifted, (2, 4, 6), real=real).output()
    assert output.status is rfgraph.Status.EXACT
    assert output.field.size == (1,)


class Filter(nn.Module):
    def forward(self, x):
        y = torch.zeros_like(x)
        torch.ops.rfgraph_writes.fill_half(x, y)
        return y


def test_checks_run_it():
    """The eager model runs with the operator in it, and nothing is accused."""
    result = rfgraph.check(Filter(), (2, 4, 6), method="taint")
    assert result.findings
    assert not [f for f in result.findings if f.verdict.name in {"LOOSE", "VIOLATED"}]
