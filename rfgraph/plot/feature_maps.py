"""Channels of a feature map, side by side."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from rfgraph.errors import InputError
from rfgraph.pictures import as_array
from rfgraph.plot.style import DIVERGING, SEQUENTIAL, colormap, new_figure, style

Order = Literal["index", "mean", "variance"]
Scale = Literal["channel", "layer"]

_GAP = 0.08
"""Space between channels, as a share of their size."""


def feature_maps(
    recorded: Mapping[str, Any],
    name: str,
    *,
    image: Any = None,  # noqa: ANN401 -- anything that holds pixels
    sample: int = 0,
    order: Order = "index",
    scale: Scale = "channel",
    limit: int | None = 64,
) -> Figure:
    """Return a figure of the channels of one output, each a small picture with its number.

    Args:
        recorded: What :func:`rfgraph.record` returned, or any mapping of names to tensors.
        name: The output to show: (N, C, H, W) or (N, C, L), whose channels are drawn as bands.
        image: The picture that the model was given, drawn beside.
        sample: Which of the batch.
        order: `index` as they come, `mean` by mean magnitude or `variance` by variance over
            space, largest first.
        scale: `channel` stretches each channel over all colours, `layer` all alike, so that
            brightness can be compared.
        limit: Most channels to show, the first in `order`; None for all.

    Raises:
        InputError: The output is no such tensor, holds no such sample, or has values that are not
            finite; or an option is unknown.
    """
    if order not in ("index", "mean", "variance"):
        raise InputError(f"there is no order {order!r}; use index, mean or variance")
    if scale not in ("channel", "layer"):
        raise InputError(f"there is no scale {scale!r}; use channel or layer")
    if limit is not None and limit < 1:
        raise InputError(f"limit is the number of channels to show, at least 1; got {limit}")
    maps = channels_of(recorded[name], name, sample)
    total = len(maps)
    numbers = _ordered(maps, order)[:limit]
    chosen = maps[numbers]
    signed = bool((maps < 0).any())
    shown, low, high = _scaled(chosen, scale, signed=signed)
    columns = _columns(len(shown), shown.shape[1:])
    canvas = _mosaic(shown, columns)
    width, height = _size(canvas, image is not None)
    figure, panels = new_figure(
        width, height, columns=1 if image is None else 2, ratios=() if image is None else (1, 3)
    )
    with style():
        if image is not None:
            panels[0].imshow(as_array(image).squeeze(), cmap="gray", vmin=0, vmax=1)
            panels[0].set_title("input")
            panels[0].set_axis_off()
        axes = panels[-1]
        drawn = axes.imshow(
            canvas, cmap=colormap(DIVERGING if signed else SEQUENTIAL), vmin=low, vmax=high,
            interpolation="nearest",
        )  # fmt: skip
        axes.set_axis_off()
        _number(axes, numbers, columns, shown.shape[1:], width / columns)
        bar = figure.colorbar(drawn, ax=axes, shrink=0.8, pad=0.01)
        bar.set_label(
            "activation" if scale == "layer" else "activation (each channel scaled to itself)"
        )
        if scale == "channel":
            bar.set_ticks([low, high], labels=["−max" if signed else "min", "max"])
        which = "" if len(numbers) == total else f", {len(numbers)} of {total}"
        sorting = {"index": "", "mean": " by mean magnitude", "variance": " by variance"}[order]
        rows_and_columns = " × ".join(map(str, maps.shape[1:]))
        axes.set_title(f"{name}: {total} channels of {rows_and_columns}{which}{sorting}")
    return figure


def channels_of(value: Any, name: str, sample: int) -> npt.NDArray[np.float64]:  # noqa: ANN401 -- a recorded value
    """Return the channels of one sample of a recorded tensor, (C, H, W); bands have H = 1.

    Raises:
        InputError: It is no tensor of that kind, or holds no such sample.
    """
    expected = f"feature maps are tensors (N, C, H, W) or (N, C, L), and {name} is"
    if not hasattr(value, "shape"):
        raise InputError(f"{expected} a {type(value).__name__}")
    detach = getattr(value, "detach", None)
    array = np.asarray(detach().cpu().float().numpy() if detach else value)
    if array.dtype.kind not in "uifb" or array.ndim not in (3, 4) or not array.size:
        raise InputError(f"{expected} of shape {array.shape}")
    if not -len(array) <= sample < len(array):
        raise InputError(f"{name} holds {len(array)} samples, so there is no sample {sample}")
    channels: npt.NDArray[np.float64] = array[sample].astype(np.float64)
    if not np.isfinite(channels).all():
        raise InputError(f"{name} has values that are not finite")
    return channels if channels.ndim == 3 else channels[:, None, :]


def _ordered(maps: npt.NDArray[np.float64], order: Order) -> npt.NDArray[np.intp]:
    if order == "index":
        return np.arange(len(maps))
    weight = np.abs(maps).mean((1, 2)) if order == "mean" else maps.var((1, 2))
    return np.argsort(-weight, kind="stable")


def _scaled(
    maps: npt.NDArray[np.float64], scale: Scale, *, signed: bool
) -> tuple[npt.NDArray[np.float64], float, float]:
    """Return the maps as they are coloured, and the values of the first and the last colour."""
    if scale == "layer":
        bound = float(np.abs(maps).max()) or 1.0
        return maps, -bound if signed else float(maps.min()), bound
    if signed:
        bound = np.abs(maps).max((1, 2), keepdims=True)
        return maps / np.where(bound > 0, bound, 1), -1, 1
    low = maps.min((1, 2), keepdims=True)
    span = maps.max((1, 2), keepdims=True) - low
    return (maps - low) / np.where(span > 0, span, 1), 0, 1


def _columns(count: int, extent: tuple[int, ...]) -> int:
    """Return how many columns make a page somewhat wider than high, with rows evenly filled."""
    height, width = extent
    wide = max(1, min(count, math.ceil(math.sqrt(count * 1.4 * height / width))))
    return math.ceil(count / math.ceil(count / wide))


def _mosaic(maps: npt.NDArray[np.float64], columns: int) -> npt.NDArray[np.float64]:
    """Return the maps row by row on one plane, NaN between them."""
    gap_y, gap_x = _gaps(maps.shape[1:])
    rows = math.ceil(len(maps) / columns)
    step_y, step_x = maps.shape[1] + gap_y, maps.shape[2] + gap_x
    plane = np.full((rows * step_y - gap_y, columns * step_x - gap_x), np.nan)
    for k, one in enumerate(maps):
        top, left = k // columns * step_y, k % columns * step_x
        plane[top : top + maps.shape[1], left : left + maps.shape[2]] = one
    return plane


def _gaps(extent: tuple[int, ...]) -> tuple[int, int]:
    gap = max(1, round(max(extent) * _GAP))
    return gap, gap


def _size(canvas: npt.NDArray[np.float64], beside: bool) -> tuple[float, float]:  # noqa: FBT001 -- private
    width = 8.0
    height = width * canvas.shape[0] / canvas.shape[1]
    return width + 2.4 * beside, min(max(height, 2.2), 14.0) + 0.4


def _number(
    axes: Axes,
    numbers: npt.NDArray[np.intp],
    columns: int,
    extent: tuple[int, ...],
    inches: float,
) -> None:
    """Write each channel's number into its corner, if it is large enough to hold one."""
    if inches < 0.3:
        return
    gap_y, gap_x = _gaps(extent)
    for k, number in enumerate(numbers):
        row, column = divmod(k, columns)
        axes.text(
            column * (extent[1] + gap_x) - 0.4, row * (extent[0] + gap_y) - 0.4, str(number),
            fontsize=max(4.5, min(8.0, 9 * inches)), va="top", ha="left", color="black",
            bbox={"facecolor": "white", "alpha": 0.75, "pad": 0.6, "linewidth": 0},
        )  # fmt: skip
