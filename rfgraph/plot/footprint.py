"""The exact set of pixels that one element sees."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.figure import Figure

from rfgraph.analysis import Node
from rfgraph.plot.canvas import box, fitting_picture, make_room, seen_input, show_picture
from rfgraph.plot.place import element_at, middle
from rfgraph.plot.style import colour, new_figure, style

_DIM = 0.25
"""Brightness that is left of pixels that the element does not see."""


def footprint(
    node: Node,
    index: tuple[int, ...] | int | None = None,
    *,
    image: Any = None,  # noqa: ANN401 -- anything that holds pixels
) -> Figure:
    """Return a figure of the picture in which only what one element sees is bright.

    Holes, crosses and windows show as they are; the box around is the exact hull.

    Args:
        node: The node.
        index: The position along its spatial axes; the middle by default.
        image: The picture, of the analysed size; a neutral grid by default.

    Raises:
        InputError: The input has no two analysed axes, or the picture another size.
        IndexRangeError: The position lies outside the node.
    """
    info = seen_input(node)
    picture = fitting_picture(image, info.lengths)
    place = element_at(node, middle(info.lengths), info.lengths) if index is None else index
    mask = node.footprint(place, input=info.name)
    region = node.region(place, input=info.name)
    figure, (axes,) = new_figure(5.4, 5.0)
    with style():
        bright = np.where(mask[..., None], picture, _DIM * picture)
        show_picture(axes, bright, vmin=0, vmax=1)
        if region.hull is not None:
            axes.add_patch(box(region.hull, edgecolor="white", linewidth=3))
            axes.add_patch(box(region.hull, edgecolor=colour(0), linewidth=1.5))
            make_room(axes, info.lengths, [region.hull])
        seen, of = int(mask.sum()), mask.size
        where = list(place) if isinstance(place, tuple) else [place]
        axes.set_title(f"{node.name}{where} sees {seen:,} of {of:,} pixels")
    return figure
