"""Forgets what cached functions of a model's code computed while it ran without data."""

from __future__ import annotations

import functools
import sys
import types
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from torch import nn

_CACHED: Any = type(functools.lru_cache(lambda: None))
_EMPTY = types.CellType()


@contextmanager
def forgetting(modules: Sequence[nn.Module]) -> Iterator[None]:
    """Empty the caches to which the run adds, of functions beside and inside the modules' classes.

    A table that ``functools.lru_cache`` keeps was made without data in a recording, and a later run
    of the model would find it.
    """
    misses = [(function, function.cache_info().misses) for function in _cached_functions(modules)]
    try:
        yield
    finally:
        for function, before in misses:
            if function.cache_info().misses != before:
                function.cache_clear()


def _cached_functions(modules: Sequence[nn.Module]) -> list[Any]:
    kinds = {base for kind in set(map(type, modules)) for base in kind.__mro__}
    own = [kind for kind in kinds if kind.__module__.split(".")[0] not in {"torch", "builtins"}]
    homes = {kind.__module__ for kind in own} & sys.modules.keys()
    names = [*map(vars, own), *(vars(sys.modules[home]) for home in homes)]
    found = [value for each in names for value in [*each.values()]]
    # Nothing but functions is asked for more: what else a module holds may answer to any name.
    found = [v.__func__ if type(v) in {staticmethod, classmethod} else v for v in found]
    cells = [c for v in found if type(v) is types.FunctionType for c in v.__closure__ or ()]
    found += [cell.cell_contents for cell in cells if cell != _EMPTY]  # kept by decorators
    return [*{id(value): value for value in found if type(value) is _CACHED}.values()]
