"""The comparison with eager models accepts the truth, refutes lies and holds what it must."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from tests.models.eager import (
    ATTENTION,
    CONSTANT,
    CONTRACTION,
    IDENTITY,
    Element,
    contradictions,
    is_inside,
)

LENGTH = 12


class Gate(nn.Module):
    """Scales each position by something of all positions."""

    def forward(self, x):
        return x * x.mean(2, keepdim=True).sigmoid()


class Mixer(nn.Module):
    """Every position sees all positions, in linear or ordinary attention."""

    def __init__(self, linear):
        super().__init__()
        self.linear = linear

    def forward(self, x):
        if self.linear:
            return x @ (x.transpose(1, 2) @ x)
        return (x @ x.transpose(1, 2)).softmax(-1) @ x + x


class Tokens(nn.Module):
    """A window of three, then a mixer on (N, L, C)."""

    def __init__(self, linear):
        super().__init__()
        self.conv = nn.Conv1d(2, 4, 3, padding=1)
        self.mixer = Mixer(linear)
        self.last = nn.Identity()

    def forward(self, x):
        return self.last(self.mixer(self.conv(x).transpose(1, 2)).transpose(1, 2))


def gated():
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv1d(2, 2, 3, padding=1), Gate(), nn.Identity()).eval()


def kinds(model, path, hull, *, scope="total", held=None):
    """The kinds of contradiction of the claim that position 5 sees the positions of `hull`."""
    footprint = np.zeros(LENGTH, dtype=bool)
    footprint[slice(*hull)] = True
    claims = {Element(path, (5,), (2,)): footprint}
    found = contradictions(model, [torch.rand(1, 2, LENGTH)], claims, scope=scope, held=held)
    return {c.kind for c in found}


def test_all_paths_are_seen():
    """A gate lets every position reach every other; a window alone is not the truth."""
    assert kinds(gated(), "2", (0, LENGTH)) == set()
    assert kinds(gated(), "2", (4, 7)) == {"unsound"}


def test_a_held_gate_leaves_the_window():
    """With the gate held, three positions reach the element: no fewer, no more."""
    held = {"Gate": IDENTITY}
    assert kinds(gated(), "2", (4, 7), scope="local", held=held) == set()
    assert kinds(gated(), "2", (5, 7), scope="local", held=held) == {"unsound"}
    assert kinds(gated(), "2", (4, 8), scope="local", held=held) == {"loose"}


@pytest.mark.parametrize(("linear", "way"), [(True, CONTRACTION), (False, ATTENTION)])
def test_held_products_leave_what_stands_beside_them(linear, way):
    """Within a held mixer the position's own query or skip still counts."""
    model = Tokens(linear).eval()
    assert kinds(model, "last", (0, LENGTH)) == set()
    assert kinds(model, "last", (4, 7), scope="local", held={"Mixer": way}) == set()


def test_a_constant_leaves_nothing():
    """What a module held constant returns depends on nothing."""
    model = Tokens(linear=False).eval()
    assert kinds(model, "last", (0, 0), scope="local", held={"Mixer": CONSTANT}) == set()
    assert kinds(model, "last", (4, 7), scope="local", held={"Mixer": CONSTANT}) == {"loose"}


def test_what_is_held_must_be_there():
    """A misspelt class or path is an error, not a smaller test."""
    for key in ("Gaet", "layers.*.gate"):
        with pytest.raises(AssertionError, match="the model has no"):
            kinds(gated(), "2", (4, 7), held={key: IDENTITY})


def test_inside_means_below():
    """A held module itself can be asked, its parts cannot."""
    model = nn.Sequential(gated())
    assert is_inside(model, {"Sequential": CONSTANT}, "0.1")
    assert not is_inside(model, {"Sequential": CONSTANT}, "0")
    assert not is_inside(gated(), {"Gate": CONSTANT}, "1")
