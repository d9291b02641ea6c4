"""Windows as columns and back: im2col (unfold), col2im (fold) and sliding windows of one axis.

Each is a product of axis maps between two views: along one axis windows and taps are listed as one
longer axis, which a view splits into its two digits.
"""

from __future__ import annotations

from math import prod

from rfgraph.geometry.tensor_map import (
    WHOLE,
    Axes,
    AxisRead,
    Chain,
    Everything,
    Reshape,
    Shape,
    TensorMap,
    identity,
)
from rfgraph.geometry.window import added, listed, unlisted
from rfgraph.rules.axes import along, permuted
from rfgraph.rules.call import Call, Read, Reads, Rule, shape


def _window_counts(size: Shape, call: Call) -> tuple[int, ...]:
    """Windows along each axis of an image."""
    settings = zip(
        size,
        call["kernel_size"],
        call["dilation"],
        call["padding"],
        call["stride"],
        strict=True,
    )
    return tuple((n + 2 * p - d * (k - 1) - 1) // s + 1 for n, k, d, p, s in settings)


def _steps(in_shape: Shape, *steps: tuple[TensorMap | Shape, Shape]) -> Chain:
    """Maps in sequence; a shape in place of a map is a view to it."""
    found: list[tuple[TensorMap, Shape]] = []
    before = in_shape
    for step, after in steps:
        found.append((Reshape(before, after) if isinstance(step, tuple) else step, after))
        before = after
    return Chain(tuple(found))


def im2col(call: Call) -> Reads:
    """(…, C, H, W) to (…, C kh kw, windows): every column element is one pixel."""
    source = call["self"]
    in_shape = shape(source)
    planes = (prod(in_shape[:-2]),)
    kh, kw = call["kernel_size"]
    oh, ow = _window_counts(in_shape[-2:], call)
    maps = {
        1 + axis: listed(dilation, windows, stride, padding)
        for axis, (windows, dilation, stride, padding) in enumerate(
            zip((oh, ow), call["dilation"], call["stride"], call["padding"], strict=True)
        )
    }
    tapped, split, ordered = (
        (*planes, kh * oh, kw * ow),
        (*planes, kh, oh, kw, ow),
        (*planes, kh, kw, oh, ow),
    )
    flat = (*planes, *in_shape[-2:])
    return [
        Read(
            source,
            _steps(
                in_shape,
                (flat, flat),
                (along(3, maps), tapped),
                (split, split),
                (permuted((0, 1, 3, 2, 4)), ordered),
                (call.out, call.out),
            ),
        )
    ]


def col2im(call: Call) -> Reads:
    """(…, C kh kw, windows) to (…, C, H, W): every pixel is the sum of its taps."""
    source = call["self"]
    in_shape, size = shape(source), call.out[-2:]
    planes = (prod(call.out[:-2]),)
    kh, kw = call["kernel_size"]
    oh, ow = _window_counts(size, call)
    maps = {
        1 + axis: unlisted(
            windows,
            size[axis],
            call["kernel_size"][axis],
            stride=call["stride"][axis],
            dilation=call["dilation"][axis],
            padding=call["padding"][axis],
        )
        for axis, windows in enumerate((oh, ow))
    }
    split, ordered, tapped = (
        (*planes, kh, kw, oh, ow),
        (*planes, kh, oh, kw, ow),
        (*planes, kh * oh, kw * ow),
    )
    return [
        Read(
            source,
            _steps(
                in_shape,
                (split, split),
                (permuted((0, 1, 3, 2, 4)), ordered),
                (tapped, tapped),
                (along(3, maps), (*planes, *size)),
                (call.out, call.out),
            ),
        )
    ]


def unfold(call: Call) -> Reads:
    """Sliding windows of one axis; their positions become a new last axis."""
    source = call["self"]
    in_shape, out_shape = shape(source), call.out
    size = out_shape[-1]
    if not in_shape:
        return [Read(source, Axes(()))]
    rank = len(in_shape)
    axis = call["dimension"] % rank
    count = out_shape[axis]
    tapped = (*in_shape[:axis], count * size, *in_shape[axis + 1 :])
    split = (*in_shape[:axis], count, size, *in_shape[axis + 1 :])
    order = tuple(k for k in range(rank + 1) if k != axis + 1)
    windows = listed(int(call["step"]), size, 1)
    steps = (
        (along(rank, {axis: windows}), tapped),
        (split, split),
        (permuted((*order, axis + 1)), out_shape),
    )
    return [Read(source, _steps(in_shape, *steps))]


def overlap_add(call: Call) -> Reads:
    """Windows along one axis added where they came from: the transpose of ``Tensor.unfold``."""
    source = call["grad_in"]
    in_shape, rank = shape(source), len(call.out)
    if not rank:
        return [Read(source, Axes((AxisRead(None, WHOLE),)))]
    axis, size = call["dim"] % rank, call["size"]
    if (*in_shape[:axis], *in_shape[axis + 1 :]) != (*call.out[:axis], *call.out[axis + 1 :], size):
        return [Read(source, Everything(), "sizes that contradict each other")]
    order = (*range(axis + 1), rank, *range(axis + 1, rank))
    split = tuple(in_shape[k] for k in order)
    tapped = (*in_shape[:axis], in_shape[axis] * size, *in_shape[axis + 1 : rank])
    overlapping = along(rank, {axis: added(size, call["step"])})
    steps = ((permuted(order), split), (tapped, tapped), (overlapping, call.out))
    return [Read(source, _steps(in_shape, *steps))]


def strided(in_shape: Shape, size: Shape, strides: Shape) -> TensorMap | None:
    """Overlapping windows taken as strides into a row-major tensor, from its first element on.

    Args:
        in_shape: Shape of the tensor.
        size: Shape of the result.
        strides: Elements of the tensor per step of each axis of the result.

    Returns:
        The map, or None unless each axis of the tensor gives one axis of the result, or two in
        place (windows and taps).
    """
    inner = [prod(in_shape[axis + 1 :]) for axis in range(len(in_shape))]
    given = [k for k in range(len(size)) if size[k] > 1]
    maps, tapped, place = {}, [], 0
    for axis, (n, unit) in enumerate(zip(in_shape, inner, strict=True)):
        mine: list[int] = []
        while (
            place < len(given)
            and strides[given[place]] >= unit
            and not (unit > 1 and strides[given[place]] % unit)
        ):
            mine.append(given[place])
            place += 1
        steps = [strides[k] // unit for k in mine]
        if len(mine) > 2 or sum((size[k] - 1) * s for k, s in zip(mine, steps, strict=True)) >= n:
            return None
        pairs = [(size[k], s) for k, s in zip(mine, steps, strict=True)]
        (outer, outer_step), (taps, tap_step) = ([(1, 0)] * (2 - len(pairs)) + pairs)[:2]
        maps[axis] = listed(outer_step, taps, tap_step)
        tapped.append(outer * taps)
    if place < len(given) or prod(tapped) != prod(size):
        return None
    rank = len(in_shape)
    moved = Axes(tuple(AxisRead(axis, maps[axis]) for axis in range(rank))) if rank else identity(0)
    return _steps(in_shape, (moved, tuple(tapped)), (size, size))


RULES: dict[str, Rule] = {
    "aten.im2col": im2col,
    "aten.col2im": col2im,
    "aten.unfold": unfold,
    "aten.unfold_backward": overlap_add,
}
