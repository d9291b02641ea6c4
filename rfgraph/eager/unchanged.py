"""Puts back what a run of the model leaves behind in it: caches, counters, written buffers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from torch import Tensor, nn

from rfgraph.capture.caches import forgetting
from rfgraph.capture.preserve import Snapshot


@contextmanager
def unchanged(model: nn.Module) -> Iterator[None]:
    """Let every run start from the state in which the analysis found the model.

    A forward that fills a cache calls other functions the second time, and a counter makes each run
    another model. A buffer that was written is replaced, not written back: the gradients of the run
    may need what it holds.
    """
    snapshot = Snapshot(list(model.modules()))
    copies: dict[int, Tensor] = {}
    kept: list[tuple[dict[str, Any], str, Tensor, int]] = []
    for module in model.modules():
        for mapping in (module._buffers, module.__dict__):  # noqa: SLF001 - `buffers` lists copies
            for name, value in mapping.items():
                # Inference tensors are written nowhere but in inference mode.
                if isinstance(value, Tensor) and not value.is_inference():
                    if id(value) not in copies:
                        copies[id(value)] = value.detach().clone()
                    kept.append((mapping, name, value, _writes(value)))
    try:
        with forgetting(list(model.modules())):
            yield
    finally:
        snapshot.restore()
        for mapping, name, value, version in kept:
            if _writes(value) != version:
                mapping[name] = copies[id(value)]


def _writes(tensor: Tensor) -> int:
    """How often the tensor was written to in place."""
    return tensor._version  # noqa: SLF001 - autograd's own count, and the only one
