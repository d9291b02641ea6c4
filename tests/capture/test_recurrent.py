"""Recurrent layers are one operator each, however they are called."""

from __future__ import annotations

import pytest
import torch
from torch import nn

import rfgraph
from rfgraph.capture import record
from rfgraph.capture.values import draw, evaluate
from tests.capture.execution import assert_specs, execute

SHAPE = (2, 5, 3)


def operators(recording):
    return [str(n.target) for n in recording.graph.nodes if n.op == "call_function"]


def layers(recording):
    """The recurrent operators among all."""
    names = ("aten.lstm", "aten.gru", "aten.rnn_")
    return [name for name in operators(recording) if name.startswith(names)]


@pytest.mark.parametrize("real", [False, True], ids=["meta", "real"])
@pytest.mark.parametrize(
    ("layer", "name"),
    [
        (nn.LSTM(3, 4, 2, batch_first=True, bidirectional=True), "aten.lstm.input"),
        (nn.LSTM(3, 4, proj_size=2), "aten.lstm.input"),
        (nn.GRU(3, 4, bias=False), "aten.gru.input"),
        (nn.RNN(3, 4), "aten.rnn_tanh.input"),
        (nn.RNN(3, 4, nonlinearity="relu", batch_first=True), "aten.rnn_relu.input"),
        (nn.LSTM(3, 4).double(), "aten.lstm.input"),
        (nn.LSTM(3, 4).bfloat16(), "aten.lstm.input"),
    ],
    ids=str,
)
def test_a_layer_is_one_operator(layer, name, real):
    """The same with and without data, and what the graph computes is what the layer computes."""
    layer.eval()
    x = torch.randn(SHAPE, dtype=next(layer.parameters()).dtype)
    recording = record(layer, (x,), real=real)
    assert layers(recording) == [name]
    with torch.no_grad():
        features, last = layer(x)
    wanted = [features, *((last,) if isinstance(last, torch.Tensor) else last)]
    got = execute(recording, [x])
    if not real:
        # A layer's own kernels may lay out results otherwise than a run without data.
        assert_specs(recording, got)
    for found, value in zip(got.values(), wanted, strict=True):
        torch.testing.assert_close(found, value)


@pytest.mark.parametrize("overload", [torch.ops.aten.gru, torch.ops.aten.gru.input, torch.gru])
def test_every_way_to_call_it(overload):
    """PyTorch's function, the operator and its overload are recorded as the same."""
    layer = nn.GRU(3, 4, batch_first=True)

    def model(x):
        settings = (True, 1, 0.0, False, False, True)
        return overload(x, x.new_zeros(1, 2, 4), layer._flat_weights, *settings)[0]

    assert layers(record(model, (torch.empty(SHAPE),))) == ["aten.gru.input"]


@pytest.mark.filterwarnings("ignore")
def test_exported_layers_are_one_operator():
    """As in the program, which calls the operator itself."""
    program = torch.export.export(nn.GRU(3, 4, batch_first=True).eval(), (torch.randn(SHAPE),))
    assert layers(record(program, (torch.randn(SHAPE),))) == ["aten.gru.input"]
    node = rfgraph.analyze(program, SHAPE, layout="NLC").output("output.0")
    assert node.region((2,)).hull == ((0, 2),)


def test_computed_weights_are_read_step_by_step():
    """Only there it is seen that the first step, from a state of zeros, skips a weight."""

    class Hyper(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = nn.RNN(3, 4, batch_first=True)

        def forward(self, x, scale):
            weights = dict(self.layer.named_parameters())
            weights["weight_hh_l0"] = weights["weight_hh_l0"] * scale
            return torch.func.functional_call(self.layer, weights, (x,))[0]

    model = Hyper()
    assert layers(record(model, (torch.empty(SHAPE), torch.empty(1, 1)))) == []
    node = rfgraph.analyze(model, [SHAPE, (1, 1)], axes={"x": (1,), "scale": (1,)}).output()
    assert node.footprint((2,), input="scale").all()


def test_weights_made_from_parameters_are_none_of_the_input():
    """A weight norm runs operators, but on parameters alone."""
    layer = nn.utils.parametrizations.weight_norm(nn.GRU(3, 4), "weight_hh_l0")
    assert layers(record(layer, (torch.empty(SHAPE),))) == ["aten.gru.input"]


@pytest.mark.parametrize("training", [False, True])
def test_dropout_between_layers_has_no_value(training):
    """A layer of constants is a constant, unless it drops elements at random."""
    layer = nn.GRU(3, 4, 2, dropout=0.5)

    def model(x):
        return x + layer(torch.ones(5, 2, 3))[0]

    wrapped = nn.ModuleList([layer])
    wrapped.forward = model
    recording = record(wrapped, (torch.empty(5, 2, 4),), training=training, real=True)
    (node,) = (n for n in recording.outputs["output"].all_input_nodes if n.op == "call_function")
    assert (evaluate(node) is None) == training
    assert draw(node) is not None


def test_wrong_weights_are_refused_as_ever():
    """PyTorch's own message, as in a run of the model."""

    def model(x):
        weights = [torch.zeros(16, 3)] * 3
        return torch.lstm(x, [torch.zeros(1, 2, 4)] * 2, weights, False, 1, 0.0, False, False, True)

    with pytest.raises(rfgraph.CaptureError, match="incorrect number of RNN parameters"):
        record(model, (torch.empty(SHAPE),))


@pytest.mark.parametrize("length", [2000, 5000])
@pytest.mark.parametrize("count", [1, 2])
def test_long_sequences_cost_no_nodes(length, count):
    """One node, whatever the length, and positions are exact."""
    model = nn.GRU(3, 4, count, batch_first=True, bidirectional=True)

    def halves(x):
        features, last = model(x)
        return *features.chunk(2, -1), last

    analysis = rfgraph.analyze(halves, (1, length, 3), layout="NLC")
    assert len(list(analysis)) < 10
    forward, backward, last = analysis.outputs.values()
    whole = (0, length - 1)
    assert forward.region((1234,)).hull == ((0, 1234) if count == 1 else whole,)
    assert backward.region((1234,)).hull == ((1234, length - 1) if count == 1 else whole,)
    assert last.region((0,)).hull == (whole,)
    assert all(node.status is rfgraph.Status.EXACT for node in analysis)
