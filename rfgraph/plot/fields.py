"""Field boxes of several nodes, nested on the picture."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from matplotlib.figure import Figure

from rfgraph.analysis import Analysis
from rfgraph.errors import InputError
from rfgraph.plot.canvas import Hull, box, fitting_picture, make_room, seen_input, show_picture
from rfgraph.plot.place import element_at, middle
from rfgraph.plot.style import colour, dash, new_figure, style


def fields(
    analysis: Analysis,
    names: str | Sequence[str],
    *,
    pixel: tuple[int, int] | None = None,
    image: Any = None,  # noqa: ANN401 -- anything that holds pixels
) -> Figure:
    """Return a figure of what elements of several nodes see, each a box on the picture.

    Of every node the element whose field is centred nearest to one pixel is shown: the exact hull
    of what it sees in a full line, with padding counted as virtual input in a thin one.

    Args:
        analysis: The analysis of the model.
        names: Nodes or module paths, in the order of the legend.
        pixel: Row and column in the input; the middle by default.
        image: The picture, of the analysed size; a neutral grid by default.

    Raises:
        InputError: The input has no two analysed axes, or the picture another size.
        NodeNotFoundError: There is no node of such a name.
    """
    chosen = [names] if isinstance(names, str) else list(names)
    if not chosen:
        raise InputError("no node is given, so there is no field to draw")
    nodes = [analysis[name] for name in chosen]
    info = seen_input(nodes[0])
    picture = fitting_picture(image, info.lengths)
    pixel = pixel or middle(info.lengths)  # type: ignore[assignment]
    assert pixel is not None
    figure, (axes,) = new_figure(7.2, 5.0)
    with style():
        show_picture(axes, picture)
        shown: list[Hull] = []
        for k, (name, node) in enumerate(zip(chosen, nodes, strict=True)):
            index = element_at(node, pixel, info.lengths)
            region = node.region(index, input=info.name)
            if region.hull is None:
                continue
            size = " × ".join(str(n) if n is not None else "–" for n in node.field.size)
            text = f"{name}{list(index)}: {size}"
            text += ", global" if node.field.is_global else ""
            axes.add_patch(box(region.hull, edgecolor="white", linewidth=3.5, alpha=0.8))
            axes.add_patch(
                box(region.hull, edgecolor=colour(k), linewidth=1.8, linestyle=dash(k), label=text)
            )
            shown.append(region.hull)
            if None not in region.unclipped and region.unclipped != region.hull:
                hull = tuple(pair for pair in region.unclipped if pair is not None)
                axes.add_patch(box(hull, edgecolor=colour(k), linewidth=0.8, linestyle=dash(k)))
                shown.append(hull)
        axes.plot(
            pixel[1], pixel[0], "+", color="black", markersize=9, markeredgewidth=1.4,
            label=f"pixel {tuple(pixel)}", linestyle="none",
        )  # fmt: skip
        make_room(axes, info.lengths, shown)
        axes.set_title("What one element of each node sees (px; thin: with padding)")
        figure.legend(loc="outside right upper", frameon=False, fontsize=8)
    return figure
