"""The same elements under another shape or axis order: view, permute, pixel shuffle."""

from __future__ import annotations

import operator
from collections.abc import Iterator
from itertools import combinations, pairwise
from math import prod

import numpy as np
import numpy.typing as npt
import torch

from rfgraph.geometry.axis_map import SAME
from rfgraph.geometry.movement import fixed
from rfgraph.geometry.tensor_map import (
    Axes,
    AxisRead,
    Chain,
    Everything,
    Lookup,
    Reshape,
    Shape,
    TensorMap,
    identity,
)
from rfgraph.rules.axes import normal_axes, permuted
from rfgraph.rules.call import Call, Read, Reads, Rule, same, shape
from rfgraph.rules.folding import strided

_FIRST = fixed(0)


def view(call: Call) -> Reads:
    """Row-major order is kept."""
    source = call["self"]
    in_shape = shape(source)
    if in_shape == call.out:
        return same(source, identity(len(in_shape)))
    return [Read(source, Reshape(in_shape, call.out))]


def permute(call: Call) -> Reads:
    """Axes in another order."""
    source = call["self"]
    rank = len(shape(source))
    return same(source, permuted(tuple(axis % rank for axis in call["dims"])))


def transpose(call: Call) -> Reads:
    """Two axes exchanged."""
    source = call["self"]
    rank = len(shape(source))
    order = list(range(rank))
    if rank:
        a, b = call["dim0"] % rank, call["dim1"] % rank
        order[a], order[b] = order[b], order[a]
    return same(source, permuted(tuple(order)))


def matrix_transpose(call: Call) -> Reads:
    """The two axes of a matrix exchanged; vectors and scalars as they are."""
    source = call["self"]
    return same(source, permuted(tuple(reversed(range(len(shape(source)))))))


def reinterpreted(call: Call) -> Reads:
    """The same memory as another type; wider or narrower elements regroup the last axis."""
    source = call["self"]
    if shape(source) == call.out:
        return same(source, identity(len(call.out)))
    return [Read(source, Everything(), "elements are regrouped as another type")]


def movedim(call: Call) -> Reads:
    """Axes moved to given places, the others in order."""
    source = call["self"]
    rank = len(shape(source))
    origins = normal_list(call["source"], rank)
    targets = normal_list(call["destination"], rank)
    order = [-1] * rank
    for origin, target in zip(origins, targets, strict=True):
        order[target] = origin
    rest = iter(axis for axis in range(rank) if axis not in origins)
    return same(source, permuted(tuple(o if o >= 0 else next(rest) for o in order)))


def normal_list(axes: int | list[int], rank: int) -> list[int]:
    """Axis numbers from 0 in the given order."""
    return [axis % rank for axis in ([axes] if isinstance(axes, int) else axes)]


def unsqueeze(call: Call) -> Reads:
    """A new axis of length 1."""
    source = call["self"]
    rank = len(shape(source))
    new = call["dim"] % (rank + 1)
    return same(source, Axes(tuple(AxisRead(k + (k >= new), SAME) for k in range(rank))))


def squeeze(call: Call) -> Reads:
    """Axes of length 1 removed."""
    source = call["self"]
    in_shape = shape(source)
    wanted = normal_axes(call.get("dim"), len(in_shape))
    reads, place = [], 0
    for axis, length in enumerate(in_shape):
        gone = axis in wanted and length == 1
        # A removed axis is a carrier that no output axis moves along: position 0 of it is read.
        reads.append(AxisRead(None, _FIRST) if gone else AxisRead(place, SAME))
        place += not gone
    return same(source, Axes(tuple(reads)))


