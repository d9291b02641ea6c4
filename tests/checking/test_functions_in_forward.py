"""Functions in a forward are seen at the place where the recording saw them, in every run."""

import functools

import pytest
import torch
from torch import nn

import rfgraph


class Forward(nn.Module):
    """A module from a function of itself and its input."""

    def __init__(self, function, **modules):
        super().__init__()
        self.function = function
        for name, module in modules.items():
            setattr(self, name, module)

    def forward(self, x):
        return self.function(self, x)


@functools.lru_cache
def table(length):
    return torch.arange(length) * 2.0 + 1


def conv():
    return nn.Conv1d(2, 2, 3, padding=1)


def bare_except():
    """A handler that also catches what ends a run early."""

    def forward(self, x):
        try:
            y = self.conv(x) + x
        except:  # noqa: E722 -- what users write
            y = x * 2
        return y + y.roll(1, -1)

    return Forward(forward, conv=conv())


def under_vmap():
    """Inside, tensors are shaped like one sample."""

    def forward(self, x):
        return torch.vmap(lambda z: z + z.roll(1, -1))(x) * 2 + torch.vmap(self.conv)(x)

    return Forward(forward, conv=conv())


def cached_table():
    """The first forward makes a table with functions that later ones do not call."""

    def forward(self, x):
        if getattr(self, "table", None) is None:
            self.table = (torch.arange(x.shape[-1]) * 2 + 1).to(x.dtype)
        x = self.conv(x) * self.table
        return x + x.roll(1, -1) + self.table * 2

    return Forward(forward, conv=conv())


def cached_kernel():
    """As above, with a kernel and a roll among the functions."""

    def forward(self, x):
        if not hasattr(self, "kernel"):
            self.kernel = (torch.ones(2, 1, 3) * 2).roll(1, -1).to(x)
        x = nn.functional.conv1d(x, self.kernel, groups=2, padding=1) * 2
        return (x + x.roll(1, -1)) * 3 + self.conv(x)

    return Forward(forward, conv=conv())


def counter():
    """Every forward reads one position more than the one before."""

    def forward(self, x):
        self.count = getattr(self, "count", 0) + 1
        for _ in range(self.count):
            x = x + x.roll(1, -1)
        return x

    return Forward(forward)


def written_buffer():
    """A buffer that is written in place decides how far the next forward reads."""

    def forward(self, x):
        self.far += 1
        return x + x.roll(int(self.far), -1) * 2

    model = Forward(forward)
    model.register_buffer("far", torch.zeros((), dtype=torch.int64))
    return model


def attention_beside():
    """On a stack of samples the layer calls other operators than for one."""

    def forward(self, x):
        return self.attention(x.mT + 0, x.mT, x.mT)[0].mT * 2 + x

    return Forward(forward, attention=nn.MultiheadAttention(2, 1, batch_first=True))


def wrapped():
    """What `torch.compile` returns has the model's names below a name of its own."""
    return torch.compile(residual(), backend="eager")


def wrapped_inside():
    """The same for a module of the model."""
    inner = torch.compile(residual(), backend="eager")
    return Forward(lambda self, x: self.inner(x) * 2 + x, inner=inner)


def residual():
    return Forward(lambda self, x: (self.conv(x) + x).roll(1, -1) + x, conv=conv())


def complex_numbers():
    """Real part and imaginary part read different positions."""

    def forward(self, x):
        wave = torch.view_as_complex(torch.stack([x, x.roll(1, -1)], -1)) * torch.tensor(1j)
        return torch.view_as_real(wave).sum(-1)

    return Forward(forward)


def remembered():
    """A table that a function outside the model keeps."""

    def forward(self, x):
        return self.conv(x) * table(x.shape[-1]) + x.roll(1, -1)

    return Forward(forward, conv=conv())


@pytest.mark.parametrize(
    "build",
    [
        attention_beside,
        bare_except,
        cached_kernel,
        cached_table,
        complex_numbers,
        counter,
        remembered,
        residual,
        under_vmap,
        wrapped,
        wrapped_inside,
        written_buffer,
    ],
)
def test_every_function_agrees(build):
    """By both methods, at every function and module of the forward, one at a time."""
    torch.manual_seed(0)
    model = build().eval()
    analysis = rfgraph.analyze(model, (1, 2, 8))
    names = [n.name for n in analysis if "function" in n.fx.meta or n.is_module]
    assert names
    for name in names:
        # Alone, because a run ends when everything that was asked for has been seen.
        result = rfgraph.check(model, (1, 2, 8), nodes=[name], enlarge=False, method="both")
        assert result.findings
        assert [f for f in result.findings if f.verdict.value != "exact"] == []


@pytest.mark.parametrize(
    "function",
    [
        lambda x: nn.functional.pad(x, (1, 0))[..., :-1] * (x + 1),
        lambda x: nn.functional.pad(x, (1, 0))[..., :-1] / (x + 1),
        lambda x: torch.einsum("bcl,bcl->bl", nn.functional.pad(x, (1, 0))[..., :-1], x),
    ],
)
def test_what_nan_does_to_zeros_is_no_violation(function):
    """Padding times anything reads nothing; NaN says so only as long as it meets no zero."""
    model = Forward(lambda self, x: function(x))
    result = rfgraph.check(model, (1, 2, 8), enlarge=False, method="both")
    assert result.ok
    assert {f.verdict.value for f in result.findings} <= {"exact", "inconclusive"}
    reasons = {f.reason for f in result.findings if f.verdict.value == "inconclusive"}
    assert all("exact zeros" in reason for reason in reasons)
