"""Whether what stands at padded positions can change what a model says at real ones."""

from __future__ import annotations

from dataclasses import dataclass

import networkx as nx
import numpy as np
import numpy.typing as npt
import torch

from rfgraph.analysis import Analysis, Node
from rfgraph.errors import InputError
from rfgraph.propagation.footprint import pull_back
from rfgraph.propagation.note import Status
from rfgraph.propagation.projection import push_to
from rfgraph.tiles.tiling import find_node

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class PaddingLeak:
    """What padded tokens do to real ones.

    Attributes:
        node: The node whose real elements were asked for.
        padded: (sample, position) of every padded token that changes some of them; empty if
            nothing leaks.
        real: (sample, position) of every element asked for that some padded token changes.
        enters: The first node, in execution order, at which a real position depends on padding and
            is needed for the node; None if nothing leaks, or if it happens where no position can
            be told.
        status: How sure the answer is. Other than ``EXACT``, a leak may be none; that nothing
            leaks is certain always.
    """

    node: str
    padded: tuple[tuple[int, int], ...]
    real: tuple[tuple[int, int], ...]
    enters: str | None
    status: Status

    def __bool__(self) -> bool:
        """Whether padding leaks."""
        return bool(self.padded)


def padding_leak(
    analysis: Analysis, mask: torch.Tensor, node: str | Node | None = None
) -> PaddingLeak:
    """Whether any padded position is in the field of a real position's element.

    The model's own mask has to be a constant of the analysed call, such as one that the analysed
    function closes over: a mask that is an input may hold anything, and then everything leaks.

    Args:
        analysis: The analysis, with the tokens along one analysed axis (``layout="NLC"``).
        mask: True or 1 at real tokens, False or 0 at padding, shape (N, L) or (L,), as
            `transformers` names `attention_mask`.
        node: What is asked for; the first output by default. It needs an axis that runs along the
            tokens; where it has none, all of it counts as real.

    Raises:
        InputError: The mask does not fit the tokens, or nothing is padded.
        NodeNotFoundError: There is no such node.
    """
    wanted = find_node(analysis, node)
    info = next(iter(analysis.inputs.values()))
    if len(info.axes) != 1:
        raise InputError(
            f"Padding stands along one axis of tokens; the analysed axes of {info.name} are "
            f"{info.axes}; name one with layout= or axes=."
        )
    axis, samples = info.axes[0], info.shape[0] if info.batch is not None else 1
    length = info.shape[axis]
    if tuple(mask.shape) not in {(length,), (samples, length)}:
        raise InputError(
            f"mask= has the shape {tuple(mask.shape)}; {samples} samples of {length} tokens need "
            f"({samples}, {length}) or ({length},)."
        )
    real = np.broadcast_to(mask.detach().cpu().numpy() != 0, (samples, length))
    if real.all():
        raise InputError("mask= marks no token as padding, so there is nothing that could leak.")
    batch = 0 if info.batch is None else info.batch
    poisoned = _placed(~real, info.shape, axis, batch)
    reached = push_to(analysis.graph, info.name, poisoned, wanted.name)
    along = _along(wanted, length)
    spoiled = _real_elements(wanted, along, real, reached.get(wanted.name))
    if spoiled is None or not spoiled.any():
        return PaddingLeak(wanted.name, (), (), None, wanted.status)
    names = nx.ancestors(analysis.graph, wanted.name) | {wanted.name}
    needed = pull_back(analysis.graph, wanted.name, spoiled, names)
    source = np.broadcast_to(needed[info.name] & poisoned, info.shape)
    enters = None
    for name in analysis.graph.nodes:
        if name in needed and name in reached and name != info.name:
            here = analysis[name]
            if _along(here, length) is None or here.shape[0] != samples:
                continue  # samples or positions are folded together, or scores of pairs
            found = _real_elements(here, _along(here, length), real, reached[name] & needed[name])
            if found is not None and found.any():
                enters = name
                break
    return PaddingLeak(
        wanted.name,
        _pairs(source, axis, batch),
        _pairs(np.broadcast_to(spoiled, wanted.shape), along, 0),
        enters,
        wanted.status,
    )


def _along(node: Node, length: int) -> int | None:
    """The node's one axis of positions; None where there is none, or it is not one per token."""
    axes = node.spatial_axes
    return axes[0] if len(axes) == 1 and node.shape[axes[0]] == length else None


def _real_elements(node: Node, axis: int | None, real: Mask, reached: Mask | None) -> Mask | None:
    """Of the elements that padding reaches, those at real positions."""
    if reached is None:
        return None
    if axis is None:
        return reached
    if axis == 0 or len(node.shape) < 2 or node.shape[0] != len(real):
        # Samples stand nowhere of their own: a position is real if it is in some sample.
        lengths = [n if a == axis else 1 for a, n in enumerate(node.shape)]
        return reached & real.any(axis=0).reshape(lengths)
    return reached & _placed(real, node.shape, axis, 0)


def _placed(mask: Mask, shape: tuple[int, ...], axis: int, batch: int) -> Mask:
    """A mask (samples, positions) along two axes of a tensor; length 1 along the others."""
    lengths = [1] * len(shape)
    lengths[axis] = mask.shape[1]
    if batch != axis:
        lengths[batch] = mask.shape[0]
    return (mask if batch <= axis else mask.T).reshape(lengths)


def _pairs(mask: Mask, axis: int | None, batch: int) -> tuple[tuple[int, int], ...]:
    """(sample, position) of the true elements; position 0 where there is no axis of positions."""
    keep = [batch, *([axis] if axis is not None and axis != batch else [])]
    others = tuple(a for a in range(mask.ndim) if a not in keep)
    seen = mask.any(axis=others)
    if len(keep) == 2 and keep[0] > keep[1]:
        seen = seen.T
    pairs = np.argwhere(seen.reshape(seen.shape[0], -1))
    return tuple((int(sample), int(position)) for sample, position in pairs)
