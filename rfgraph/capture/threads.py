"""Tells when a model hands work to another thread, where no mode sees its operators."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

_active = threading.local()
_lock = threading.Lock()
_users = 0
_start: Callable[..., Any] = threading.Thread.start
_submit: Callable[..., Any] = ThreadPoolExecutor.submit


@contextmanager
def noting_threads(note: Callable[[], None]) -> Iterator[None]:
    """Call ``note`` whenever this thread starts another, or gives work to a pool of them."""
    global _users, _start, _submit  # noqa: PLW0603 - one patch serves all threads
    outer = getattr(_active, "note", None)
    with _lock:
        if _users == 0:
            _start, _submit = threading.Thread.start, ThreadPoolExecutor.submit
            threading.Thread.start = _noted_start  # type: ignore[method-assign,assignment]
            ThreadPoolExecutor.submit = _noted_submit  # type: ignore[method-assign,assignment]
        _users += 1
    _active.note = note
    try:
        yield
    finally:
        _active.note = outer
        with _lock:
            _users -= 1
            if _users == 0:
                threading.Thread.start = _start  # type: ignore[method-assign]
                ThreadPoolExecutor.submit = _submit  # type: ignore[method-assign]


def _noted_start(thread: threading.Thread) -> None:
    _tell()
    _start(thread)


def _noted_submit(pool: ThreadPoolExecutor, /, *args: Any, **kwargs: Any) -> Any:
    _tell()
    return _submit(pool, *args, **kwargs)


def _tell() -> None:
    note = getattr(_active, "note", None)
    if note is not None:
        note()
