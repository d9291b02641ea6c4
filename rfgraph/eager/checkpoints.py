"""Runs what a model puts into checkpoints as if there were none.

A checkpoint forgets what its function computed and runs it again in the backward pass: outside of
the modes and hooks of the run, once per backward pass, and not at all for gradients of chosen
tensors.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any, cast

from torch.utils import checkpoint

from rfgraph.capture.patch import Patch


def without_checkpoints() -> AbstractContextManager[None]:
    """Return a context in which this thread's checkpoints call their function and no more."""
    return _patch.heard_by(True)


class _Reentrant:
    """Stands for the autograd function of one kind of checkpoint."""

    @staticmethod
    def apply(function: Callable[..., Any], preserve: bool, *args: Any) -> Any:  # noqa: ANN401, FBT001 -- torch's
        """Return what the function returns."""
        if _patch.listener():
            return function(*args)
        return _patch.found["CheckpointFunction"].apply(function, preserve, *args)


def _before_and_after(name: str) -> Callable[..., Iterator[None]]:
    """Return what stands for the generator that runs around the other kind's function."""

    def around(*args: Any, **kwargs: Any) -> Iterator[None]:  # noqa: ANN401 -- torch's
        if _patch.listener():
            yield
        else:
            yield from _patch.found[name](*args, **kwargs)

    return around


_GENERATORS = (
    "_checkpoint_without_reentrant_generator",
    "_checkpoint_without_reentrant_generator_impl",
)
_MODULE = cast("type", checkpoint)  # its functions are replaced as the methods of a class are

_patch: Patch[bool] = Patch(
    (_MODULE, "CheckpointFunction", _Reentrant),
    *((_MODULE, name, _before_and_after(name)) for name in _GENERATORS if hasattr(_MODULE, name)),
)
