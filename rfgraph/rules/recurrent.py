"""Recurrent layers: a prefix of the tokens one way, a suffix the other way.

Features mix at every step and samples never do. The features of a bidirectional layer are those of
both ways side by side, and stay apart; the layer above reads both, so that from the second
bidirectional layer on every token reads all tokens.

The state of a GRU and the cell state of an LSTM are carried from step to step feature by feature,
beside what goes through the gates, which read all features. A cell state meets no gate before its
second step. The last states are neither local nor global, like the sequence that they end: their
field is all of it.

Packed sequences are the same layer between two tables: one unpacks them into tokens and samples, of
which the shorter have none at the end, and one packs what comes out.

Source: the equations in the documentation of ``torch.nn.LSTM``, ``GRU`` and ``RNN``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from torch import fx

from rfgraph.geometry.axis_map import SAME, AxisMap
from rfgraph.geometry.index_set import IndexSet, index_set, interval
from rfgraph.geometry.movement import fixed
from rfgraph.geometry.periodic import Finite, Periodic
from rfgraph.geometry.tensor_map import (
    WHOLE,
    Axes,
    AxisRead,
    Chain,
    Everything,
    Masked,
    Segment,
    Shape,
    TensorMap,
    Whole,
    identity,
)
from rfgraph.rules.call import Call, PerOutput, Read, Reads, Rule, shape
from rfgraph.rules.packed import COMPUTED, batch_sizes, repacked, unpacked
from rfgraph.rules.prefix import LONGEST, prefix, suffix

_MIXED = AxisRead(None, WHOLE)
"""A feature axis, all of which is read."""

_SAMPLE = AxisRead(1, SAME)
"""The batch axis of states, which they have behind that of layers and ways."""


@dataclass(frozen=True, slots=True)
class _Layer:
    """A call of a recurrent layer.

    Attributes:
        source: The input, of tokens, samples and features.
        hidden, cell: The first states, of shape (layers * ways, samples, features); a cell state
            in an LSTM alone.
        weights: Of all layers and ways.
        count: Layers.
        ways: 2 when it runs backward as well, else 1.
        tokens: The token axis of the input and of the features: 0, or 1 when samples come first.
        features: Shape of the first result, (tokens, samples, features) or samples first.
        lengths: Tokens of each sample, or of all samples where they have as many.
        carries_hidden: Whether the hidden state is carried feature by feature.
        carries_cell: Whether the cell state comes out feature by feature, with no projection.
    """

    source: fx.Node
    hidden: fx.Node
    cell: fx.Node | None
    weights: Sequence[fx.Node]
    count: int
    ways: int
    tokens: int
    features: Shape
    lengths: npt.NDArray[np.int64]
    carries_hidden: bool
    carries_cell: bool

    @property
    def length(self) -> int:
        """Tokens of the longest sequence."""
        return self.features[self.tokens]

    @property
    def below(self) -> int:
        """First states of the layers below the last one."""
        return (self.count - 1) * self.ways


def _every(positions: IndexSet) -> AxisMap:
    """Every output reads the same positions."""
    return AxisMap(Periodic(1, 0, (positions,)))


def _listed(sets: Iterable[IndexSet]) -> AxisMap:
    return AxisMap(Finite(tuple(sets)))


def _read_weights(layer: _Layer) -> list[Read]:
    reason = "which weights each step of a recurrence reads is not followed"
    return [Read(weight, Everything(), reason) for weight in layer.weights]


def _tokens_read(layer: _Layer, way: int) -> AxisMap | Whole:
    """The tokens that each token of one way reads."""
    length = layer.length
    if layer.ways == 1 or layer.count == 1:
        return (suffix if way else prefix)(length)
    if length > LONGEST:
        # A table would hold the square of the length.
        return WHOLE
    return _listed((interval(0, length - 1),) * length)


def _features(layer: _Layer) -> Reads:
    """What the features read, one way after the other."""
    reads = _read_weights(layer)
    for way in range(layer.ways):
        token = AxisRead(layer.tokens, _tokens_read(layer, way))
        sample = AxisRead(1 - layer.tokens, SAME)
        axes = (sample, token, _MIXED) if layer.tokens else (token, sample, _MIXED)
        reads.append(Read(layer.source, _put(layer, way, Axes(axes))))
        reads += [
            Read(state, _put(layer, way, *steps)) for state, steps in _states_read(layer, way)
        ]
    return reads


def _states_read(layer: _Layer, way: int) -> Iterable[tuple[fx.Node, Sequence[TensorMap]]]:
    """How the features of one way read the first states: the steps of each reading."""
    sample = AxisRead(1 - layer.tokens, SAME)
    own = layer.below + way
    below = range(layer.below)
    mixed = Axes((AxisRead(None, _every(index_set([*below, own]))), sample, _MIXED))
    carried = Axes((AxisRead(None, fixed(own)), sample, AxisRead(2, SAME)))
    yield layer.hidden, [mixed]
    if layer.carries_hidden:
        yield layer.hidden, [carried]
    if layer.cell is None:
        return
    if not layer.carries_cell:
        yield layer.cell, [mixed]
        return
    yield layer.cell, [carried]
    if layer.below:
        yield layer.cell, [Axes((AxisRead(None, _every(index_set(below))), sample, _MIXED))]
    if layer.length > 1:
        first = layer.lengths - 1 if way else np.zeros_like(layer.lengths)
        later = (np.arange(layer.length)[:, None] != first)[:, :, None]
        keep = Masked(later.swapaxes(0, 1) if layer.tokens else later)
        yield layer.cell, [Axes((AxisRead(None, fixed(own)), sample, _MIXED)), keep]


def _put(layer: _Layer, way: int, *steps: TensorMap) -> TensorMap:
    """The steps, which lead to the features of one way, put beside those of the other."""
    width = layer.features[2] // layer.ways
    chain = [(step, (*layer.features[:2], width)) for step in steps]
    if layer.ways > 1:
        chain.append((Segment(3, 2, way * width), layer.features))
    return chain[0][0] if len(chain) == 1 else Chain(tuple(chain))


def _last_states(layer: _Layer, state: fx.Node) -> Reads:
    """What the last states read that are shaped as the first ones in ``state``."""
    count = layer.count * layer.ways
    below = [index_set(range(own // layer.ways * layer.ways)) for own in range(count)]
    upto = _listed(under.union(index_set([own])) for own, under in enumerate(below))
    mixed = Axes((AxisRead(0, upto), _SAMPLE, _MIXED))
    all_tokens = AxisRead(None, _every(interval(0, layer.length - 1)))
    axes = (_SAMPLE, all_tokens, _MIXED) if layer.tokens else (all_tokens, _SAMPLE, _MIXED)
    reads = [
        *_read_weights(layer),
        Read(layer.source, Axes(axes)),
        Read(layer.hidden, mixed),
    ]
    if layer.carries_hidden:
        reads.append(Read(layer.hidden, identity(3)))
    cell = layer.cell
    if cell is None:
        return reads
    if state is not cell and not layer.carries_cell:
        return [*reads, Read(cell, mixed)]
    reads.append(Read(cell, identity(3)))
    longer = (layer.lengths > 1).reshape(1, -1, 1)
    lower = Axes((AxisRead(0, _listed(below)), _SAMPLE, _MIXED))
    for seen, keep in ((mixed, longer), (lower, ~longer)):
        if keep.all():
            reads.append(Read(cell, seen))
        elif keep.any():
            states = shape(cell)
            reads.append(Read(cell, Chain(((seen, states), (Masked(keep), states)))))
    return reads


def recurrent(call: Call) -> PerOutput:
    """Features of the last layer, last states and, in an LSTM, last cell states."""
    tokens = 1 if call["batch_first"] else 0
    lengths = np.full(1, call.out[tokens], dtype=np.int64)
    return _results(_layer(call, call["input"], tokens, call.out, lengths))


def packed_recurrent(call: Call) -> PerOutput:
    """The same of packed sequences."""
    source, sizes = call["data"], batch_sizes(call, call["batch_sizes"])
    if sizes is None:
        reads = [Read(node, Everything(), COMPUTED) for node in call.tensors()]
        return PerOutput((reads,) * len(call.outs()))
    features = (len(sizes), sizes[0], call.out[1])
    lengths = (np.asarray(sizes)[:, None] > np.arange(sizes[0])).sum(0)
    features_read, *states_read = _results(_layer(call, source, 0, features, lengths)).outputs
    opened, closed = unpacked(sizes, shape(source)[1]), repacked(sizes, features)

    def of_rows(read: Read, out: Shape, *after: tuple[TensorMap, Shape]) -> Read:
        before = (opened,) if read.source is source else ()
        return replace(read, map=Chain((*before, (read.map, out), *after)))

    states = call.outs()[1:]
    return PerOutput(
        (
            [of_rows(read, features, closed) for read in features_read],
            *(
                [of_rows(read, out or ()) for read in reads]
                for reads, out in zip(states_read, states, strict=True)
            ),
        )
    )


def _layer(
    call: Call, source: fx.Node, tokens: int, features: Shape, lengths: npt.NDArray[np.int64]
) -> _Layer:
    states = call["hx"]
    hidden, cell = (states, None) if isinstance(states, fx.Node) else states
    count, ways = int(call["num_layers"]), 2 if call["bidirectional"] else 1
    # Two matrices for each layer and way, two biases, and one matrix that projects.
    projects = len(call["params"]) != count * ways * (4 if call["has_biases"] else 2)
    return _Layer(
        source=source,
        hidden=hidden,
        cell=cell,
        weights=call["params"],
        count=count,
        ways=ways,
        tokens=tokens,
        features=features,
        lengths=lengths,
        carries_hidden=str(call.node.target).startswith("aten.gru"),
        carries_cell=cell is not None and not projects,
    )


def _results(layer: _Layer) -> PerOutput:
    ends = [layer.hidden] if layer.cell is None else [layer.hidden, layer.cell]
    return PerOutput((_features(layer), *(_last_states(layer, state) for state in ends)))


_NAMES = ("lstm", "gru", "rnn_tanh", "rnn_relu")

RULES: dict[str, Rule] = {
    **dict.fromkeys((f"aten.{name}.input" for name in _NAMES), recurrent),
    **dict.fromkeys((f"aten.{name}.data" for name in _NAMES), packed_recurrent),
}
