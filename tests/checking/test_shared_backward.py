"""Backward passes that several elements share tell whose gradient is where."""

import pytest
import torch
from torch import nn

import rfgraph
from rfgraph.checking.shared_backward import shared_weights, told_apart
from rfgraph.geometry.tensor_map import identity
from rfgraph.rules.builtin import BUILTIN_RULES
from rfgraph.rules.call import Read, shape


def test_gradients_are_told_apart_by_powers_of_two():
    """Each place belongs to the element whose weight it carries; negative gradients too."""
    parts = [
        torch.tensor([3.0, 0, 0, 0]),
        torch.tensor([0, -0.1, 0, 0]),
        torch.tensor([0, 0, 0, 7.0]),
    ]
    first, second = (_weighted(parts, weights) for weights in shared_weights(3))
    assert [p.tolist() for p in told_apart(first, second, 3)] == [(p != 0).tolist() for p in parts]


@pytest.mark.parametrize(
    ("one", "other"),
    [([1.0, 1.0, 0.0], [0.0, 1.0, 1.0]), ([0.0, 1.0, 0.0], [0.0, -1.0, 1.0])],
    ids=["sum", "cancelling"],
)
def test_elements_that_meet_are_noticed(one, other):
    """A place that two elements reach carries neither's weight, even where their sum is zero."""
    one, other = torch.tensor(one), torch.tensor(other)
    first, second = (_weighted([one, other], weights) for weights in shared_weights(2))
    assert told_apart(first, second, 2) is None


def _weighted(parts, weights):
    return sum(part * weight for part, weight in zip(parts, weights, strict=True))


@pytest.mark.parametrize("count", [2, 3, 4, 5])
def test_a_weak_leap_into_the_field_of_another_shows_in_single_precision(count):
    """2 ** -43 of what is there, between any two of a group, in either direction."""
    for of in range(count):
        for into in set(range(count)) - {of}:
            parts = [torch.zeros(count) for _ in range(count)]
            for k, part in enumerate(parts):
                part[k] = 1e15 * (1 + k / 7)
            parts[of][into] = parts[into][into] * 2.0**-43
            first, second = (_weighted(parts, weights) for weights in shared_weights(count))
            assert told_apart(first, second, count) is None


class Whisper(nn.Module):
    """Every position also reads, weakly, one sixteen places away."""

    def forward(self, x):
        return x + 1e-8 * x.roll(16, 2)


def test_a_weak_leap_is_a_violation():
    """A hundred-millionth of what is there is less than single precision adds to it."""
    lie = BUILTIN_RULES.replacing("aten.roll", _deaf)
    positions = [(4,), (20,), (36,), (52,)]
    options = {"positions": positions, "method": "gradient", "nodes": ["add"]}
    result = rfgraph.check(Whisper(), (1, 1, 64), rules=lie, **options)
    assert {f.verdict.value for f in result.findings} == {"violated"}


class Echo(nn.Module):
    """Every position also reads the one half a length away."""

    def forward(self, x):
        return x + x.roll(x.shape[-1] // 2, -1)


def _deaf(call):
    """Leave out what `roll` does."""
    source = call["self"]
    return [Read(source, identity(len(shape(source))))]


def test_a_leak_into_the_field_of_another_position_is_caught():
    """The four positions lie in each other's true fields, and nothing lies between."""
    positions = [(0,), (3,), (8,), (11,)]
    lie = BUILTIN_RULES.replacing("aten.roll", _deaf)
    options = {"positions": positions, "method": "gradient"}
    honest = rfgraph.check(Echo(), (1, 2, 16), **options)
    assert {f.verdict.value for f in honest.findings} == {"exact"}
    lying = rfgraph.check(Echo(), (1, 2, 16), rules=lie, **options)
    assert {f.verdict.value for f in lying.findings} == {"violated"}


def test_fields_that_lie_apart_share_two_passes():
    """Five fields of three cost two backward passes; five that overlap cost five."""
    positions = [(0,), (5,), (10,), (15,), (20,)]
    for kernel, passes in ((3, 2), (13, 5)):
        model = nn.Conv1d(1, 1, kernel, padding=kernel // 2)
        result = rfgraph.check(model, (1, 1, 21), positions=positions, method="gradient")
        assert {f.verdict.value for f in result.findings} == {"exact"}
        assert result.cost == {"gradient forwards": 1, "gradient backwards": passes}