def pixel_shuffle(call: Call) -> Reads:
    """Channels to space: (…, C r², H, W) to (…, C, H r, W r)."""
    source, r = call["self"], int(call["upscale_factor"])
    *lead, channels, height, width = shape(source)
    n = len(lead)
    split = (*lead, channels // (r * r), r, r, height, width)
    order = (*range(n), n, n + 3, n + 1, n + 4, n + 2)
    return [Read(source, _regroup(shape(source), split, order, call.out))]


def pixel_unshuffle(call: Call) -> Reads:
    """Space to channels: (…, C, H r, W r) to (…, C r², H, W)."""
    source, r = call["self"], int(call["downscale_factor"])
    *lead, channels, height, width = shape(source)
    n = len(lead)
    split = (*lead, channels, height // r, r, width // r, r)
    order = (*range(n), n, n + 2, n + 4, n + 1, n + 3)
    return [Read(source, _regroup(shape(source), split, order, call.out))]


def channel_shuffle(call: Call) -> Reads:
    """Channels of the groups interleaved: (N, g C/g, …) to (N, C/g g, …)."""
    source, groups = call["self"], int(call["groups"])
    batch, channels, *space = shape(source)
    split = (batch, groups, channels // groups, *space)
    order = (0, 2, 1, *range(3, 3 + len(space)))
    return [Read(source, _regroup(shape(source), split, order, call.out))]


def _regroup(in_shape: Shape, split: Shape, order: tuple[int, ...], out_shape: Shape) -> TensorMap:
    moved = tuple(split[axis] for axis in order)
    return Chain(
        (
            (Reshape(in_shape, split), split),
            (permuted(order), moved),
            (Reshape(moved, out_shape), out_shape),
        )
    )


def repeat(call: Call) -> Reads:
    """The tensor tiled: each axis read again and again from its start."""
    source = call["self"]
    in_shape = shape(source)
    repeats = list(call["repeats"])
    padded = (*(1,) * (len(repeats) - len(in_shape)), *in_shape)
    pairs = tuple(n for r, length in zip(repeats, padded, strict=True) for n in (r, length))
    ones = tuple(n for length in padded for n in (1, length))
    spread = Axes(
        tuple(
            AxisRead(k, SAME) if k % 2 or pairs[k] == 1 else AxisRead(None, _FIRST)
            for k in range(len(pairs))
        )
    )
    return [
        Read(
            source,
            Chain(
                (
                    (Reshape(in_shape, ones), ones),
                    (spread, pairs),
                    (Reshape(pairs, call.out), call.out),
                )
            ),
        )
    ]


def as_strided(call: Call) -> Reads:
    """Any strides into the source's memory."""
    source = call["self"]
    spec = source.meta["spec"]
    size, strides = tuple(call["size"]), tuple(call["stride"])
    offset = int(call["storage_offset"] or 0)
    if size == spec.shape and strides == spec.stride and not offset:
        return same(source, identity(len(size)))
    in_shape: Shape = spec.shape
    if spec.stride != _row_major(in_shape) or source.target in WINDOWS_INTO_STORAGE:
        # Strides and offset count from the start of the storage, which holds more than the source.
        return [Read(source, Everything(), "strides into the memory of a view")]

    windows = None if offset else _windows_into_permuted(in_shape, spec.stride, size, strides)
    if windows is not None:
        return [Read(source, windows)]

    def build() -> npt.NDArray[np.int64]:
        place = np.full(1 + _reach(in_shape, spec.stride), -1, np.int64)
        place[_addresses(in_shape, spec.stride)] = np.arange(
            int(np.prod(in_shape)), dtype=np.int64
        ).reshape(in_shape)
        found: npt.NDArray[np.int64] = place[offset + _addresses(size, strides)]
        return found

    return [Read(source, Lookup(in_shape, build))]


def _windows_into_permuted(
    in_shape: Shape, in_strides: Shape, size: Shape, strides: Shape
) -> TensorMap | None:
    """Windows by strides into a tensor whose axes lie in memory in another order, without gaps.

    Neighbouring axes count as one wherever that gives a map: the chunks of a sequence, which
    overlapping chunks are taken from, are that sequence in memory.
    """
    order = sorted(range(len(in_shape)), key=lambda a: (-in_strides[a], -in_shape[a]))
    lying = tuple(in_shape[a] for a in order)
    row_major = zip(lying, (in_strides[a] for a in order), _row_major(lying), strict=True)
    if any(n > 1 and mine != whole for n, mine, whole in row_major):
        return None
    wanted = sorted(range(len(size)), key=lambda a: -strides[a])
    falling = tuple(size[a] for a in wanted)
    for merged in _merges(lying):
        found = strided(merged, falling, tuple(strides[a] for a in wanted))
        if found is not None:
            back = tuple(wanted.index(a) for a in range(len(size)))
            return Chain(
                (
                    (permuted(tuple(order)), lying),
                    (Reshape(lying, merged), merged),
                    (found, falling),
                    (permuted(back), size),
                )
            )
    return None


def _merges(size: Shape) -> Iterator[Shape]:
    """The shape with any of its neighbouring axes made one, those without any first."""
    gaps = range(1, len(size))
    for count in reversed(range(len(size))):
        for cuts in combinations(gaps, count):
            bounds = (0, *cuts, len(size))
            yield tuple(prod(size[a:b]) for a, b in pairwise(bounds))


WINDOWS_INTO_STORAGE = {
    torch.ops.aten.slice.Tensor,
    torch.ops.aten.select.int,
    torch.ops.aten.as_strided.default,
    torch.ops.aten.unfold.default,
    torch.ops.aten.diagonal.default,
    operator.getitem,
}
"""Results of these start somewhere in a storage that others share."""


def _row_major(size: Shape) -> tuple[int, ...]:
    strides, inner = [], 1
    for n in reversed(size):
        strides.append(inner)
        inner *= max(n, 1)
    return tuple(reversed(strides))


def _addresses(size: Shape, strides: tuple[int, ...]) -> npt.NDArray[np.int64]:
    grid = np.zeros(size, np.int64)
    for axis, (n, step) in enumerate(zip(size, strides, strict=True)):
        line = np.arange(n, dtype=np.int64) * step
        grid += line.reshape([-1 if k == axis else 1 for k in range(len(size))])
    return grid


def _reach(size: Shape, strides: tuple[int, ...]) -> int:
    return sum((n - 1) * step for n, step in zip(size, strides, strict=True))


RULES: dict[str, Rule] = {
    **dict.fromkeys(
        [
            "aten.view",
            "aten._unsafe_view",
            "aten.reshape",
            "aten._reshape_alias",
            "aten._reshape_copy",
            "aten.flatten",
        ],
        view,
    ),
    "aten.unflatten": view,
    "aten.view.dtype": reinterpreted,
    "aten.permute": permute,
    "aten.transpose": transpose,
    "aten.t": matrix_transpose,
    "aten.numpy_T": matrix_transpose,
    "aten.movedim": movedim,
    "aten.unsqueeze": unsqueeze,
    "aten.squeeze": squeeze,
    "aten.pixel_shuffle": pixel_shuffle,
    "aten.pixel_unshuffle": pixel_unshuffle,
    "aten.channel_shuffle": channel_shuffle,
    "aten.native_channel_shuffle": channel_shuffle,
    "aten.repeat": repeat,
    "aten.tile": repeat,
    "aten.as_strided": as_strided,
}
