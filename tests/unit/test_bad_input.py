"""Bad input to the API: one clear sentence and a typed exception each."""

from __future__ import annotations

import pytest
import torch
from torch import nn

import rfgraph


class Raises(nn.Module):
    """A model whose second layer does not fit its first."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 4, 3)
        self.second = nn.Conv2d(5, 4, 3)

    def forward(self, x):
        return self.second(self.first(x))


CONV = nn.Conv2d(3, 4, 3)
CASES = {
    "model-raises": (Raises(), (1, 3, 8, 8), rfgraph.CaptureError, "second"),
    "wrong-channels": (CONV, (1, 4, 8, 8), rfgraph.CaptureError, "channels"),
    "no-input": (CONV, None, rfgraph.InputError, "input"),
    "zero-size": (CONV, (1, 3, 0, 8), rfgraph.InputError, "0"),
    "negative-size": (CONV, (1, 3, -8, 8), rfgraph.InputError, "-8"),
    "integer-input": (
        CONV,
        torch.zeros(1, 3, 8, 8, dtype=torch.int64),
        rfgraph.CaptureError,
        "float",
    ),
    "non-module": (42, (1, 3, 8, 8), rfgraph.ModelError, "42|int"),
    "too-many-inputs": (CONV, [(1, 3, 8, 8)] * 2, rfgraph.InputError, "input"),
    "no-path": (
        lambda x: torch.zeros(3),
        (1, 3, 8, 8),
        rfgraph.NoPathError,
        "No output of the model depends on",
    ),
    "too-small": (CONV, (1, 3, 2, 2), rfgraph.CaptureError, "2"),
    "nonsense": (CONV, "224", rfgraph.InputError, "shape"),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_one_clear_sentence(case):
    """The exception is typed, of one line, says what is wrong and is caught by its base class."""
    model, inputs, kind, words = case
    with pytest.raises(kind, match=words) as caught:
        rfgraph.analyze(model, inputs)
    message = str(caught.value)
    assert isinstance(caught.value, rfgraph.RfgraphError)
    assert "\n" not in message
    assert message.rstrip().endswith((".", ")"))
    assert len(message) < 500


def test_axes_that_do_not_exist():
    """Axes outside the input are refused with the range."""
    with pytest.raises(rfgraph.InputError, match=r"must lie in 0 … 3"):
        rfgraph.analyze(CONV, (1, 3, 8, 8), axes=(2, 5))
