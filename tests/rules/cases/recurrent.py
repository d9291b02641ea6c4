"""Recurrent layers and states carried by hand."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ._case import function, module

_TOKENS = {"axes": (1,), "output_axes": (1,)}


class States(nn.Module):
    """The sequence of states of a recurrent layer."""

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, x: Tensor) -> Tensor:
        return self.layer(x)[0]


class LastState(nn.Module):
    """The last hidden state only."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.GRU(2, 3, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        return self.layer(x)[1].transpose(0, 1)


class Cells(nn.Module):
    """A cell in a Python loop."""

    def __init__(self) -> None:
        super().__init__()
        self.cell = nn.GRUCell(2, 2)

    def forward(self, x: Tensor) -> Tensor:
        state = x.new_zeros(x.shape[0], 2)
        states = []
        for step in range(x.shape[1]):
            state = self.cell(x[:, step], state)
            states.append(state)
        return torch.stack(states, 1)


def _exponential_average(x: Tensor) -> Tensor:
    state = x[:, 0]
    states = [state]
    for step in range(1, x.shape[1]):
        state = 0.9 * state + 0.1 * x[:, step]
        states.append(state)
    return torch.stack(states, 1)


CASES = (
    module("rnn", lambda: States(nn.RNN(2, 3, batch_first=True)), (1, 5, 2), **_TOKENS),
    module(
        "gru", lambda: States(nn.GRU(2, 3, batch_first=True)), (1, 5, 2), note="a prefix", **_TOKENS
    ),
    module(
        "gru-two-layers",
        lambda: States(nn.GRU(2, 2, num_layers=2, batch_first=True)),
        (1, 4, 2),
        **_TOKENS,
    ),
    module(
        "gru-bidirectional",
        lambda: States(nn.GRU(2, 2, batch_first=True, bidirectional=True)),
        (1, 5, 2),
        **_TOKENS,
    ),
    module("gru-last-state", LastState, (1, 5, 2), axes=(1,), output_axes=()),
    module("lstm", lambda: States(nn.LSTM(2, 3, batch_first=True)), (1, 5, 2), **_TOKENS),
    module(
        "lstm-sequence-first",
        lambda: States(nn.LSTM(2, 3)),
        (5, 1, 2),
        axes=(0,),
        output_axes=(0,),
        batched=False,
    ),
    module(
        "lstm-projection",
        lambda: States(nn.LSTM(2, 3, batch_first=True, proj_size=2)),
        (1, 4, 2),
        **_TOKENS,
    ),
    module("gru-cells", Cells, (1, 5, 2), **_TOKENS),
    function("exponential-average", _exponential_average, (1, 5, 2), **_TOKENS),
)
