"""How much each pixel really weighs, beside what the structure says."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.colors import PowerNorm
from matplotlib.figure import Figure
from matplotlib.patches import Ellipse

from rfgraph.effective import EffectiveField
from rfgraph.errors import InputError
from rfgraph.plot.canvas import Hull, box, fitting_picture, make_room, show_picture
from rfgraph.plot.style import SEQUENTIAL, colormap, colour, new_figure, style


def erf(found: EffectiveField, *, image: Any = None) -> Figure:  # noqa: ANN401 -- anything that holds pixels
    """Return a figure of an effective receptive field beside the theoretical one.

    Left the share of influence of every pixel, with the exact box and the fitted Gaussian at two
    standard deviations. Right the same summed over columns and over rows, with the Gaussian and the
    ends of the box. Above, the sides of the centred squares that hold given shares of influence.

    Args:
        found: What :func:`rfgraph.erf` returned, over an input with two analysed axes.
        image: The picture under the heat map; none by default.

    Raises:
        InputError: The input has no two analysed axes, or the picture another size.
    """
    if found.values.ndim != 2:
        raise InputError(
            f"an effective field is drawn on a picture, and input {found.input} has "
            f"{found.values.ndim} analysed axes, not 2"
        )
    shares = found.shares
    hull = found.region.hull
    figure, (plane, down, across) = new_figure(10.4, 5.2, columns=3, ratios=(2.1, 1, 1))
    with style():
        _draw_plane(figure, plane, found, image)
        for k, (axes, name) in enumerate(((down, "row"), (across, "column"))):
            ends = None if hull is None else hull[k]
            _draw_profile(axes, 100 * shares.sum(1 - k), found.gaussian.center[k],
                          found.gaussian.sigma[k], ends)  # fmt: skip
            axes.set(xlabel=f"{name} (px)", ylabel=f"% of all influence per {name}")
        sigma = " × ".join(f"{s:.1f}" for s in found.gaussian.sigma)
        held = ", ".join(f"{m.share:.0%} in {m.side} px" for m in found.masses)
        where = list(found.position) if found.position else ""
        figure.suptitle(
            f"Effective receptive field of {found.node.name}{where} over {found.source}\n"
            f"sigma {sigma} px; influence within centred squares: {held}",
            fontsize=10,
        )
        figure.legend(
            *plane.get_legend_handles_labels(), loc="outside lower center", frameon=False, ncols=2,
            fontsize=8,
        )  # fmt: skip
    return figure


def _draw_plane(figure: Figure, axes: Axes, found: EffectiveField, image: Any) -> None:  # noqa: ANN401 -- anything that holds pixels
    shares, gaussian = found.shares, found.gaussian
    opacity = None if image is None else np.sqrt(shares / shares.max())
    if image is not None:
        grey = fitting_picture(image, shares.shape).mean(-1)
        show_picture(axes, grey, cmap="gray", vmin=0, vmax=1)
    drawn = axes.imshow(
        np.where(shares > 0, shares, np.nan), cmap=colormap(SEQUENTIAL), interpolation="nearest",
        norm=PowerNorm(0.5, vmin=0, vmax=shares.max()), alpha=opacity,
    )  # fmt: skip
    axes.set(xlabel="column (px)", ylabel="row (px)")
    bar = figure.colorbar(drawn, ax=axes, shrink=0.75)
    bar.set_label("share of all influence (square-root scale)")
    (row, column), (tall, wide) = gaussian.center, gaussian.sigma
    boxes: list[Hull] = []
    if found.region.hull is not None:
        boxes.append(found.region.hull)
        extent = " × ".join(str(last - first + 1) for first, last in found.region.hull)
        axes.add_patch(box(found.region.hull, edgecolor="white", linewidth=3.5, alpha=0.8))
        axes.add_patch(
            box(found.region.hull, edgecolor=colour(0), linewidth=1.8,
                label=f"theoretical field: {extent} px")
        )  # fmt: skip
    ellipse = Ellipse(
        (column, row), 4 * wide, 4 * tall, fill=False, edgecolor=colour(4), linewidth=1.6,
        linestyle="--", label=f"fitted Gaussian, ±2 sigma: {4 * tall:.0f} × {4 * wide:.0f} px",
    )  # fmt: skip
    axes.add_patch(ellipse)
    make_room(axes, shares.shape, boxes)


def _draw_profile(
    axes: Axes,
    line: npt.NDArray[np.float64],
    center: float,
    sigma: float,
    ends: Sequence[int] | None,
) -> None:
    """Draw percents of influence along one axis, its Gaussian, and the ends of the exact field."""
    at = np.arange(line.size)
    axes.fill_between(at, line, step="mid", color="0.8", linewidth=0)
    axes.step(at, line, where="mid", color="0.35", linewidth=1.0)
    # A Gaussian narrower than a pixel has no curve to draw.
    if sigma > 0:
        fine = np.linspace(-0.5, line.size - 0.5, 8 * line.size)
        curve = 100 * np.exp(-(((fine - center) / sigma) ** 2) / 2) / (sigma * np.sqrt(2 * np.pi))
        axes.plot(fine, curve, color=colour(4), linestyle="--", linewidth=1.6)
    if ends is not None:
        for edge in (ends[0] - 0.5, ends[1] + 0.5):
            axes.axvline(edge, color=colour(0), linewidth=1.8)
    axes.set_xlim(-0.5 - 0.02 * line.size, line.size - 0.5 + 0.02 * line.size)
    axes.set_ylim(0, 1.15 * float(line.max()))
