"""Gradients of several elements from two backward passes, told apart by powers of two.

Where the predicted fields of elements lie apart, one backward pass of their sum shows all of them,
but not whose gradient it is that turns up at a place: one element's may have run over into the
field of another. So the k-th of n elements has the weight 2 ** (20 * (k - n // 2)) in one pass, and
one over that in the other. A product with a power of two is exact in floating point, so at a place
that only element k reaches, the quotient of the passes is its own power, bit for bit. Any other
quotient says that elements meet where they should not, and then each gets a pass of its own.

One thing is lost that single passes would see: where an element reaches into the field of another
so weakly that both sums round it away. In one of the two passes it is amplified against the other
by 2 ** 20 at least, so that is weaker than 2 ** -44 in single precision and 2 ** -73 in double.
What spreads crosses the gap between the fields, where it stands alone; only what leaps over the gap
can hide so.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from rfgraph.checking.element import Element

_SHARED_PASSES = 2
_STEP = 20
_MOST = 5
"""With more elements the weights would leave single precision little room."""


def apart(elements: Sequence[Element]) -> list[list[Element]]:
    """Return the elements in groups for which two passes do.

    The elements of a group, five at most, belong to one node, and a gap lies between the hulls of
    their fields. A group that would not save a pass is split up.
    """
    groups: list[list[Element]] = []
    for element in elements:
        for group in groups:
            if len(group) < _MOST and all(_have_gap(element, other) for other in group):
                group.append(element)
                break
        else:
            groups.append([element])
    found: list[list[Element]] = []
    for group in groups:
        found += [group] if len(group) > _SHARED_PASSES else [[element] for element in group]
    return found


def _have_gap(one: Element, other: Element) -> bool:
    if one.node is not other.node:
        return False
    for a, b in zip(one.hulls, other.hulls, strict=True):
        if a is None or b is None:
            return False  # an empty field has no place to lie in, so nothing tells it apart
        if a[1] + 1 < b[0] or b[1] + 1 < a[0]:
            return True
    return False


def shared_weights(count: int) -> tuple[list[float], list[float]]:
    """Return the weights of that many elements in the first pass, and in the second."""
    powers = _powers(count)
    return [2.0**power for power in powers], [2.0**-power for power in powers]


def _powers(count: int) -> list[int]:
    return [_STEP * (k - count // 2) for k in range(count)]


def told_apart(first: Tensor, second: Tensor, count: int) -> list[Tensor] | None:
    """Return each element's support, as booleans of the gradient's shape.

    Args:
        first: The gradient of the sum of the elements with the first :func:`shared_weights`.
        second: With the second.
        count: How many elements.

    Returns:
        None if elements meet somewhere, or a weight led out of the range of the precision.
    """
    left = (first != 0) | (second != 0)
    found = []
    for power in _powers(count):
        own = left & (second == torch.ldexp(first, torch.tensor(-2 * power)))
        left = left & ~own
        found.append(own)
    return None if bool(left.any()) else found
