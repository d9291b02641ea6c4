"""A private copy is moved whole: what nobody registered comes along."""

import torch
from torch import nn

from rfgraph.eager import device_of, put


class Holder(nn.Module):
    """Holds tensors in every place where a module can hold them."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.rand(2))
        self.register_buffer("mean", torch.rand(2))
        self.alias = self.weight
        self.plain = torch.rand(2)
        self.table = torch.arange(2)
        self.wave = torch.rand(2, dtype=torch.complex64)
        self.several = [torch.rand(2), {"inner": (torch.rand(2), "text")}]
        self.several.append(self.several)
        self.shared = self.several
        self.fixed = (1, "text")
        self.rnn = nn.LSTM(2, 2)


def test_every_tensor_takes_the_new_type():
    """Floating point and complex tensors alike; integers keep theirs."""
    model = put(Holder(), dtype=torch.float64)
    assert model.weight.dtype == model.mean.dtype == model.plain.dtype == torch.float64
    assert model.table.dtype == torch.int64
    assert model.wave.dtype == torch.complex128
    assert model.several[0].dtype == model.several[1]["inner"][0].dtype == torch.float64
    assert model.several[1]["inner"][1] == "text"
    assert all(weight.dtype == torch.float64 for weight in model.rnn._flat_weights)


def test_every_tensor_goes_to_the_device():
    """The meta device is one that every machine has."""
    model = put(Holder(), "meta")
    assert device_of(model, torch.device("cpu")).type == "meta"
    held = [model.plain, model.table, model.several[0], model.several[1]["inner"][0]]
    assert all(tensor.is_meta for tensor in held)


def test_what_was_one_object_stays_one():
    """Parameters under two names, containers in two places or in themselves, plain tuples."""
    model = Holder()
    fixed, several = model.fixed, model.several
    put(model, dtype=torch.float64)
    assert model.alias is model.weight
    assert model.rnn._flat_weights[0] is model.rnn.weight_ih_l0
    assert model.several is model.shared is several is several[2]
    assert model.fixed is fixed


def test_a_model_without_tensors_is_where_its_inputs_are():
    """There is nothing to ask but the input."""
    assert device_of(nn.ReLU(), torch.device("meta")).type == "meta"
