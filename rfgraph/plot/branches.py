"""The field over each branch that meets in a node."""

from __future__ import annotations

from collections import deque
from typing import Any

from matplotlib.figure import Figure

from rfgraph.analysis import Node
from rfgraph.analysis.branch import Branch
from rfgraph.errors import InputError
from rfgraph.plot.canvas import Hull, box, fitting_picture, make_room, seen_input, show_picture
from rfgraph.plot.place import element_at, middle
from rfgraph.plot.style import colour, dash, new_figure, style


def branches(
    node: Node,
    *,
    pixel: tuple[int, int] | None = None,
    image: Any = None,  # noqa: ANN401 -- anything that holds pixels
) -> Figure:
    """Return a figure of what one element of a merge sees over each of its branches alone.

    Boxes are those of an interior element: padding counts as virtual input. Crosses mark their
    centres, which lie on each other where branches are aligned.

    Args:
        node: A node where branches meet.
        pixel: Row and column in the input near which the element lies; the middle by default.
        image: The picture, of the analysed size; a neutral grid by default.

    Raises:
        InputError: No branches meet in the node, the input has no two analysed axes, or the
            picture another size.
    """
    if not node.branches:
        raise InputError(
            f"{node.name} is no merge: fewer than two local branches meet in it{_hint(node)}"
        )
    info = seen_input(node)
    picture = fitting_picture(image, info.lengths)
    index = element_at(node, pixel or middle(info.lengths), info.lengths)
    figure, (axes,) = new_figure(7.2, 5.0)
    with style():
        show_picture(axes, picture)
        shown = []
        for k, branch in enumerate(node.branches):
            hull = _hull(branch, index)
            if hull is None:
                continue
            size = " × ".join(map(str, branch.size))
            text = f"{branch.source}: {size}{'' if branch.aligned else ', shifted'}"
            axes.add_patch(box(hull, edgecolor="white", linewidth=3.5, alpha=0.8))
            axes.add_patch(
                box(hull, edgecolor=colour(k), linewidth=1.8, linestyle=dash(k), label=text)
            )
            (top, bottom), (left, right) = hull
            axes.plot((left + right) / 2, (top + bottom) / 2, "x", color=colour(k))
            shown.append(hull)
        make_room(axes, info.lengths, shown)
        axes.set_title(f"Branches that meet in {node.name}{list(index)} (size in px)")
        figure.legend(loc="outside right upper", frameon=False, fontsize=8)
    return figure


def _hint(node: Node) -> str:
    """Return where the nearest merge above is, if there is one."""
    waiting = deque([node.name])
    while waiting:
        name = waiting.popleft()
        if node.analysis[name].branches:
            return f"; the nearest above it is {name}"
        waiting.extend(node.analysis.graph.pred[name])
    return ""


def _hull(branch: Branch, index: tuple[int, ...]) -> Hull | None:
    """Return the box of the branch's first phase at the last whole period before `index`."""
    pairs = []
    for k, i in enumerate(index):
        size, jump, start = branch.size[k], branch.jump[k], branch.start[k]
        if size is None or jump is None or start is None:
            return None
        period = branch.field.period[k] or 1
        first = int(start + jump * (i // period * period))
        pairs.append((first, first + size - 1))
    return pairs
