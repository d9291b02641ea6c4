"""What elements see that are reached along several axes at once.

A score is reached by a query along one of its axes and by a key along another, so its field is no
function of one index. It is the union of one entry per term, in every combination that occurs:
digits that terms share (the window of both) go together, others are free.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from math import prod

from rfgraph.geometry.index_set import EMPTY, IndexSet
from rfgraph.geometry.periodic import Finite
from rfgraph.propagation.merge import LONGEST_TABLE
from rfgraph.propagation.parts import occupied
from rfgraph.propagation.state import Layout, Reach, State, Term


def combinations(
    state: State, subject: int, joined: Reach, indexed: frozenset[int]
) -> Finite | None:
    """One entry for every kind of element: what it sees of an input axis over local paths.

    Args:
        state: The node's state.
        subject: Which followed axis.
        joined: How it reaches the tensor, over all parts.
        indexed: The tensor axes that a position indexes.

    Returns:
        The entries, each once, in no order; None where there are too many, or where what a position
        sees is not told by the parts one by one.
    """
    varying = [] if state.labels is None else [a for a, n in enumerate(state.labels.shape) if n > 1]
    if not set(varying) & indexed:
        # Whatever differs from channel to channel is seen by the position as a whole.
        found = _of_part(joined.terms, state, None)
        return None if found is None else Finite(tuple(found))
    if not set(varying) <= indexed:
        return None
    kinds: dict[IndexSet, None] = {}
    for k, part in enumerate(state.parts):
        reach = part[subject]
        if reach is None or not reach.terms:
            continue
        told = _is_product(state, k) and all(
            axis in indexed for term in reach.terms for axis, _, _ in term.carrier
        )
        found = _of_part(reach.terms, state, k) if told else None
        if found is None:
            return None
        kinds.update(found)
    return Finite(tuple(kinds))


def _of_part(terms: Sequence[Term], state: State, part: int | None) -> dict[IndexSet, None] | None:
    kinds: dict[IndexSet, None] = {EMPTY: None}
    for group in _groups(terms):
        found = _of_group(group, state, part)
        if found is None or len(kinds) * len(found) > LONGEST_TABLE:
            return None
        kinds = {a.union(b): None for a in kinds for b in found}
    return kinds


def _groups(terms: Sequence[Term]) -> list[list[Term]]:
    """The terms, those that share digits together."""
    groups: list[tuple[set[tuple[int, int]], list[Term]]] = []
    for term in terms:
        digits = {entry[:2] for entry in term.carrier}
        members = [term]
        apart = []
        for places, others in groups:
            if places & digits:
                digits |= places
                members = [*others, *members]
            else:
                apart.append((places, others))
        groups = [*apart, (digits, members)]
    return [members for _, members in groups]


def _of_group(terms: Sequence[Term], state: State, part: int | None) -> dict[IndexSet, None] | None:
    if any(
        entry[2] < 0 or _is_unresolved(entry, state.layout) for t in terms for entry in t.carrier
    ):
        return None
    digits = sorted({entry[:2] for term in terms for entry in term.carrier})
    sizes = [state.layout[axis][digit] for axis, digit in digits]
    if prod(sizes) > LONGEST_TABLE:
        return None
    here: list[list[bool] | None] = [None] * len(terms)
    if part is not None and state.labels is not None:
        here = [
            None if seen is None else seen.tolist()
            for seen in (occupied(t.carrier, state.layout, state.labels, part) for t in terms)
        ]
    strides = [{(a, d): stride for a, d, stride in term.carrier} for term in terms]
    kinds: dict[IndexSet, None] = {}
    for values in product(*map(range, sizes)):
        seen = EMPTY
        for term, by, stands in zip(terms, strides, here, strict=True):
            v = sum(by.get(place, 0) * value for place, value in zip(digits, values, strict=True))
            if stands is not None and not stands[v]:
                break
            seen = seen.union(term.field.at(v))
        else:
            kinds[seen] = None
    return kinds


def _is_unresolved(entry: tuple[int, int, int], layout: Layout) -> bool:
    return entry[2] == 0 and layout[entry[0]][entry[1]] > 1


def _is_product(state: State, part: int) -> bool:
    """Whether a part stands at all combinations of the indices at which it stands."""
    assert state.labels is not None
    stands = state.labels == part
    counts = [
        stands.any(axis=tuple(a for a in range(stands.ndim) if a != axis)).sum()
        for axis in range(stands.ndim)
    ]
    return bool(stands.sum() == prod(counts))
