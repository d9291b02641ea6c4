"""Fourier transforms and complex numbers."""

from __future__ import annotations

from rfgraph.geometry.axis_map import SAME
from rfgraph.geometry.tensor_map import WHOLE, Axes, AxisRead
from rfgraph.rules.axes import mixing, normal_axes
from rfgraph.rules.call import Call, Read, Reads, Rule, shape


def transform(call: Call) -> Reads:
    """Every frequency reads the whole of each transformed axis; half spectra are no exception."""
    source = call["self"]
    rank = len(shape(source))
    axes = normal_axes(call["dim"], rank) if call["dim"] else ()
    return [Read(source, mixing(rank, axes))]


def components(call: Call) -> Reads:
    """A new last axis holds the real and the imaginary part; both read the complex element."""
    source = call["self"]
    return [Read(source, Axes(tuple(AxisRead(k, SAME) for k in range(len(shape(source))))))]


def composed(call: Call) -> Reads:
    """The last axis, of length two, becomes one complex element."""
    source = call["self"]
    rank = len(shape(source))
    reads = [*(AxisRead(k, SAME) for k in range(rank - 1)), AxisRead(None, WHOLE)]
    return [Read(source, Axes(tuple(reads)))]


RULES: dict[str, Rule] = {
    "aten._fft_r2c": transform,
    "aten._fft_c2c": transform,
    "aten._fft_c2r": transform,
    "aten.view_as_real": components,
    "aten.view_as_complex": composed,
}
