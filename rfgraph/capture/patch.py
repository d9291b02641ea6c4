"""Methods of other people's classes, replaced while at least one thread listens."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Generic, TypeVar

Listener = TypeVar("Listener")


class Patch(Generic[Listener]):
    """Replacements of methods, shared by all threads, with one listener per thread.

    A replacement asks for the `listener` of its thread, and calls what was `found` where there is
    none: a class has its methods for all threads at once.

    Args:
        methods: Classes, names of their methods, and what stands there meanwhile.
    """

    def __init__(self, *methods: tuple[type, str, Callable[..., Any]]) -> None:
        self.methods = methods
        self.found = {name: getattr(owner, name) for owner, name, _ in methods}
        self._thread = threading.local()
        self._lock = threading.Lock()
        self._listening = 0

    def listener(self) -> Listener | None:
        """Return who listens in this thread."""
        return getattr(self._thread, "listener", None)

    @contextmanager
    def heard_by(self, listener: Listener) -> Iterator[None]:
        """Replace the methods; within, this thread's listener is ``listener``."""
        outer = self.listener()
        with self._lock:
            if self._listening == 0:
                for owner, name, replacement in self.methods:
                    self.found[name] = getattr(owner, name)
                    setattr(owner, name, replacement)
            self._listening += 1
        self._thread.listener = listener
        try:
            yield
        finally:
            self._thread.listener = outer
            with self._lock:
                self._listening -= 1
                if self._listening == 0:
                    for owner, name, _ in self.methods:
                        setattr(owner, name, self.found[name])
