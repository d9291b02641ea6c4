"""What Python code decides by, in ways that leave no operator: it reaches what follows.

PYTEST_DONT_REWRITE: some of what is tested are the byte codes of conditions as they run in a model.
"""

# What follows a suppressed exception is what is tested.
# ruff: noqa: RET504, SIM105

from __future__ import annotations

import contextlib
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from torch import nn

import rfgraph
from rfgraph.errors import CaptureError

ONE = torch.ones(1, 1, 5)


def early_exit(x):
    y = x * 2
    if x.mean() > 0:
        return y
    return y.flip(2)


def the_largest(x):
    return max([x, x * 2], key=lambda t: float(t.sum()))


def counted(x):
    return x / len(x[x > 0])


def counted_places(x):
    return x * (x > 0).nonzero().shape[0]


def counted_in_a_condition(x):
    return x * 2 if x[x > 0].numel() > 3 else x * 3


def counted_by_an_operator(x):
    return x * torch.ones_like(x.masked_select(x > 0)).sum()


def written_through_numpy(x):
    y = x.clone()
    view = y[..., 1:].numpy()
    view[...] = view[..., ::-1].copy()
    return y


def shared_as_a_capsule(x):
    return x + torch.from_dlpack(x.clone()).flip(2)


def mapped(x):
    return x.clone().map_(x.flip(2), lambda _, other: other)


@pytest.mark.parametrize(
    "forward",
    [
        early_exit,
        the_largest,
        counted,
        counted_places,
        counted_in_a_condition,
        counted_by_an_operator,
        written_through_numpy,
        shared_as_a_capsule,
        mapped,
    ],
)
def test_what_is_read_bounds_what_is_returned(forward):
    """Every position may matter, and the status says so."""
    node = rfgraph.analyze(forward, ONE, real=True).output()
    assert node.status is rfgraph.Status.BOUND
    assert node.footprint(2)[1:].all()


def test_places_of_a_split_are_read():
    """The function itself asks for their values."""

    def forward(x):
        return torch.tensor_split(x, (x[0, 0, :1] > 0).long() + 1, dim=-1)[1].sum(-1)

    node = rfgraph.analyze(forward, ONE, real=True).output()
    assert node.status is rfgraph.Status.BOUND
    assert node.footprint(())[0]
    known = rfgraph.analyze(lambda x: torch.tensor_split(x, torch.tensor([2]), -1)[0], (1, 1, 5))
    assert known.output().status is rfgraph.Status.EXACT


def test_integer_indices_decide_no_shape():
    """Only masks leave open how many elements they choose."""
    node = rfgraph.analyze(lambda x: x[:, :, torch.tensor([0, 2])] * 1, ONE, real=True).output()
    assert node.status is rfgraph.Status.EXACT


class EarlyExit(nn.Module):
    def forward(self, x):
        return early_exit(x)


def test_what_a_module_returns_is_chosen_too():
    """A module's node sees what its own forward read; the node that it returned does not."""
    analysis = rfgraph.analyze(nn.Sequential(EarlyExit()), ONE, real=True)
    assert analysis["0"].footprint(0).all()
    assert analysis["0.mul"].footprint(0).sum() == 1


@contextlib.contextmanager
def forgiving():
    try:
        yield
    except ValueError:
        pass


class Forgiving:
    def __enter__(self):
        return self

    def __exit__(self, *_):
        return True


def suppressed(x):
    y = x * 1
    with contextlib.suppress(ValueError):
        if x.sum() > 0:
            raise ValueError
        y = y * 2
    return y


def suppressed_by_a_generator(x):
    y = x * 1
    with forgiving():
        if x.sum() > 0:
            raise ValueError
        y = y * 2
    return y


def suppressed_by_a_class(x):
    y = x * 1
    with Forgiving():
        if x.sum() > 0:
            raise ValueError
        y = y * 2
    return y


def suppressed_by_a_stack(x):
    y = x * 1
    with contextlib.ExitStack() as stack:
        stack.enter_context(contextlib.suppress(ValueError))
        if x.sum() > 0:
            raise ValueError
        y = y * 2
    return y


def suppressed_perhaps(x):
    y = x * 1
    with contextlib.suppress(ValueError) if x.shape[0] else torch.no_grad():
        if x.sum() > 0:
            raise ValueError
        y = y * 2
    return y


def ended(x):
    def one(part):
        if part.sum() > 9:
            raise StopIteration
        return 1

    return x * len(list(map(one, x.unbind(2))))


def asserted_and_handled(x):
    y = x * 1
    try:
        torch._assert_async(x.sum() > 0)
        y = y * 2
    except RuntimeError:
        y = y * 3
    return y


class Finished(StopIteration):
    pass


def ended_by_a_subclass(x):
    def one(part):
        if part.sum() > 9:
            raise Finished
        return 1

    return x * len(list(map(one, x.unbind(2))))


class Unnamed:
    scale = property(lambda self: self.looked_up())

    def __init__(self, x):
        self.x = x

    def looked_up(self):
        if self.x.sum() > 9:
            raise AttributeError
        return 2.0


def asked_for_by_name(x):
    return x * getattr(Unnamed(x), "scale", 3.0)


class Property(nn.Module):
    @property
    def scale(self):
        if self.x.sum() > 9:
            raise AttributeError
        return 2.0

    def forward(self, x):
        self.x = x
        return x * getattr(self, "scale", 3.0)


HANDLED = [
    suppressed,
    suppressed_by_a_generator,
    suppressed_by_a_class,
    suppressed_by_a_stack,
    suppressed_perhaps,
    ended,
    ended_by_a_subclass,
    asked_for_by_name,
    asserted_and_handled,
    Property(),
]


