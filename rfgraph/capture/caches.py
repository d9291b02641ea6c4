"""Forgets what a model's code keeps outside of the model while it runs without data."""

from __future__ import annotations

import functools
import sys
import types
from collections import OrderedDict, defaultdict, deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from torch import Tensor, nn

_CACHED: Any = type(functools.lru_cache(lambda: None))
_EMPTY = types.CellType()
_NOTHING = object()
_TABLES = (dict, OrderedDict, defaultdict, list, deque)
_LONGEST = 256
"""Entries of a container beyond which it is not looked into."""


@contextmanager
def forgetting(modules: Sequence[nn.Module]) -> Iterator[None]:
    """Let the run leave no tensors behind in what stands beside and inside the modules' classes.

    A table that ``functools.lru_cache``, a dictionary of the module or class, or a variable there
    keeps was made without data in a recording, and a later run of the model would find it. Cached
    functions that computed anything are emptied. Where a new tensor is found elsewhere, everything
    there holds again what it held before: what says how large a table is stands beside it.
    """
    kinds = {base for kind in set(map(type, modules)) for base in kind.__mro__}
    own = [kind for kind in kinds if kind.__module__.split(".")[0] not in {"torch", "builtins"}]
    homes = [sys.modules[home] for home in {k.__module__ for k in own} & sys.modules.keys()]
    owners: list[Any] = [*own, *homes]
    names = [dict(vars(owner)) for owner in owners]
    cells = [cell for each in names for cell in _cells(each.values())]
    held = [_contents(cell) for cell in cells]
    values = {id(v): v for each in names for v in each.values()} | {id(v): v for v in held}
    misses = [(f, f.cache_info().misses) for f in _cached_functions(values.values())]
    tables = [(table, table.copy()) for table in _tables(values.values())]
    try:
        yield
    finally:
        for function, before in misses:
            if function.cache_info().misses != before:
                function.cache_clear()
        changed = [(t, contents) for t, contents in tables if not _is_same(t, contents)]
        variables = [
            (owner, name, found)
            for owner, found in zip(owners, names, strict=True)
            for name, value in list(vars(owner).items())
            if found.get(name, _NOTHING) is not value
        ]
        moved = [(c, v) for c, v in zip(cells, held, strict=True) if _contents(c) is not v]
        if any(
            _holds_tensor(value)
            for value in (
                *(table for table, _ in changed),
                *(vars(owner)[name] for owner, name, _ in variables),
                *(_contents(cell) for cell, _ in moved),
            )
        ):
            for table, contents in changed:
                table.clear()
                table.update(contents) if isinstance(table, dict) else table.extend(contents)
            for owner, name, found in variables:
                _put_back(owner, name, found)
            for cell, value in moved:
                cell.cell_contents = value


def _put_back(owner: Any, name: str, found: Mapping[str, Any]) -> None:
    if name in found:
        setattr(owner, name, found[name])
    else:
        delattr(owner, name)


def _cells(values: Iterable[Any]) -> list[types.CellType]:
    """The variables that functions among the values keep from where they were defined."""
    # Nothing but functions is asked for more: what else a module holds may answer to any name.
    plain = [v.__func__ if type(v) in {staticmethod, classmethod} else v for v in values]
    return [c for v in plain if type(v) is types.FunctionType for c in v.__closure__ or ()]


def _contents(cell: types.CellType) -> Any:
    return None if cell == _EMPTY else cell.cell_contents


def _cached_functions(values: Iterable[Any]) -> list[Any]:
    plain = [v.__func__ if type(v) in {staticmethod, classmethod} else v for v in values]
    return [*{id(value): value for value in plain if type(value) is _CACHED}.values()]


def _tables(values: Iterable[Any]) -> list[Any]:
    """The containers among the values, and in them; long ones are registers of other things."""
    found: dict[int, Any] = {}
    pending = list(values)
    while pending:
        value = pending.pop()
        if type(value) in _TABLES and len(value) <= _LONGEST and id(value) not in found:
            found[id(value)] = value
            pending += value.values() if isinstance(value, dict) else value
    return [*found.values()]


def _is_same(table: Any, contents: Any) -> bool:
    if len(table) != len(contents):
        return False
    if isinstance(table, dict):
        return all(table.get(key, _NOTHING) is value for key, value in contents.items())
    return all(a is b for a, b in zip(table, contents, strict=True))


def _holds_tensor(value: Any) -> bool:
    """Whether a value is a tensor, or a container with one, or with such a container."""
    pending, seen = [value], set()
    while pending:
        one = pending.pop()
        if isinstance(one, Tensor):
            return True
        if isinstance(one, (*_TABLES, tuple)) and len(one) <= _LONGEST and id(one) not in seen:
            seen.add(id(one))
            pending += one.values() if isinstance(one, dict) else one
    return False
