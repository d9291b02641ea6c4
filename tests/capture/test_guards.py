"""Conditions before a raise need no data and bear on nothing; all other conditions do.

PYTEST_DONT_REWRITE: what is tested are the byte codes of asserts as they run in a model.
"""

from __future__ import annotations

import contextlib

import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from torch import nn

import rfgraph
from rfgraph.capture import record
from rfgraph.errors import CaptureError


def asserted(x):
    assert (x > -9).all(), f"too small: {x}"
    return x * 2


def asserted_not(x):
    assert not torch.isnan(x).any()
    return x * 2


def asserted_twice(x):
    assert x.max() > -9 and torch.allclose(x, x)  # noqa: PT018 (what is tested)
    return x * 2


def raised(x):
    if torch.isnan(x).any().item():
        message = f"{x} is {'not' if x.shape[0] else 'no'} number"
        raise ValueError(message)
    return x * 2


def raised_else(x):
    if bool((x > -9).all()):
        y = x * 2
    else:
        raise ValueError("too small")
    return y


def raised_if_either(x):
    if x.shape[0] > 9 or (x < -9).any() or torch.isinf(x).any():
        raise ValueError
    return x * 2


def compared(x):
    if not torch.equal(x, x.clone()):
        raise ValueError("differs from itself")
    return x * 2


def in_a_loop(x):
    for part in x.unbind(2):
        if (part < -9).any():
            raise ValueError("too small")
    return x * 2


def with_a_manager(x):
    with torch.no_grad():
        assert (x > -9).all()
        return x * 2


def in_a_function(x):
    """Padding by reflection as Demucs does it, which looks whether the middle stayed the same."""
    with contextlib.nullcontext():
        return padded(x, 2)[..., 2:-2] * 2


def padded(x, size):
    out = F.pad(x, (size, size), "reflect")
    assert (out[..., size:-size] == x).all()
    return out


class Module(nn.Module):
    def forward(self, x):
        assert x.sum() > -99
        return x * 2


GUARDS = [
    asserted, asserted_not, asserted_twice, raised, raised_else, raised_if_either, compared,
    in_a_loop, with_a_manager, in_a_function, nn.Sequential(Module()),
]  # fmt: skip


@pytest.mark.parametrize("real", [False, True])
@pytest.mark.parametrize("forward", GUARDS, ids=lambda f: getattr(f, "__name__", "module"))
def test_a_guard_decides_nothing(forward, real):
    """Every element is read by itself alone, with and without data."""
    node = rfgraph.analyze(forward, torch.rand(1, 2, 6), real=real).output()
    assert node.status is rfgraph.Status.EXACT
    assert node.field.size == (1,)


def chosen(x):
    return x * 2 if (x > 0).all() else x * 3


def handled(x):
    try:
        assert (x > 0).all()
    except AssertionError:
        return x * 3
    return x * 2


def handled_outside(x):
    try:
        return asserted(x)
    except AssertionError:
        return x * 3


def handled_by_all(x):
    try:
        asserted(x)
    except:  # noqa: E722 (what is tested)
        return x * 3
    return x * 2


def finished(x):
    try:
        asserted(x)
    finally:
        if (x > 0).all():
            return x * 2  # noqa: B012 (what is tested)


def counted(x):
    count = int((x > 0).sum())
    if count < 0:
        raise ValueError
    return x * count


def raised_both_ways(x):
    if (x > 0).all():
        raise ValueError("positive")
    raise ValueError("negative")


class Steps:
    def __init__(self, x):
        self.x = x

    def __iter__(self):
        return self

    def __next__(self):
        self.x = self.x - 1
        if (self.x < 0).all():
            raise StopIteration
        return self.x


def until_it_stops(x):
    return sum(Steps(x)) + x


USES = [chosen, handled, handled_outside, handled_by_all, finished, counted, until_it_stops]


@pytest.mark.parametrize("forward", [*USES, raised_both_ways], ids=lambda f: f.__name__)
def test_other_conditions_ask_for_data(forward):
    """A choice between results, or a raise that something waits for, is no guard."""
    with pytest.raises(CaptureError, match="real=True"):
        record(forward, (torch.rand(1, 2, 6),))


@pytest.mark.parametrize("forward", USES, ids=lambda f: f.__name__)
def test_other_conditions_bound_what_follows(forward):
    """With data the result may depend on all that was read."""
    node = rfgraph.analyze(forward, torch.rand(1, 2, 6), real=True).output()
    assert node.status is rfgraph.Status.BOUND
    assert node.region((3,)).hull == ((0, 5),)


def test_a_refusal_that_the_model_catches_is_told():
    """A model that goes on without the values that it asked for is not recorded."""

    def forward(x):
        try:
            size = int(x.sum())
        except Exception:  # noqa: BLE001 (what is tested)
            size = 0
        return x[..., size:]

    with pytest.raises(CaptureError, match="real=True"):
        record(forward, (torch.zeros(1, 2, 6),))
    assert record(forward, (torch.zeros(1, 2, 6),), real=True).source == "real"


def test_a_guard_that_fails_raises():
    """With data the model's own exception is told."""
    with pytest.raises(CaptureError, match="ValueError"):
        rfgraph.analyze(raised, torch.full((1, 2, 6), float("nan")), real=True)
