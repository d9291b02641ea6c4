"""A state seen through a batched product whose other factor is zero at some places.

The places may differ along the batch: windows at the border of an image that was padded, one mask
per head. Every mask that occurs gives a reading of its own, and the batch tells which one holds.
"""

from __future__ import annotations

from dataclasses import replace

from rfgraph.geometry.matrix import rows
from rfgraph.geometry.tensor_map import Axes, AxisRead, MaskedProduct, Shape
from rfgraph.propagation.alternatives import MOST, kinds, one_of
from rfgraph.propagation.note import Note, Status
from rfgraph.propagation.products import read_axes
from rfgraph.propagation.state import State

_JOINED = "masks differ along the batch of a product and are joined"


def product_under_mask(state: State, product: MaskedProduct, out_shape: Shape, node: str) -> State:
    """The state of a product that reads a factor where the other one is not zero.

    Args:
        state: State of the factor, of shape (batch, …).
        product: The reading, and the mask of every batch entry.
        out_shape: Shape of the product, (batch, …).
        node: Name of the operator's node, for notes.
    """
    masks, which = kinds(product.keep, (0,))
    if len(masks) > MOST:
        joined = read_axes(state, product.joined, out_shape, node)
        return replace(joined, notes=joined.notes | {Note(Status.BOUND, node, _JOINED)})
    states = []
    for keep in masks:
        reads = list(product.joined.reads)
        reads[product.axis] = AxisRead(product.out_axis, rows(keep[0]))
        states.append(read_axes(state, Axes(tuple(reads)), out_shape, node))
    return one_of(states, which)
