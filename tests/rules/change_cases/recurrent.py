"""Recurrences over packed sequences, which are laid out by the values of their lengths."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ._row import row


def _packed(x: Tensor, lengths: list[int], **options: bool) -> Tensor:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        recurrence = nn.GRU(x.shape[2], 2, batch_first=True, dtype=x.dtype, **options)
    packed = nn.utils.rnn.pack_padded_sequence(
        x, torch.tensor(lengths), batch_first=True, enforce_sorted=False
    )
    found: Tensor = nn.utils.rnn.pad_packed_sequence(recurrence(packed)[0], batch_first=True)[0]
    return found


ROWS = (
    row("packed", lambda x: _packed(x, [4, 2]), 2, 4, 3, axes=(0, 1), real=True),
    row("packed-unsorted", lambda x: _packed(x, [2, 4]), 2, 4, 3, axes=(0, 1), real=True),
    row("packed-both-ways", lambda x: _packed(x, [3], bidirectional=True), 1, 4, 3, axes=(1,),
        real=True),
)  # fmt: skip
