"""Plain data read piece by piece: every misfit is told with its place."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from typing import TypeAlias, TypeVar

Data: TypeAlias = "bool | int | str | list[Data] | dict[str, Data] | None"
Place: TypeAlias = tuple[str | int, ...]
"""Keys and positions that lead from the top of the data to one value."""

T = TypeVar("T")
U = TypeVar("U")


class MisfitError(ValueError):
    """Data that is not laid out as it should be: the place and what is wrong there."""

    def __init__(self, place: Place, problem: str) -> None:
        super().__init__(problem)
        self.place = place
        self.problem = problem


Reader: TypeAlias = Callable[[Data, Place], T]


class Table:
    """A mapping that is read key by key, and has no other keys."""

    def __init__(self, value: Data, place: Place, what: str) -> None:
        if not isinstance(value, dict):
            raise MisfitError(place, f"expected {what} with named keys, found {show(value)}")
        self._rest = dict(value)
        self._place = place
        self._known: list[str] = []

    def take(self, key: str, read: Reader[T]) -> T:
        """Return what `read` makes of the value at `key`, which must be there."""
        self._known.append(key)
        if key not in self._rest:
            raise MisfitError(self._place, f"the key '{key}' is missing")
        return read(self._rest.pop(key), (*self._place, key))

    def take_or(self, key: str, read: Reader[T], usual: U) -> T | U:
        """Return what `read` makes of the value at `key`, or `usual` if there is none."""
        self._known.append(key)
        return self.take(key, read) if key in self._rest else usual

    def finish(self) -> None:
        """Refuse keys that nothing has read."""
        for key in self._rest:
            close = difflib.get_close_matches(key, self._known, n=1)
            hint = f"; close: {close[0]}" if close else ""
            raise MisfitError((*self._place, key), f"the key '{key}' is unknown{hint}")


def text(value: Data, place: Place) -> str:
    """Return the text."""
    if not isinstance(value, str):
        raise MisfitError(place, f"expected text, found {show(value)}")
    return value


def flag(value: Data, place: Place) -> bool:
    """Return the truth value."""
    if not isinstance(value, bool):
        raise MisfitError(place, f"expected true or false, found {show(value)}")
    return value


def integer(value: Data, place: Place) -> int:
    """Return the integer."""
    if not isinstance(value, int) or isinstance(value, bool):
        raise MisfitError(place, f"expected an integer, found {show(value)}")
    return value


def extent(value: Data, place: Place) -> int:
    """Return the integer, which is 0 or more."""
    number = integer(value, place)
    if number < 0:
        raise MisfitError(place, f"expected an integer of at least 0, found {number}")
    return number


def list_of(read: Reader[T]) -> Reader[tuple[T, ...]]:
    """Return the reader of lists whose items `read` reads."""

    def read_list(value: Data, place: Place) -> tuple[T, ...]:
        if not isinstance(value, list):
            raise MisfitError(place, f"expected a list, found {show(value)}")
        return tuple(read(item, (*place, position)) for position, item in enumerate(value))

    return read_list


def mapping_of(read: Reader[T]) -> Reader[dict[str, T]]:
    """Return the reader of tables of any keys, whose values `read` reads."""

    def read_mapping(value: Data, place: Place) -> dict[str, T]:
        if not isinstance(value, dict):
            raise MisfitError(place, f"expected named entries, found {show(value)}")
        return {key: read(item, (*place, key)) for key, item in value.items()}

    return read_mapping


def show(value: Data) -> str:
    """Return the value as a message shows it."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        return "named entries"
    if isinstance(value, list):
        return "a list"
    if isinstance(value, int):
        return str(value) if value.bit_length() < 200 else "a huge integer"
    shown = str(value)  # TOML also has floats and dates
    return f"'{shown}'" if len(shown) <= 60 else f"'{shown[:57]}...'"
