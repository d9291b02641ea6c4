"""How much each pixel weighs: measured influence or path density, beside the exact box."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.colors import PowerNorm
from matplotlib.figure import Figure

from rfgraph.analysis import Node
from rfgraph.errors import InputError
from rfgraph.plot.canvas import Hull, box, fitting_picture, make_room, seen_input, show_picture
from rfgraph.plot.place import element_at, middle
from rfgraph.plot.style import SEQUENTIAL, colormap, colour, new_figure, style

_SHARE = 0.95
"""The share of all influence that the inner box holds: two standard deviations of a Gaussian."""


def influence(
    values: npt.ArrayLike,
    hull: Hull | None = None,
    *,
    image: Any = None,  # noqa: ANN401 -- anything that holds pixels
    title: str = "Influence of each pixel",
    unit: str = "share of all influence",
) -> Figure:
    """Return a figure of a heat map of influence on the picture, beside the theoretical box.

    Beside the box of the exact field stands the smallest box around its centre of mass, of the
    same proportions on both axes, that holds 95 % of the influence.

    Args:
        values: Non-negative influence of every pixel, shaped (height, width); scaled to sum to 1.
            What :meth:`rfgraph.Node.density` returns, or a measured gradient's magnitude.
        hull: (first, last) along rows and columns of the exact field, as `Region.hull`.
        image: The picture under the heat map; none by default.
        title: The figure's title.
        unit: What the colours mean.

    Raises:
        InputError: The values are not a plane of finite non-negative numbers, or all zero.
    """
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 2 or not array.size or not np.isfinite(array).all() or (array < 0).any():
        raise InputError(
            f"influence is a plane of finite numbers, none negative; got shape {array.shape}"
        )
    if not array.any():
        raise InputError("no pixel has any influence, so there is nothing to draw")
    shares = array / array.sum()
    figure, (axes,) = new_figure(6.4, 5.0)
    opacity = None if image is None else np.sqrt(shares / shares.max())
    with style():
        if image is not None:
            grey = fitting_picture(image, array.shape).mean(-1)
            show_picture(axes, grey, cmap="gray", vmin=0, vmax=1)
        norm = PowerNorm(0.5, vmin=0, vmax=shares.max())
        drawn = axes.imshow(
            np.where(shares > 0, shares, np.nan), cmap=colormap(SEQUENTIAL), norm=norm,
            interpolation="nearest", alpha=opacity,
        )  # fmt: skip
        axes.set(xlabel="column (px)", ylabel="row (px)")
        bar = figure.colorbar(drawn, ax=axes, shrink=0.85)
        bar.set_label(f"{unit} (square-root scale)")
        inner = _holding(shares, _SHARE)
        boxes = [inner]
        axes.add_patch(
            box(inner, edgecolor=colour(4), linewidth=1.6, linestyle="--",
                label=f"{_SHARE:.0%} of influence: {_extent(inner)} px")
        )  # fmt: skip
        if hull is not None:
            boxes.append(hull)
            axes.add_patch(
                box(hull, edgecolor=colour(0), linewidth=1.8,
                    label=f"receptive field: {_extent(hull)} px")
            )  # fmt: skip
        make_room(axes, array.shape, boxes)
        axes.set_title(title)
        figure.legend(loc="outside lower center", frameon=False, ncols=2, fontsize=8)
    return figure


def density(
    node: Node,
    index: tuple[int, ...] | int | None = None,
    *,
    image: Any = None,  # noqa: ANN401 -- anything that holds pixels
) -> Figure:
    """Return a figure of the share of all paths to one element that start at each pixel.

    Args:
        node: The node.
        index: The position along its spatial axes; the middle by default.
        image: The picture under the heat map; none by default.

    Raises:
        InputError: The input has no two analysed axes, or the picture another size.
        IndexRangeError: The position lies outside the node.
    """
    info = seen_input(node)
    place = element_at(node, middle(info.lengths), info.lengths) if index is None else index
    return influence(
        node.density(place, input=info.name),
        node.region(place, input=info.name).hull,
        image=image,
        title=f"Paths to {node.name}{list(place) if isinstance(place, tuple) else [place]}",
        unit="share of all paths",
    )


def _holding(shares: npt.NDArray[np.float64], share: float) -> Hull:
    """Return the smallest box around the centre of mass, grown evenly, that holds `share`."""
    rows, columns = (np.arange(n) for n in shares.shape)
    row = round(float((shares.sum(1) * rows).sum()))
    column = round(float((shares.sum(0) * columns).sum()))
    reach = 0
    while True:
        top, left = max(row - reach, 0), max(column - reach, 0)
        bottom, right = row + reach + 1, column + reach + 1
        if shares[top:bottom, left:right].sum() >= share or reach >= max(shares.shape):
            height, width = shares.shape
            return (top, min(bottom, height) - 1), (left, min(right, width) - 1)
        reach += 1


def _extent(hull: Hull) -> str:
    return " × ".join(str(last - first + 1) for first, last in hull)