@pytest.mark.parametrize("forward", HANDLED, ids=lambda f: getattr(f, "__name__", "property"))
def test_a_guard_that_may_be_handled_needs_data(forward):
    """Whoever takes the exception for an answer decides what follows."""
    with pytest.raises(CaptureError, match="real=True"):
        rfgraph.analyze(forward, (1, 1, 5))
    node = rfgraph.analyze(forward, ONE, real=True).output()
    assert node.status is rfgraph.Status.BOUND
    assert node.footprint(0).all()


def in_known_managers(x):
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=False), torch.no_grad():
        assert (x > -9).all()
        return x * 2


def unfold(x):
    """Has the name of a method of tensors, and is none."""
    assert (x > -9).all()
    return x * 2


def test_functions_named_like_methods_are_called():
    """An attribute of that name is no property, whose exceptions Python would take."""
    node = rfgraph.analyze(lambda x: unfold(x), (1, 1, 5)).output()  # noqa: PLW0108 (a frame more)
    assert node.status is rfgraph.Status.EXACT


def test_managers_of_torch_let_exceptions_through():
    """They handle none, so that a guard inside decides nothing."""
    node = rfgraph.analyze(in_known_managers, (1, 1, 5)).output()
    assert node.status is rfgraph.Status.EXACT
    assert node.field.size == (1,)


def in_a_thread(x):
    def guarded():
        if x.sum() > 0:
            raise ValueError

    with ThreadPoolExecutor(1) as pool:
        failed = pool.submit(guarded).exception()
    return x * (2 if failed is None else 3)


def made_in_threads(x):
    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(lambda part: part * 2, [x[..., :2], x[..., 2:]])
    return x + torch.cat([second, first], 2)


@pytest.mark.parametrize("real", [False, True])
@pytest.mark.parametrize("forward", [in_a_thread, made_in_threads])
def test_threads_may_do_anything(forward, real):
    """Nothing is recorded in them, whether they return a tensor or raise."""
    node = rfgraph.analyze(forward, ONE, real=real).output()
    assert node.status is rfgraph.Status.BOUND
    assert node.footprint(0).all()


def test_memory_from_elsewhere_is_refused():
    """A tensor that is given other memory stands for what no operator made."""

    def forward(x):
        return x + torch.empty(0).set_(x.untyped_storage(), 0, (1, 1, 5)).flip(2)

    with pytest.raises(CaptureError, match="set_"):
        rfgraph.analyze(forward, (1, 1, 5))


class Weighted(nn.Module):
    def __init__(self, ask):
        super().__init__()
        self.weight = nn.Parameter(torch.rand(1, 1, 3))
        self.ask = ask

    def forward(self, x):
        return F.conv1d(x, self.weight, padding=1) if self.ask(self) else x


@pytest.mark.parametrize(
    "ask",
    [
        lambda m: isinstance(m.weight, nn.Parameter),
        lambda m: m.weight.requires_grad,
        lambda m: m.get_parameter("weight").requires_grad,
        lambda m: all(isinstance(p, nn.Parameter) for p in m.parameters()),
        lambda m: m.weight.is_leaf,
    ],
)
def test_parameters_are_parameters(ask):
    """What a forward asks of its weights is answered as in eager mode."""
    assert rfgraph.analyze(Weighted(ask), (1, 1, 5)).output().field.size == (3,)


def test_frozen_parameters_are_frozen():
    """Whether a weight learns is a question too."""
    model = Weighted(lambda m: m.weight.requires_grad).requires_grad_(False)
    assert rfgraph.analyze(model, (1, 1, 5)).output().field.size == (1,)


ON_CPU = [
    lambda x: x.device.type == "cpu",
    lambda x: x.device == torch.device("cpu"),
    lambda x: str(x.device) == "cpu",
    lambda x: x.is_cpu,
    lambda x: not x.is_meta,
    lambda x: not x.is_cuda,
    lambda x: x.get_device() == -1,
    lambda x: x.type() == "torch.FloatTensor",
]


@pytest.mark.parametrize("ask", ON_CPU)
def test_tensors_lie_on_the_cpu(ask):
    """A branch on where a tensor lies goes the way of the eager run."""
    node = rfgraph.analyze(lambda x: x.flip(2) if ask(x) else x * 1, (1, 1, 5)).output()
    assert np.flatnonzero(node.footprint(0)).tolist() == [4]


def by_device(x):
    with torch.autocast(x.device.type, enabled=False):
        return x + torch.zeros(5, device=x.device)


def by_default_device(x):
    with x.device:
        return x + torch.arange(5)


def by_generator(x):
    return x + torch.rand(5, generator=torch.Generator(device=x.device))


def by_type(x):
    return x.double().type(x.type()) + x.type(torch.DoubleTensor) + x.type(torch.float64)


@pytest.mark.parametrize("forward", [by_device, by_default_device, by_generator, by_type])
def test_devices_can_be_passed_on(forward):
    """What is done with the device of a tensor works as in eager mode."""
    node = rfgraph.analyze(forward, (1, 1, 5)).output()
    assert node.status is rfgraph.Status.EXACT
    assert node.field.size == (1,)


class Tied(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(4, 3, padding_idx=0)
        self.transposed = self.embedding.weight.t()

    def forward(self, x):
        return x @ self.transposed


def test_zeros_of_what_is_made_of_a_parameter_do_not_cut():
    """A view of a weight learns with it."""
    assert rfgraph.analyze(Tied(), (1, 2, 3), axes=(2,)).output().footprint(0).all()


def test_extrema_of_everything():
    """No axis named is every axis."""
    node = rfgraph.analyze(lambda x: x / x.amax(), (1, 3, 8)).output()
    assert node.field.is_global
