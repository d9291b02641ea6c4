"""A position that a caller gave, as plain integers."""

from __future__ import annotations

from collections.abc import Iterable
from operator import index
from typing import Any

from rfgraph.errors import InputError


def as_indices(position: object) -> tuple[int, ...]:
    """Return a position as a tuple of integers; a number alone is one along the only axis.

    Raises:
        InputError: It is none.
    """
    given: Iterable[Any] = position if isinstance(position, Iterable) else (position,)
    try:
        return tuple(index(k) for k in given)
    except TypeError:
        raise InputError(
            f"The position {position!r} is none; give an index per spatial axis, such as (3, 3)."
        ) from None
