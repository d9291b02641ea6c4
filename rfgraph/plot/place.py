"""Which element of a node belongs to a place in the picture."""

from __future__ import annotations

from collections.abc import Sequence

from rfgraph.analysis import Node
from rfgraph.errors import InputError


def element_at(node: Node, pixel: Sequence[float], lengths: Sequence[int]) -> tuple[int, ...]:
    """Return the position of `node` whose field is centred nearest to a pixel of the input.

    Without a local field, positions are spread evenly over the input.

    Args:
        node: A node with as many spatial axes as the input has analysed ones, or with none.
        pixel: Row and column in the input.
        lengths: Rows and columns of the input.

    Raises:
        InputError: The node has other axes.
    """
    axes = node.spatial_axes
    if not axes:
        return ()
    if len(axes) != len(lengths):
        raise InputError(
            f"{node.name} has {len(axes)} spatial axes of lengths "
            f"{tuple(node.shape[a] for a in axes)}, so no element of it belongs to a pixel; "
            "give an index"
        )
    found = []
    field = node.field
    for k, axis in enumerate(axes):
        extent = node.shape[axis]
        center, jump = field.center[k], field.jump[k]
        if center is None or not jump:
            place = (pixel[k] + 0.5) * extent / lengths[k] - 0.5
        else:
            place = float((pixel[k] - center) / jump)
        found.append(min(max(round(place), 0), extent - 1))
    return tuple(found)


def middle(lengths: Sequence[int]) -> tuple[int, ...]:
    """Return the pixel in the middle, the later one of two."""
    return tuple(length // 2 for length in lengths)
