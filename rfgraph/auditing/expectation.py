"""What a person expects of a node: `size: ">= 400"`, `jump: 32`, `global: false`."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, TypeAlias

from rfgraph.errors import ConfigError

if TYPE_CHECKING:
    from rfgraph.analysis import Node

Number: TypeAlias = int | Fraction

NUMBERS = ("size", "size_min", "size_max", "jump", "start", "center", "period", "support")
"""Facts that are a number per analysed axis."""

WORDS = ("global", "status", "reaches", "mixes_batch", "shape")
"""Facts of other kinds."""

_COMPARISONS: Mapping[str, Callable[[Number, Number], bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    ">=": operator.ge,
    "<=": operator.le,
    ">": operator.gt,
    "<": operator.lt,
}
_COMPARISON = re.compile(r"(==|!=|>=|<=|>|<)?\s*(-?\d{1,18}(?:/[1-9]\d{0,17})?)")
_STATUSES = ("exact", "bound", "unknown")


@dataclass(frozen=True, slots=True)
class Expectation:
    """One fact of one node, and what it should be.

    Attributes:
        fact: One of `NUMBERS` or `WORDS`.
        text: What should hold, as a person wrote it.
        comparisons: For `NUMBERS`, a comparison and a number for all axes, or one for each.
        value: For `WORDS`, the value.
    """

    fact: str
    text: str
    comparisons: tuple[tuple[str, Number], ...] = ()
    value: object = None


def expectation(fact: str, wanted: object) -> Expectation:
    """Return the expectation that a person wrote.

    Args:
        fact: The fact's name.
        wanted: A number or comparison for all axes (``32``, ``"1/2"``, ``">= 400"``), a sequence
            with one per axis, or a value for facts that are no numbers.

    Raises:
        ConfigError: If there is no such fact, or it cannot be that.

    >>> expectation("size", ">= 400").comparisons
    (('>=', 400),)
    """
    if fact in NUMBERS:
        several = isinstance(wanted, Sequence) and not isinstance(wanted, str)
        entries = list(wanted) if several else [wanted]  # type: ignore[call-overload]
        if not entries:
            raise ConfigError(f"{fact} expects nothing; give a number or one per axis")
        return Expectation(fact, _text(wanted), tuple(_comparison(fact, e) for e in entries))
    if fact in {"global", "reaches", "mixes_batch"} and isinstance(wanted, bool):
        return Expectation(fact, "true" if wanted else "false", value=wanted)
    if fact == "status" and wanted in _STATUSES:
        return Expectation(fact, str(wanted), value=wanted)
    if fact == "shape" and isinstance(wanted, Sequence) and not isinstance(wanted, str):
        if all(isinstance(n, int) and not isinstance(n, bool) and n >= 0 for n in wanted):
            return Expectation(fact, _text(wanted), value=tuple(wanted))
    elif fact not in WORDS:
        known = ", ".join((*NUMBERS, *WORDS))
        raise ConfigError(f"'{fact}' is no fact of a node; known: {known}")
    raise ConfigError(f"{fact} cannot be {_text(wanted)}; {_ALLOWED[fact]}")


_ALLOWED = {
    "global": "write true or false",
    "reaches": "write true or false",
    "mixes_batch": "write true or false",
    "status": f"write {', '.join(_STATUSES)}",
    "shape": "write a list of extents",
}


def _comparison(fact: str, entry: object) -> tuple[str, Number]:
    if isinstance(entry, int | Fraction) and not isinstance(entry, bool):
        return "==", entry
    match = _COMPARISON.fullmatch(entry.strip()) if isinstance(entry, str) else None
    if match is None:
        raise ConfigError(
            f"{fact} cannot be {_text(entry)}; write a number or a comparison such as '>= 400'"
        )
    number = Fraction(match[2])
    return match[1] or "==", number.numerator if number.denominator == 1 else number


def unmet(node: Node, wanted: Expectation, input: str | None = None) -> str | None:  # noqa: A002 -- as Node.region has it
    """Return what is wrong, as a clause with the number found; None if the expectation is met.

    Args:
        node: The node.
        wanted: What is expected of it.
        input: Which input's field; the main one by default.
    """
    field = node.field if input is None else node.fields[input]
    if wanted.fact in NUMBERS:
        found = getattr(field, wanted.fact)
        comparisons = wanted.comparisons
        if len(comparisons) == 1:
            comparisons *= len(found)
        fits = len(comparisons) == len(found) and all(
            number is not None and _COMPARISONS[sign](number, limit)
            for number, (sign, limit) in zip(found, comparisons, strict=True)
        )
        shown = _axes_text(found)
        if not fits and field.is_global and None in found:
            shown = f"none, for the field is global from {' and '.join(field.global_origins)} on"
    else:
        value: object = {
            "global": field.is_global,
            "status": node.status.value,
            "reaches": field.reaches,
            "mixes_batch": field.mixes_batch,
            "shape": tuple(node.shape),
        }[wanted.fact]
        fits = value == wanted.value
        shown = _text(value)
    return None if fits else f"{wanted.fact} is {shown}, expected {wanted.text}"


def _axes_text(numbers: Sequence[Number | None]) -> str:
    cells = ["none" if number is None else str(number) for number in numbers]
    return cells[0] if len(set(cells)) == 1 else "×".join(cells)


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return "×".join(map(_text, value))
    return f"'{value}'" if isinstance(value, str) and not value else str(value)
