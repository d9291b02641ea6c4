"""Keeps Python's garbage collector out of the way of an analysis."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

LARGE = 100_000
"""Objects from which on an analysis hands them over instead of having them walked over."""

MOST_WAITING = 1_000_000
"""Objects handed over after which a full collection looks through them (some 100 MB)."""

_collections = 0
_waiting = 0


@contextmanager
def without_collections() -> Iterator[None]:
    """Pause the collector, and hand many objects over to its oldest generation.

    Nothing made here is garbage yet. Walking over the objects of a large analysis, once for each
    generation, takes as long as a third of making them; nor would a walk find anything. The oldest
    generation is looked through as ever, and here too once enough waits in it, so that the cycles
    of analyses that were dropped do not pile up.
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            if gc.get_count()[0] > LARGE and gc.get_freeze_count() == 0:
                _hand_over(gc.get_count()[0])
            gc.enable()


def _hand_over(made: int) -> None:
    global _collections, _waiting  # noqa: PLW0603 - the collector is the process's as well
    collections = gc.get_stats()[2]["collections"]
    _waiting = made + (_waiting if collections == _collections else 0)
    if _waiting > MOST_WAITING:
        _waiting = 0
        gc.collect()
    else:
        # All generations are set aside, and come back as the oldest one.
        gc.freeze()
        gc.unfreeze()
    _collections = gc.get_stats()[2]["collections"]
