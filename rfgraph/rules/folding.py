"""Windows as columns and back: im2col (unfold) and col2im (fold)."""

from __future__ import annotations

from functools import partial
from itertools import product

import numpy as np
import numpy.typing as npt

from rfgraph.geometry.tensor_map import Lookup, Shape
from rfgraph.rules.call import Call, Read, Reads, Rule, shape


def _window_pixels(
    size: Shape, kernel: Shape, call: Call
) -> tuple[npt.NDArray[np.int64], tuple[int, ...]]:
    """Pixel (row-major in ``size``, -1 in the padding) of [kernel element, window]."""
    dilation, padding, stride = call["dilation"], call["padding"], call["stride"]
    lines = []
    for n, k, d, p, s in zip(size, kernel, dilation, padding, stride, strict=True):
        windows = (n + 2 * p - d * (k - 1) - 1) // s + 1
        line = np.arange(windows) * s + np.arange(k)[:, None] * d - p
        lines.append(np.where((line >= 0) & (line < n), line, -1))
    rows, columns = lines
    row, column = rows[:, None, :, None], columns[None, :, None, :]
    pixels = np.where((row >= 0) & (column >= 0), row * size[1] + column, -1)
    counts = (rows.shape[1], columns.shape[1])
    return pixels.reshape(kernel[0] * kernel[1], counts[0] * counts[1]), counts


def im2col(call: Call) -> Reads:
    """(N, C, H, W) to (N, C kh kw, windows): every column element is one pixel."""
    source = call["self"]
    in_shape = shape(source)
    height, width = in_shape[-2:]
    kernel = tuple(call["kernel_size"])

    def build() -> npt.NDArray[np.int64]:
        pixels, _ = _window_pixels((height, width), kernel, call)
        planes = np.arange(int(np.prod(in_shape[:-2])), dtype=np.int64)[:, None, None]
        found = np.where(pixels >= 0, planes * height * width + pixels, -1)
        return found.reshape(call.out)

    return [Read(source, Lookup(in_shape, build))]


def col2im(call: Call) -> Reads:
    """(N, C kh kw, windows) to (N, C, H, W): one read for each element of the kernel."""
    source = call["self"]
    in_shape, out_shape = shape(source), call.out
    kernel = tuple(call["kernel_size"])
    elements = kernel[0] * kernel[1]

    def build(element: int) -> npt.NDArray[np.int64]:
        """The windows' columns under one element of the kernel."""
        pixels, _ = _window_pixels(out_shape[-2:], kernel, call)
        windows = pixels.shape[1]
        place = np.full(out_shape[-2] * out_shape[-1], -1, np.int64)
        inside = pixels[element] >= 0
        place[pixels[element][inside]] = np.flatnonzero(inside)
        planes = np.arange(int(np.prod(out_shape[:-2])), dtype=np.int64)[:, None]
        found = np.where(place >= 0, (planes * elements + element) * windows + place, -1)
        return found.reshape(out_shape)

    return [
        Read(source, Lookup(in_shape, partial(build, i * kernel[1] + j)))
        for i, j in product(range(kernel[0]), range(kernel[1]))
    ]


RULES: dict[str, Rule] = {"aten.im2col": im2col, "aten.col2im": col2im}
