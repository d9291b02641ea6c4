"""Colours and figures that all plots share; distinguishable with any colour vision."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any

from matplotlib import colormaps, rc_context
from matplotlib.axes import Axes
from matplotlib.colors import Colormap
from matplotlib.figure import Figure

SEQUENTIAL = "viridis"
"""For values from low to high."""

DIVERGING = "PuOr"
"""For values around zero."""

CYCLE = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#D55E00", "#56B4E9", "#F0E442")
"""Okabe and Ito, *Color Universal Design*, 2008, dark enough on white and light on pictures."""

DASHES: Sequence[str] = ("-", "--", "-.", ":")
"""Lines are told apart by dashes too."""

_RC: dict[Any, Any] = {
    "font.family": "DejaVu Sans",
    "font.size": 9.0,
    "axes.titlesize": 10.0,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "svg.fonttype": "none",
    "svg.hashsalt": "rfgraph",
    "pdf.fonttype": 42,
}


def colour(k: int) -> str:
    """Return the colour of the k-th thing."""
    return CYCLE[k % len(CYCLE)]


def dash(k: int) -> str:
    """Return the dashes of the k-th thing; they change when the colours begin again too."""
    return DASHES[(k + k // len(CYCLE)) % len(DASHES)]


def colormap(name: str) -> Colormap:
    """Return a colour map in which what is not a number is invisible."""
    return colormaps[name].with_extremes(bad=(0, 0, 0, 0))


def new_figure(
    width: float, height: float, *, rows: int = 1, columns: int = 1, ratios: Sequence[float] = ()
) -> tuple[Figure, list[Axes]]:
    """Return a figure of `width` × `height` inches and its axes, row by row."""
    with rc_context(_RC):
        figure = Figure(figsize=(width, height), layout="constrained", facecolor="white")
        made = figure.subplots(rows, columns, squeeze=False, width_ratios=ratios or [1.0] * columns)
    return figure, list(made.flat)


def style() -> AbstractContextManager[None]:
    """Return a context in which text and axes are drawn as in all plots."""
    return rc_context(_RC)
