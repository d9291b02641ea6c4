"""A capture leaves the model and the process as it found them, also when it fails."""

from __future__ import annotations

import functools
import random

import pytest
import torch
from torch import nn

import rfgraph
from rfgraph.capture import record
from rfgraph.errors import CaptureError


class Notebook:
    def __init__(self):
        self.last = None


class Restless(nn.Module):
    """Caches, counts, swaps and draws random numbers in forward."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)
        self.norm = nn.BatchNorm2d(4)
        self.norm.eval()
        self.rnn = nn.LSTM(4, 4)
        self.register_buffer("steps", torch.zeros(()))
        self.plain = torch.zeros(2)
        self.cache = {}
        self.history = [1]
        self.nested = {"deep": [set()]}
        self.book = Notebook()
        self.fail = False

    def forward(self, x):
        y = self.norm(self.conv(x))
        self.steps += 1
        self.plain.add_(1)
        self.cache["y"] = y
        self.history.append(y)
        self.nested["deep"][0].add(3)
        self.book.last = y
        self.new = y
        self.steps = self.steps + 1
        self.conv.register_forward_hook(lambda *_: None)
        self.train(not self.training)
        z, _ = self.rnn(y.flatten(2).permute(2, 0, 1))
        random.random()
        torch.rand(3)
        torch.set_default_dtype(torch.float64)
        if self.fail:
            raise ValueError("on purpose\nsecond line")
        return z


@pytest.mark.parametrize("fail", [False, True])
@pytest.mark.parametrize("real", [False, True])
@pytest.mark.parametrize("training", [False, True])
def test_untouched(fail, real, training):
    """Attributes, containers, tensors, hooks, flags and random states are as before."""
    model = Restless()
    model.fail = fail
    tensors = {k: (v, v.clone()) for k, v in model.state_dict(keep_vars=True).items()}
    plain = model.plain
    attributes = {path: dict(m.__dict__) for path, m in model.named_modules()}
    flags = {path: m.training for path, m in model.named_modules()}
    weights = list(model.rnn._flat_weights)
    states = torch.get_rng_state(), random.getstate()
    x = torch.empty(2, 3, 8, 8, device="meta")
    if fail:
        with pytest.raises(CaptureError, match="on purpose") as caught:
            record(model, (x,), real=real, training=training)
        assert isinstance(caught.value.__cause__, ValueError)
    else:
        record(model, (x,), real=real, training=training)
    assert torch.equal(torch.get_rng_state(), states[0])
    assert random.getstate() == states[1]
    assert torch.get_default_dtype() is torch.float32
    assert torch.is_grad_enabled()
    assert nn.Module.__call__ is nn.Module._wrapped_call_impl
    for path, module in model.named_modules():
        assert list(module.__dict__) == list(attributes[path])
        assert all(module.__dict__[k] is v for k, v in attributes[path].items())
    assert {path: m.training for path, m in model.named_modules()} == flags
    for name, (tensor, copy) in tensors.items():
        now = model.state_dict(keep_vars=True)[name]
        assert now is tensor
        assert torch.equal(now, copy)
    assert model.plain is plain
    assert plain.tolist() == [0, 0]
    assert all(a is b for a, b in zip(model.rnn._flat_weights, weights, strict=True))
    assert model.cache == {}
    assert model.history == [1]
    assert model.nested == {"deep": [set()]}
    assert model.book.last is None
    assert not model.conv._forward_hooks
    assert not hasattr(model, "new")


def test_hooks_of_the_user_run():
    """Forward hooks run as in any forward, and what they return counts."""
    model = nn.Sequential(nn.Conv2d(3, 4, 1), nn.ReLU())
    seen = []
    model[0].register_forward_hook(lambda m, i, o: seen.append(o.shape) or o * 2)
    recording = record(model, (torch.empty(1, 3, 2, 2),))
    assert seen == [(1, 4, 2, 2)]
    assert recording.modules["0"][0].target is torch.ops.aten.mul.Tensor


def test_fast_paths_and_settings_come_back():
    """The attention fast path is off during a capture only."""
    seen = []

    def forward(x):
        seen.append(torch.backends.mha.get_fastpath_enabled())
        torch.use_deterministic_algorithms(True)
        return x + 1

    record(forward, (torch.empty(2),))
    assert seen == [False]
    assert torch.backends.mha.get_fastpath_enabled()
    assert not torch.are_deterministic_algorithms_enabled()


def test_compiled_modules_stay_compiled():
    """A module that was compiled in place still runs its compiled call after a recording."""
    model = nn.Conv2d(3, 4, 3)
    compiled = torch.zeros(1)
    model._compiled_call_impl = lambda _: compiled
    x = torch.empty(1, 3, 8, 8)
    recording = record(model, (x,))
    assert [str(n.target) for n in recording.graph.nodes].count("aten.convolution.default") == 1
    assert model(x) is compiled


@functools.lru_cache
def ramp(length):
    """A table that is computed once."""
    return torch.arange(length) * 2.0


class Ramped(nn.Module):
    """Adds a table that a function of its module keeps, and one that its class keeps."""

    @staticmethod
    @functools.cache
    def other(length):
        return torch.ones(length)

    def forward(self, x):
        return x + ramp(x.shape[-1]) + self.other(x.shape[-1])


def test_cached_functions_forget_what_they_computed_without_data():
    """The model runs afterwards, and what was cached before stays."""
    ramp.cache_clear()
    kept = ramp(5)
    rfgraph.analyze(Ramped(), (1, 2, 5))
    assert ramp(5) is kept
    ramp.cache_clear()
    rfgraph.analyze(Ramped(), (1, 2, 7))
    x = torch.zeros(1, 2, 7)
    assert torch.equal(Ramped()(x)[0, 0], torch.arange(7) * 2.0 + 1)


TABLES = {}


class Tabled(nn.Module):
    """Keeps tables in a dictionary of its module, one of its class, a variable, and a closure."""

    tables = {}  # noqa: RUF012 (what is tested)
    last = None

    def forward(self, x):
        length = x.shape[-1]
        if length not in TABLES:
            TABLES[length] = torch.ones(length)
        if length not in self.tables:
            self.tables[length] = torch.ones(length)
        if Tabled.last is None:
            Tabled.last = torch.ones(length)
        return x + TABLES[length] + self.tables[length] + Tabled.last + enclosed(length)


def _enclosing():
    kept = None

    def enclosed(length):
        nonlocal kept
        if kept is None:
            kept = torch.ones(length)
        return kept

    return enclosed


enclosed = _enclosing()


def test_tables_beside_the_model_hold_what_they_held():
    """The model runs afterwards; what was in a table before stays, and nothing is added."""
    kept = TABLES[3] = torch.ones(3)
    rfgraph.analyze(Tabled(), (1, 2, 5))
    assert TABLES.keys() == {3} and TABLES[3] is kept  # noqa: PT018 (one thing)
    assert Tabled.tables == {}
    assert Tabled.last is None
    assert torch.equal(Tabled()(torch.zeros(1, 2, 5)), torch.full((1, 2, 5), 4.0))


class Sized(nn.Module):
    """Keeps a table and, beside it, what it was made for, in several ways."""

    length = None
    table = None
    both = {"length": 0}  # noqa: RUF012 (what is tested)
    pair = None

    def forward(self, x):
        length = x.shape[-1]
        if Sized.length != length:
            Sized.length, Sized.table = length, torch.arange(float(length))
        if self.both["length"] != length:
            self.both.update(length=length, table=[torch.arange(float(length))])
        if Sized.pair is None:
            Sized.pair = (torch.ones(()), 1)
        return x + Sized.table + self.both["table"][0] + Sized.pair[0]


@pytest.mark.parametrize("before", [None, 3])
def test_what_says_how_large_a_table_is_goes_back_with_it(before):
    """Otherwise the next run takes the old table for the new one."""
    if before:
        Sized()(torch.zeros(1, 2, before))
    rfgraph.analyze(Sized(), (1, 2, 5))
    assert Sized.length == before
    assert torch.equal(Sized()(torch.zeros(1, 1, 5))[0, 0], 1 + 2 * torch.arange(5.0))
    Sized.length = Sized.table = Sized.pair = None
    Sized.both = {"length": 0}
