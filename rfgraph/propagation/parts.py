"""Where the parts of a tensor stand: cutting a part's fields to the positions that it occupies."""

from __future__ import annotations

import numpy as np

from rfgraph.geometry.index_set import EMPTY
from rfgraph.geometry.periodic import Finite
from rfgraph.propagation.digits import carrier_length
from rfgraph.propagation.state import State, Term


def confined(term: Term, state: State, part: int) -> Term:
    """The term cut to the positions that a part occupies along the digits that carry it."""
    labels, layout = state.labels, state.layout
    length = carrier_length(layout, term.carrier)
    if labels is None or length is None or not term.carrier:
        return term
    axes = sorted({axis for axis, _, _ in term.carrier})
    if all(labels.shape[axis] == 1 for axis in axes):
        return term
    others = tuple(axis for axis in range(labels.ndim) if axis not in axes)
    present = (labels == part).any(axis=others)
    present = np.broadcast_to(present, [state.shape[axis] for axis in axes])
    present = present.reshape([n for axis in axes for n in layout[axis]])
    places = [(axis, digit) for axis in axes for digit in range(len(layout[axis]))]
    strides = {(axis, digit): stride for axis, digit, stride in term.carrier}
    index = np.zeros((1,) * len(places), dtype=np.int64)
    for k, place in enumerate(places):
        line = np.arange(present.shape[k], dtype=np.int64) * strides.get(place, 0)
        index = index + line.reshape([-1 if j == k else 1 for j in range(len(places))])
    seen = np.zeros(length, dtype=bool)
    seen[np.broadcast_to(index, present.shape)[present]] = True
    if seen.all():
        return term
    return Term(
        term.carrier,
        Finite(tuple(term.field.at(v) if here else EMPTY for v, here in enumerate(seen.tolist()))),
    )
