"""Tells when a model hands work to another thread, where no mode sees its operators."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from typing import Any

from rfgraph.capture.patch import Patch


def noting_threads(note: Callable[[], None]) -> AbstractContextManager[None]:
    """Call ``note`` whenever this thread starts another, or gives work to a pool of them."""
    return _patch.heard_by(note)


def _start(thread: threading.Thread) -> None:
    _tell()
    _patch.found["start"](thread)


def _submit(pool: ThreadPoolExecutor, /, *args: Any, **kwargs: Any) -> Any:
    _tell()
    return _patch.found["submit"](pool, *args, **kwargs)


def _tell() -> None:
    note = _patch.listener()
    if note is not None:
        note()


_patch: Patch[Callable[[], None]] = Patch(
    (threading.Thread, "start", _start), (ThreadPoolExecutor, "submit", _submit)
)
