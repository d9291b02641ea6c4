"""Analyses that are made once, however many tests ask for them."""

from __future__ import annotations

from collections.abc import Hashable
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

if TYPE_CHECKING:
    from rfgraph.analysis import Analysis


class AnalysisCache:
    """The analyses of models, by model and by what they were called with.

    A model that was changed since is analysed again, as far as its ``repr`` tells: every stride,
    dilation and padding does, an attribute that only ``forward`` looks at does not.
    """

    def __init__(self) -> None:
        self._made: WeakKeyDictionary[Any, dict[Hashable, Analysis]] = WeakKeyDictionary()

    def analyze(self, model: Any, inputs: Any = None, **options: Any) -> Analysis:
        """Return what :func:`rfgraph.analyze` returns, made now or before."""
        # Imported when a test asks, so that loading the plugin imports no torch.
        from rfgraph.analysis import analyze  # noqa: PLC0415

        key = (repr(model), getattr(model, "training", None), _spelling((inputs, options)))
        try:
            made = self._made.setdefault(model, {})
        except TypeError:  # a callable that cannot be referred to weakly
            return analyze(model, inputs, **options)
        if key not in made:
            made[key] = analyze(model, inputs, **options)
        return made[key]


def _spelling(value: Any) -> str:
    """Return a text that is the same for equal shapes, and tells tensors apart by identity."""
    if isinstance(value, dict):
        return "{%s}" % ", ".join(f"{key}: {_spelling(item)}" for key, item in value.items())  # noqa: UP031 -- braces
    if isinstance(value, list | tuple):
        return f"({', '.join(map(_spelling, value))})"
    if hasattr(value, "dtype") and hasattr(value, "shape"):
        return f"{tuple(value.shape)} {value.dtype} at {id(value)}"
    return repr(value)
