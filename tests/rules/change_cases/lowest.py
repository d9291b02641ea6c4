"""Scores that are lowest for all inputs, where the oracle knows no -inf: bounds, finite numbers."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F  # noqa: N812 - its usual name
from torch import Tensor

from ._row import Row, row


def _ahead(x: Tensor, lowest: float) -> Tensor:
    """Tokens by tokens: a number ahead of each, and zero elsewhere."""
    tokens = x.shape[1]
    return x.new_full((tokens, tokens), lowest).triu(1)


def _attention(id: str, change: Callable[[Tensor, Tensor], Tensor], lowest: float) -> Row:  # noqa: A002
    """Attention with a function of scores and mask as weights; what is beyond are sinks."""

    def body(x: Tensor) -> Tensor:
        scores = x @ x.transpose(1, 2)
        weights = change(scores, _ahead(x, lowest)).softmax(-1)
        return weights[..., : x.shape[1]] @ x

    return row(f"lowest-{id}", body, 1, 5, 2, axes=(1,))


_NEVER = -math.inf
_LOWEST = torch.finfo(torch.float64).min


def _beside_sink(scores: Tensor) -> Tensor:
    return torch.cat([scores, scores.new_zeros(*scores.shape[:-1], 1)], -1)


def _less_maximum(scores: Tensor) -> Tensor:
    return scores - scores.max(dim=-1, keepdim=True).values.detach()


def _only_lowest(x: Tensor) -> Tensor:
    """A row of nothing but lowest scores, less their maximum, is a row of ordinary scores."""
    scores = (x @ x.transpose(1, 2)).masked_fill(_ahead(x, 1.0).flip(0) == 1, _LOWEST)
    scores = scores.masked_fill(_ahead(x, 1.0).T == 1, _LOWEST)
    return _beside_sink(_less_maximum(scores)).softmax(-1)[..., : x.shape[1]] @ x


def _beside_their_maximum(x: Tensor) -> Tensor:
    """In a row of nothing but lowest scores their maximum is as low, and all weights are equal."""
    scores = (x @ x.transpose(1, 2)).masked_fill(_ahead(x, 1.0).flip(0) == 1, _LOWEST)
    scores = scores.masked_fill(_ahead(x, 1.0).T == 1, _LOWEST)
    beside = torch.cat([scores, scores.amax(-1, keepdim=True)], -1)
    return beside.softmax(-1)[..., : x.shape[1]] @ x


def _written(scores: Tensor, ahead: Tensor) -> Tensor:
    scores = scores.clone()
    scores[:, ahead < 0] = _NEVER
    return scores


def _kept_by_scores(scores: Tensor, ahead: Tensor) -> Tensor:
    """Of the scores that a mask leaves, those that are large; every query keeps its own."""
    masked = scores + ahead
    is_own = torch.eye(scores.shape[-1], dtype=torch.bool, device=scores.device)
    return masked.masked_fill((scores < 0.8) & ~is_own, _NEVER)


def _between(change: Callable[[Tensor], Tensor]) -> Callable[[Tensor, Tensor], Tensor]:
    """Scores that are masked, moved, and masked again, so that of the first token none is left."""

    def masked(scores: Tensor, ahead: Tensor) -> Tensor:
        first = torch.arange(scores.shape[-1], device=scores.device) == 0
        return change(scores + ahead).masked_fill(first, _LOWEST)

    return masked


def _filled_by_slices(scores: Tensor, ahead: Tensor) -> Tensor:
    scores = scores.clone()
    for k in range(scores.shape[-1] - 1):
        scores[:, k, k + 1 :].fill_(_LOWEST)
    first = torch.arange(scores.shape[-1], device=scores.device) == 0
    return scores.masked_fill(first, _LOWEST)


def _lifted(x: Tensor) -> Tensor:
    """A number as large as the lowest is low makes ordinary scores of the lowest."""
    scores = (x @ x.transpose(1, 2)).half() + _ahead(x.half(), torch.finfo(torch.half).min)
    return (scores.float() + 65520.0).relu().double() @ x


ROWS = (
    *(
        _attention(f"moved-by-{name}", _between(change), _LOWEST)
        for name, change in (
            ("nothing", lambda w: w),
            ("indices", lambda w: w[:, [0, 1, 2, 3, 4]]),
            ("gather", lambda w: w.gather(2, torch.arange(5, device=w.device).expand(1, 5, 5))),
            ("repeat", lambda w: w.repeat(1, 1, 1)),
            ("stack", lambda w: torch.stack(w.unbind(1), 1)),
            ("maximum", lambda w: torch.maximum(w, w)),
            ("one", lambda w: w * 1.0),
            ("split", lambda w: torch.cat(w.split(2, 1), 1)),
        )
    ),
    _attention("filled-by-slices", _filled_by_slices, _LOWEST),
    row("lowest-lifted", _lifted, 1, 5, 2, axes=(1,)),
    _attention("flipped", lambda w, ahead: (w.flip(2) + ahead.flip(1)).flip(2), _NEVER),
    _attention("padded", lambda w, ahead: F.pad(w + ahead, (0, 1)), _NEVER),
    _attention("padded-lowest", lambda w, ahead: F.pad(w + ahead, (0, 2), value=_NEVER), _NEVER),
    _attention("logarithm", lambda w, ahead: (w + ahead).log_softmax(-1), _NEVER),
    _attention("made-finite", lambda w, ahead: torch.nan_to_num(w + ahead), _NEVER),
    _attention("made-ordinary", lambda w, ahead: torch.nan_to_num(w + ahead, neginf=-2.0), _NEVER),
    _attention("written", _written, _NEVER),
    _attention("kept-by-scores", _kept_by_scores, _NEVER),
    _attention("minimum", lambda w, ahead: w.minimum(torch.where(ahead < 0, ahead, 9.0)), _NEVER),
    _attention("capped-by-another", lambda w, ahead: (w + ahead).minimum(w + 1), _NEVER),
    _attention("capped", lambda w, ahead: w.clamp(max=1 + ahead), _NEVER),
    _attention("floored", lambda w, ahead: (w + ahead).clamp(min=_LOWEST), _NEVER),
    _attention("less-maximum", lambda w, ahead: _less_maximum(w + ahead), _LOWEST),
    _attention("sink", lambda w, ahead: _less_maximum(_beside_sink(w + ahead)), _LOWEST),
    row("lowest-nothing-else", _only_lowest, 1, 5, 2, axes=(1,)),
    row("lowest-beside-their-maximum", _beside_their_maximum, 1, 5, 2, axes=(1,)),
)
