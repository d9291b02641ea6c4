"""Max pooling against average pooling of one map: what each keeps."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.lib.stride_tricks import sliding_window_view

from rfgraph.errors import InputError
from rfgraph.plot.style import DIVERGING, SEQUENTIAL, new_figure, style


def pooling(
    values: Any,  # noqa: ANN401 -- a tensor or an array
    kernel: int = 2,
    stride: int | None = None,
) -> Figure:
    """Return a figure of a map beside its max pooling, its average pooling and their difference.

    Max pooling keeps the strongest response of each window wherever it stood; average pooling
    keeps the window's sum, and washes out what is thin. Windows are not padded; what does not
    fill one is left out.

    Args:
        values: One map, (H, W).
        kernel: Side of the window in map positions.
        stride: Step between windows; `kernel` by default.

    Raises:
        InputError: The map is no plane of finite numbers, or smaller than the window.
    """
    detach = getattr(values, "detach", None)
    plane = np.asarray(detach().cpu().float().numpy() if detach else values, dtype=np.float64)
    step = kernel if stride is None else stride
    if plane.ndim != 2 or not np.isfinite(plane).all():
        raise InputError(f"a map is a plane of finite numbers (H, W); got shape {plane.shape}")
    if kernel < 1 or step < 1 or min(plane.shape) < kernel:
        raise InputError(
            f"a window of {kernel} with stride {step} does not fit a map of shape {plane.shape}"
        )
    windows = sliding_window_view(plane, (kernel, kernel))[::step, ::step]
    largest, mean = windows.max((2, 3)), windows.mean((2, 3))
    signed = plane.min() < 0
    bound = float(np.abs(plane).max()) or 1.0
    colours: dict[str, Any] = {
        "cmap": DIVERGING if signed else SEQUENTIAL,
        "vmin": -bound if signed else 0.0,
        "vmax": bound,
        "interpolation": "nearest",
    }
    figure, panels = new_figure(11.0, 3.2, columns=4)
    titles = (
        f"map, {plane.shape[0]} × {plane.shape[1]}",
        f"max pooling {kernel}/{step}: the strongest",
        f"average pooling {kernel}/{step}: the sum",
    )
    with style():
        drawn = None
        for axes, title, array in zip(panels, titles, (plane, largest, mean), strict=False):
            drawn = axes.imshow(array, **colours)
            axes.set_title(title)
        assert drawn is not None
        figure.colorbar(drawn, ax=panels[:3], shrink=0.8, pad=0.01).set_label("activation")
        lost = panels[3].imshow(largest - mean, cmap="cividis", vmin=0, interpolation="nearest")
        panels[3].set_title("max − average: thin detail")
        figure.colorbar(lost, ax=panels[3], shrink=0.8, pad=0.02).set_label("difference")
        for axes in panels:
            axes.set(xticks=[], yticks=[])
    return figure
