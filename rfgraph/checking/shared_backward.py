"""Gradients of several elements from two backward passes, told apart by powers of two.

Where the predicted fields of elements lie apart, one backward pass of their sum shows all of them,
but not whose gradient it is that turns up at a place: one element's may have run over into the
field of another. So a second pass weights the k-th element by 2 ** k. A product with a power of two
is exact in floating point, so at a place that only element k reaches, the second pass is 2 ** k
times the first, bit for bit. Any other quotient says that elements meet where they should not, and
then each gets a pass of its own.

One thing is lost that single passes would see: where an element reaches into the field of another
2 ** 53 times as weakly (in double precision), the sum rounds it away. What spreads crosses the gap
between the fields, where it stands alone; only what leaps over the gap can hide so.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from rfgraph.checking.element import Element

_SHARED_PASSES = 2


def apart(elements: Sequence[Element]) -> list[list[Element]]:
    """Return the elements in groups for which two passes do.

    The elements of a group belong to one node, and a gap lies between the hulls of their fields. A
    group that would not save a pass is split up.
    """
    groups: list[list[Element]] = []
    for element in elements:
        for group in groups:
            if all(_have_gap(element, other) for other in group):
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


def told_apart(first: Tensor, second: Tensor, count: int) -> list[Tensor] | None:
    """Return each element's support, as booleans of the gradient's shape.

    Args:
        first: The gradient of the sum of the elements.
        second: That of the sum weighted by 2 ** k.
        count: How many elements.

    Returns:
        None if elements meet somewhere.
    """
    left = (first != 0) | (second != 0)
    found = []
    for k in range(count):
        own = left & (second == torch.ldexp(first, torch.tensor(k)))
        left = left & ~own
        found.append(own)
    return None if bool(left.any()) else found
