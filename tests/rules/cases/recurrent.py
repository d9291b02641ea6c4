"""Recurrent layers and states carried by hand."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

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


class Given(nn.Module):
    """Everything that a recurrent layer returns, from given first states."""

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, x: Tensor, *states: Tensor) -> tuple[Tensor, ...]:
        features, last = self.layer(x, states if len(states) > 1 else states[0])
        return features, *((last,) if isinstance(last, Tensor) else last)


class Half(nn.Module):
    """The features of one way of a bidirectional layer."""

    def __init__(self, layer: nn.Module, half: int) -> None:
        super().__init__()
        self.layer = layer
        self.half = half

    def forward(self, x: Tensor) -> Tensor:
        return self.layer(x)[0].chunk(2, -1)[self.half]


class FromMean(nn.Module):
    """A layer whose first state is computed from the input."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.GRU(2, 2, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        return self.layer(x, x[:, 2:4].mean(1)[None])[0]


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


def _half(half: int, layers: int) -> nn.Module:
    return Half(nn.LSTM(2, 2, layers, batch_first=True, bidirectional=True), half)


def _given(layer: Callable[..., nn.Module], **options: Any) -> nn.Module:
    return Given(layer(2, 3, **options))


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
    module(
        "rnn-relu",
        lambda: States(nn.RNN(2, 3, nonlinearity="relu")),
        (4, 1, 2),
        axes=(0,),
        output_axes=(0,),
        batched=False,
    ),
    module(
        "gru-without-bias",
        lambda: States(nn.GRU(2, 3, bias=False)),
        (4, 2, 2),
        axes=(0, 1),
        output_axes=(0, 1),
        batched=False,
        note="samples stay apart",
    ),
    module(
        "lstm-unbatched",
        lambda: States(nn.LSTM(2, 3)),
        (4, 2),
        axes=(0,),
        output_axes=(0,),
        batched=False,
    ),
    module("gru-first-state-computed", FromMean, (1, 5, 2), **_TOKENS),
    *(
        module(
            f"lstm-{way}-features",
            partial(_half, half, layers=1),
            (1, 5, 2),
            note="the ways stay apart",
            **_TOKENS,
        )
        for half, way in enumerate(("forward", "backward"))
    ),
    *(
        module(
            f"lstm-{way}-features-two-layers",
            partial(_half, half, layers=2),
            (1, 3, 2),
            note="both ways below are read",
            **_TOKENS,
        )
        for half, way in enumerate(("forward", "backward"))
    ),
    *(
        module(
            f"{name}-given-states",
            partial(_given, layer, **options),
            (tokens, 2, 2),
            *((ways * options.get("num_layers", 1), 2, width) for width in widths),
            axes=(0, 1, 2),
            output_axes=(0, 1, 2),
            batched=False,
            sources=(*range(1 + len(widths)),),
        )
        for name, layer, tokens, widths, ways, options in (
            ("lstm", nn.LSTM, 3, (3, 3), 1, {}),
            ("lstm-one-token", nn.LSTM, 1, (3, 3), 1, {"num_layers": 2}),
            ("lstm-both-ways", nn.LSTM, 3, (3, 3), 2, {"bidirectional": True}),
            ("lstm-projected", nn.LSTM, 2, (2, 3), 1, {"proj_size": 2}),
            ("lstm-projected-one-token", nn.LSTM, 1, (2, 3), 1, {"proj_size": 2}),
            (
                "lstm-deep-both-ways",
                nn.LSTM,
                2,
                (3, 3),
                2,
                {"num_layers": 2, "bidirectional": True},
            ),
            ("gru", nn.GRU, 2, (3,), 1, {"num_layers": 2}),
            ("gru-both-ways", nn.GRU, 2, (3,), 2, {"num_layers": 2, "bidirectional": True}),
            ("rnn", nn.RNN, 2, (3,), 1, {}),
        )
    ),
    module("gru-cells", Cells, (1, 5, 2), **_TOKENS),
    function("exponential-average", _exponential_average, (1, 5, 2), **_TOKENS),
)
