"""The cells of a table: exact numbers, as short as they can be read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rfgraph.report.facts import FieldFacts, Number, Numbers

NOTHING = "-"


def per_axis(numbers: Numbers) -> str:
    """Return one number if all axes agree, else all of them.

    >>> per_axis((427, 427)), per_axis((7, 3)), per_axis((None, None))
    ('427', '7×3', '-')
    """
    return _agreeing([_number(number) for number in numbers])


def size_cell(field: FieldFacts, axes: Sequence[int]) -> str:
    """Return the local size, smallest to largest phase, and whether the field is global too.

    Args:
        field: The field.
        axes: The analysed axes of the input, which name axes that alone are global.
    """
    if not field.reaches:
        return "none"
    local = _agreeing(
        [_range(low, high) for low, high in zip(field.size_min, field.size, strict=True)]
    )
    if not field.is_global:
        return local
    if all(field.global_axes):
        return "global" if local == NOTHING else f"{local} +global"
    where = ",".join(
        str(axis) for axis, mixed in zip(axes, field.global_axes, strict=True) if mixed
    )
    return f"{local} +global[{where}]"


def shape_cell(shape: Sequence[int]) -> str:
    """Return a shape.

    >>> shape_cell((1, 64, 56, 56)), shape_cell(())
    ('1×64×56×56', 'scalar')
    """
    return "×".join(map(str, shape)) if shape else "scalar"


def shorten(text: str, width: int) -> str:
    """Return `text` in at most `width` characters, its middle left out.

    >>> shorten("backbone.layer4.2.conv3", 15)
    'backbon…2.conv3'
    """
    if len(text) <= width:
        return text
    head = width // 2
    tail = width - head - 1
    return f"{text[:head]}…{text[len(text) - tail :]}"


def _agreeing(cells: list[str]) -> str:
    return cells[0] if len(set(cells)) == 1 else "×".join(cells) or NOTHING


def _range(low: Number | None, high: Number | None) -> str:
    return _number(high) if low == high else f"{_number(low)}..{_number(high)}"


def _number(number: Number | None) -> str:
    return NOTHING if number is None else str(number)
