"""Forgets what a model's code keeps outside of the model while it runs without data."""

from __future__ import annotations

import functools
import sys
import types
from collections import OrderedDict, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from torch import Tensor, nn

_CACHED: Any = type(functools.lru_cache(lambda: None))
_EMPTY = types.CellType()
_TABLES = (dict, OrderedDict, defaultdict)


@contextmanager
def forgetting(modules: Sequence[nn.Module]) -> Iterator[None]:
    """Let the run leave nothing behind in functions and tables beside and inside the classes.

    A table that ``functools.lru_cache``, a dictionary of the module or class, or a variable there
    keeps was made without data in a recording, and a later run of the model would find it. Cached
    functions that computed anything are emptied; other places that hold new tensors hold what they
    held before.
    """
    kinds = {base for kind in set(map(type, modules)) for base in kind.__mro__}
    own = [kind for kind in kinds if kind.__module__.split(".")[0] not in {"torch", "builtins"}]
    homes = [sys.modules[home] for home in {k.__module__ for k in own} & sys.modules.keys()]
    owners: list[Any] = [*own, *homes]
    names = [dict(vars(owner)) for owner in owners]
    cells = [cell for each in names for cell in _cells(each.values())]
    held = [None if cell == _EMPTY else cell.cell_contents for cell in cells]
    values = {id(v): v for each in names for v in each.values()} | {id(v): v for v in held}
    misses = [(f, f.cache_info().misses) for f in _cached_functions(values.values())]
    tables = [(table, table.copy()) for table in _tables(values.values())]
    try:
        yield
    finally:
        for function, before in misses:
            if function.cache_info().misses != before:
                function.cache_clear()
        for table, contents in tables:
            if not _is_same(table, contents) and _holds_tensors(table):
                table.clear()
                table.update(contents) if isinstance(table, dict) else table.extend(contents)
        for owner, found in zip(owners, names, strict=True):
            _put_back(owner, found)
        for cell, value in zip(cells, held, strict=True):
            if isinstance(_contents(cell), Tensor) and _contents(cell) is not value:
                cell.cell_contents = value


def _put_back(owner: Any, found: Mapping[str, Any]) -> None:
    """Let the variables of a module or class that hold another tensor now hold what they held."""
    for name, value in list(vars(owner).items()):
        if isinstance(value, Tensor) and found.get(name) is not value:
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
    """The dictionaries and lists that are empty, or in which a tensor stands first."""
    found = []
    for value in values:
        if type(value) in _TABLES:
            first = next(iter(value.values()), None)
        elif type(value) is list:
            first = value[0] if value else None
        else:
            continue
        if isinstance(first, (tuple, list)) and first:
            first = first[0]
        if not value or isinstance(first, Tensor):
            found.append(value)
    return found


def _holds_tensors(table: Any) -> bool:
    values = list(table.values() if isinstance(table, dict) else table)
    values += [item for value in values if isinstance(value, (tuple, list)) for item in value]
    return any(isinstance(value, Tensor) for value in values)


def _is_same(table: Any, contents: Any) -> bool:
    if len(table) != len(contents):
        return False
    if isinstance(table, dict):
        return all(table.get(key, table) is value for key, value in contents.items())
    return all(a is b for a, b in zip(table, contents, strict=True))
