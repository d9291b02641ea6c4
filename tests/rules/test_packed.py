"""Packed sequences: fields of sequences, states and cells against Jacobians, element by element."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

import rfgraph
from rfgraph.capture import record
from rfgraph.capture.outputs import named_tensors

LAYERS = {
    "lstm": lambda: nn.LSTM(3, 4, batch_first=True),
    "lstm-both-ways-two-layers": lambda: nn.LSTM(3, 4, 2, batch_first=True, bidirectional=True),
    "lstm-projection": lambda: nn.LSTM(3, 4, 2, batch_first=True, proj_size=2),
    "gru": lambda: nn.GRU(3, 4, 2),
    "gru-both-ways": lambda: nn.GRU(3, 4, bidirectional=True),
    "rnn": lambda: nn.RNN(3, 4, batch_first=True, bidirectional=True),
    "rnn-relu": lambda: nn.RNN(3, 4, 2, nonlinearity="relu"),
}
LENGTHS = [[3, 3], [1, 4], [1], [3, 1, 2]]


class Recurrence(nn.Module):
    """A layer over packed sequences; one of the sequence and the first states is the input."""

    def __init__(self, layer: nn.RNNBase, lengths: list[int], given: str):
        super().__init__()
        self.layer, self.lengths, self.given = layer, lengths, given
        samples, tokens = len(lengths), max(lengths)
        padded = (samples, tokens, 3) if layer.batch_first else (tokens, samples, 3)
        states = (layer.num_layers * (1 + layer.bidirectional), samples)
        self.register_buffer("sequence", torch.rand(padded))
        self.register_buffer("hidden", torch.rand(*states, layer.proj_size or 4))
        self.register_buffer("cell", torch.rand(*states, 4))
        for parameter in layer.parameters():
            nn.init.uniform_(parameter, 0.05, 0.3)  # nothing cancels, nothing saturates

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        held = {"sequence": self.sequence, "hidden": self.hidden, "cell": self.cell, self.given: x}
        batch_first = self.layer.batch_first
        packed = pack_padded_sequence(
            held["sequence"], torch.tensor(self.lengths), batch_first, enforce_sorted=False
        )
        has_cell = isinstance(self.layer, nn.LSTM)
        first = (held["hidden"], held["cell"]) if has_cell else held["hidden"]
        features, last = self.layer(packed, first)
        padded = pad_packed_sequence(features, batch_first)[0]
        return padded, features.data, *(last if has_cell else (last,))


@pytest.mark.parametrize("lengths", LENGTHS, ids=str)
@pytest.mark.parametrize("name", LAYERS)
def test_every_element_reads_what_its_jacobian_says(name, lengths):
    """One node, exact, whatever the lengths, the layers and the ways."""
    torch.manual_seed(0)
    layer = LAYERS[name]().double()
    for given in ("sequence", "hidden", "cell")[: 3 if isinstance(layer, nn.LSTM) else 2]:
        model = Recurrence(layer, lengths, given).double()
        x = getattr(model, given).clone()
        analysis = rfgraph.analyze(model, x, axes=(0, 1, 2), real=True)
        nodes = list(analysis.outputs.values())
        jacobians = torch.autograd.functional.jacobian(model, x)
        assert {node.status for node in analysis} == {rfgraph.Status.EXACT}
        for node, jacobian in zip(nodes, jacobians, strict=True):
            rank = len(node.shape)
            gone = tuple(axis for axis in range(rank) if axis not in node.spatial_axes)
            support = (jacobian != 0).numpy().any(axis=gone)
            for place in itertools.product(*(range(node.shape[k]) for k in node.spatial_axes)):
                assert np.array_equal(node.footprint(place), support[place]), (given, place)


@pytest.mark.parametrize("name", LAYERS)
def test_a_layer_is_one_node(name):
    """And what the graph computes is what the layer computes."""
    model = Recurrence(LAYERS[name](), [3, 1, 2], "sequence")
    recording = record(model, (model.sequence,), real=True)
    targets = [str(n.target) for n in recording.graph.nodes if n.op == "call_function"]
    assert sum(target.endswith(".data") for target in targets) == 1
    want = dict(named_tensors(model(model.sequence), "output"))
    assert {k: tuple(v.shape) for k, v in want.items()} == {
        k: v.meta["spec"].shape for k, v in recording.outputs.items()
    }


def test_lengths_that_are_an_input_bound_everything():
    """Which token is whose is not known; all is said to be read, and the reason is told."""

    class Model(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = nn.LSTM(3, 4, batch_first=True)

        def forward(self, x, lengths):
            packed = pack_padded_sequence(x, lengths, batch_first=True)
            return pad_packed_sequence(self.layer(packed)[0], batch_first=True)[0]

    inputs = (torch.rand(2, 5, 3), torch.tensor([5, 3]))
    analysis = rfgraph.analyze(Model(), inputs, real=True, layout={"x": "NLC"})
    node = analysis.output()
    assert node.status is rfgraph.Status.BOUND
    assert any("lengths are computed" in reason for reason in node.reasons)
    assert node.region((0,), input="x").hull == ((0, 4),)


def test_sizes_that_the_user_makes():
    """A packed sequence that no function packed."""
    layer = nn.GRU(3, 4)

    class Model(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = layer

        def forward(self, x):
            packed = nn.utils.rnn.PackedSequence(x, torch.tensor([2, 2, 1]))
            return self.layer(packed)[0].data

    node = rfgraph.analyze(Model(), torch.rand(5, 3), axes=(0,), real=True).output()
    assert node.status is rfgraph.Status.EXACT
    assert np.flatnonzero(node.footprint((4,))).tolist() == [0, 2, 4]
    assert np.flatnonzero(node.footprint((3,))).tolist() == [1, 3]
