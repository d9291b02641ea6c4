"""What one pixel reaches, node by node."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from rfgraph.analysis import Analysis
from rfgraph.errors import InputError
from rfgraph.plot.canvas import fitting_picture, seen_input
from rfgraph.plot.place import middle
from rfgraph.plot.style import SEQUENTIAL, new_figure, style


def projection(
    analysis: Analysis,
    names: str | Sequence[str],
    *,
    pixel: tuple[int, int] | None = None,
    image: Any = None,  # noqa: ANN401 -- anything that holds pixels
) -> Figure:
    """Return a figure of the elements of each node that one pixel of the input can reach.

    Args:
        analysis: The analysis of the model.
        names: Nodes or module paths with two spatial axes, in the order of the panels.
        pixel: Row and column in the input; the middle by default.
        image: The picture, of the analysed size; a neutral grid by default.

    Raises:
        InputError: A node or the input has no two spatial axes, or the picture another size.
        IndexRangeError: The pixel lies outside the input.
    """
    chosen = [names] if isinstance(names, str) else list(names)
    if not chosen:
        raise InputError("no node is given, so there is nothing to project to")
    nodes = [analysis[name] for name in chosen]
    info = seen_input(nodes[0])
    picture = fitting_picture(image, info.lengths)
    place = pixel or middle(info.lengths)
    masks = [node.projection(place, input=info.name) for node in nodes]
    for name, mask in zip(chosen, masks, strict=True):
        if mask.ndim != 2:
            raise InputError(f"{name} has {mask.ndim} spatial axes, and a plane has 2")
    rows = math.ceil((len(masks) + 1) / 4)
    columns = math.ceil((len(masks) + 1) / rows)
    figure, panels = new_figure(2.5 * columns, 2.9 * rows, rows=rows, columns=columns)
    with style():
        panels[0].imshow(picture, interpolation="nearest", vmin=0, vmax=1)
        panels[0].plot(place[1], place[0], "+", color="black", markersize=12, markeredgewidth=2)
        panels[0].set_title(f"pixel {tuple(place)}\nof {info.lengths[0]} × {info.lengths[1]} px")
        for axes, name, mask in zip(panels[1:], chosen, masks, strict=False):
            axes.imshow(
                mask.astype(np.float64), cmap=SEQUENTIAL, vmin=0, vmax=1, interpolation="nearest"
            )
            axes.set_title(f"{name}\n{int(mask.sum())} of {mask.shape[0]} × {mask.shape[1]}")
        for axes in panels[: len(masks) + 1]:
            axes.set(xticks=[], yticks=[])
        for axes in panels[len(masks) + 1 :]:
            axes.set_axis_off()
        figure.suptitle("Elements that one pixel reaches (yellow)", fontsize=10)
    return figure
