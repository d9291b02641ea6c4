"""How much memory the activations of one tile take."""

from __future__ import annotations

from collections.abc import Mapping

from rfgraph.analysis import Analysis
from rfgraph.geometry.tensor_map import Shape


def peak_bytes(analysis: Analysis) -> int:
    """The largest sum of bytes of tensors that are alive at the same time in one forward pass.

    A tensor lives from the operator that makes it to the last one that reads it; views count as
    tensors of their own. Parameters, temporary buffers of kernels and the allocator's rounding are
    not counted, so this is an estimate, proportional to the area of the input.
    """
    order = {name: place for place, name in enumerate(analysis.graph.nodes)}
    gone: dict[int, int] = {}
    alive = peak = 0
    for name, place in order.items():
        size = _bytes(analysis, name)
        last = max((order[n] for n in analysis.graph.succ[name]), default=len(order))
        gone[last] = gone.get(last, 0) + size
        alive += size
        peak = max(peak, alive)
        alive -= gone.get(place, 0)
    return peak


def _bytes(analysis: Analysis, name: str) -> int:
    spec = analysis[name].fx.meta["spec"]
    count: int = spec.dtype.itemsize
    for n in spec.shape:
        count *= n
    return count


def scaled(peak: int, shape: Shape, lengths: Mapping[int, int]) -> int:
    """The peak for an input whose axes are cut to the given lengths."""
    for axis, length in lengths.items():
        peak = -(-peak * min(length, shape[axis]) // shape[axis])
    return peak
