"""Errors name what was wrong, where, and what to do."""

from __future__ import annotations

import pytest
import torch
import torchvision
from torch import nn

from rfgraph.capture import make_inputs, record
from rfgraph.errors import CaptureError, InputError, ModelError, RfgraphError


def test_wrong_channels():
    """A wrong channel count names the layer, the shapes and the remedy."""
    model = torchvision.models.resnet18()
    with pytest.raises(CaptureError, match=r"'conv1'.*4 channels.*give an input with 3") as caught:
        record(model, (torch.empty(1, 4, 64, 64),))
    assert isinstance(caught.value.__cause__, RuntimeError)
    assert "conv2d" in str(caught.value)
    assert isinstance(caught.value, RfgraphError)


def test_integer_input():
    """An integer input to a float model says so."""
    with pytest.raises(CaptureError, match="floating point input"):
        record(nn.Conv2d(3, 4, 3), (torch.zeros(1, 3, 8, 8, dtype=torch.int64),))


def test_float_indices():
    """A floating point input to an embedding says what it needs."""
    with pytest.raises(CaptureError, match=r"embedding|indices"):
        record(nn.Embedding(4, 4), (torch.zeros(1, 3),))


def test_wrong_features():
    """A flattened size that does not fit names the layer."""
    with pytest.raises(CaptureError, match=r"'fc'.*linear.*size"):
        record(Head(), (torch.empty(1, 3, 5, 5),))


class Head(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(10, 2)

    def forward(self, x):
        return self.fc(x.flatten(1))


@pytest.mark.parametrize(
    "forward",
    [
        lambda x: x * x.sum().item(),
        lambda x: x if x.max() > 0 else -x,
        lambda x: x[x > 0],
        lambda x: x.nonzero(),
        lambda x: torch.tensor(x.tolist()),
        lambda x: torch.from_numpy(x.numpy()),
        lambda x: x[: int(x[0, 0])],
    ],
)
def test_data_dependence(forward):
    """Reading values that depend on the input asks for real=True."""
    with pytest.raises(CaptureError, match="real=True"):
        record(forward, (torch.ones(2, 2),))
    record(forward, (torch.ones(2, 2),), real=True)


class Packed(nn.Module):
    """A recurrence over sequences of several lengths."""

    def __init__(self, *, listed: bool):
        super().__init__()
        self.listed = listed
        self.lstm = nn.LSTM(3, 4, batch_first=True)

    def forward(self, x):
        lengths = [5, 3] if self.listed else torch.tensor([5, 3])
        packed = nn.utils.rnn.pack_padded_sequence(x, lengths, batch_first=True)
        return nn.utils.rnn.pad_packed_sequence(self.lstm(packed)[0], batch_first=True)[0]


@pytest.mark.parametrize("listed", [False, True])
def test_packed_sequences_ask_for_data(listed):
    """Packing reads lengths, so that the message says why data is needed; with data it records."""
    model = Packed(listed=listed)
    with pytest.raises(CaptureError, match=r"laid out by the values .*: pass real=True"):
        record(model, (torch.ones(2, 5, 3),))
    assert record(model, (torch.ones(2, 5, 3),), real=True).source == "real"


def test_data_dependence_names_the_module():
    """The message says which module needed the data."""

    class Gate(nn.Module):
        def forward(self, x):
            return x if x.sum() > 0 else -x

    with pytest.raises(CaptureError, match=r"'1'.*_local_scalar_dense"):
        record(nn.Sequential(nn.ReLU(), Gate()), (torch.ones(2),))


@pytest.mark.parametrize(
    ("args", "kwargs", "match"),
    [
        ((), {}, "missing a required argument: 'x'"),
        ((torch.empty(2),), {}, "missing a required argument: 'y'"),
        ((torch.empty(2),) * 3, {}, "too many"),
        ((torch.empty(2),), {"z": torch.empty(2)}, "z|y"),
        ((torch.empty(0, 2), torch.empty(2)), {}, r"x has shape \(0, 2\)|X has shape"),
        ((1, 2), {}, "no tensor"),
    ],
)
def test_inputs_that_do_not_fit(args, kwargs, match):
    """Missing, superfluous, empty and absent tensors are input errors."""
    with pytest.raises(InputError, match=match):
        record(lambda x, y: x + y, args, kwargs)


@pytest.mark.parametrize(
    "given", [(1, 0, 3), (1, -3, 3), [], {}, "abc", 3, [(1, 2), object()], None, (1.5, 2)]
)
def test_descriptions_that_are_not_inputs(given):
    """What is neither a shape nor a tensor is refused in words."""
    with pytest.raises(InputError):
        make_inputs(nn.ReLU(), given)


@pytest.mark.parametrize("model", [3, None, nn.ReLU, "resnet50"])
def test_things_that_are_not_models(model):
    """Classes and values are not models."""
    with pytest.raises(ModelError, match=r"not a model"):
        record(model, (torch.empty(2),))


def test_models_that_are_not_ready():
    """Lazy modules and data-less models in a real run say what is missing."""
    with pytest.raises(ModelError, match="lazy"):
        record(nn.LazyLinear(3), (torch.empty(2, 3),))
    with pytest.raises(ModelError, match="no data"):
        record(nn.Linear(3, 3, device="meta"), (torch.ones(2, 3),), real=True)


def test_no_tensor_returned():
    """A model that returns no tensor is reported."""
    with pytest.raises(CaptureError, match="no tensor"):
        record(lambda x: x.shape, (torch.empty(2),))


def test_interrupts_pass_through():
    """KeyboardInterrupt is not swallowed or wrapped."""

    def forward(x):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        record(forward, (torch.empty(2),))
