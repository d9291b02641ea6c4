"""Patches side by side."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from rfgraph.errors import InputError
from rfgraph.patches import Patch
from rfgraph.plot.canvas import Hull
from rfgraph.plot.style import new_figure, style


def patches(found: Sequence[Patch], *, columns: int = 9, title: str = "") -> Figure:
    """Return a figure of patches on one scale, the activation and the source under each.

    Hatched is padding, which an element at the border counts as input; dark are holes, pixels
    inside the box that the element does not see.

    Args:
        found: What :func:`rfgraph.top_patches` found for one channel.
        columns: Most patches in a row.
        title: The figure's title.

    Raises:
        InputError: There is no patch, or no column.
    """
    if not found:
        raise InputError("there is no patch to draw")
    if columns < 1:
        raise InputError(f"patches need a column; got {columns}")
    rows = math.ceil(len(found) / columns)
    across = math.ceil(len(found) / rows)
    figure, panels = new_figure(max(1.15 * across, 3), 1.55 * rows + 0.4, rows=rows, columns=across)
    frames = [_frame(patch) for patch in found]
    reach = max(last - first + 1 for frame in frames for first, last in frame)
    with style():
        for axes in panels:
            axes.set_axis_off()
        for axes, patch, frame in zip(panels, found, frames, strict=False):
            _draw(axes, patch, frame, reach)
        if title:
            figure.suptitle(title, fontsize=10)
    return figure


def _frame(patch: Patch) -> Hull:
    """Return the box that the patch is drawn in: with padding, where it has a local field."""
    hull = patch.region.hull or ((0, 0), (0, 0))
    around = patch.region.unclipped
    return [pair if pair is not None else hull[k] for k, pair in enumerate(around)] or hull


def _draw(axes: Axes, patch: Patch, frame: Hull, reach: int) -> None:
    (top, bottom), (left, right) = frame
    axes.add_patch(
        Rectangle(
            (left - 0.5, top - 0.5), right - left + 1, bottom - top + 1, facecolor="0.93",
            edgecolor="0.7", hatch="////", zorder=-1, linewidth=0.5,
        )
    )  # fmt: skip
    if patch.region.hull is not None:
        (first, last), (begin, end) = patch.region.hull
        values = np.clip(patch.picture[..., :3], 0, 1)
        values = np.repeat(values, 3, -1) if values.shape[-1] == 1 else values
        shown = np.where(patch.seen[..., None], values, 0.25 * values)
        axes.imshow(
            shown, extent=(begin - 0.5, end + 0.5, last + 0.5, first - 0.5),
            interpolation="nearest",
        )  # fmt: skip
    middle_row, middle_column = (top + bottom) / 2, (left + right) / 2
    half = reach / 2 + 0.02 * reach
    axes.set_xlim(middle_column - half, middle_column + half)
    axes.set_ylim(middle_row + half, middle_row - half)
    source = str(patch.source).replace("\\", "/").rpartition("/")[2]
    axes.text(
        0.5, -0.03, f"{patch.score:.3g}\n{source[-16:]}", transform=axes.transAxes, fontsize=7,
        ha="center", va="top",
    )  # fmt: skip
