"""The kernels of a first layer, as pictures."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from rfgraph.errors import InputError
from rfgraph.plot.style import DIVERGING, new_figure, style


def kernels(
    weight: Any,  # noqa: ANN401 -- a module, a tensor or an array
    *,
    input_channel: int | None = None,
    limit: int | None = 64,
) -> Figure:
    """Return a figure of convolution kernels: in colour over three input channels, else by sign.

    All kernels share one scale, zero in its middle: grey in colour, white by sign.

    Args:
        weight: A convolution, or its weight (out channels, in channels, rows, columns).
        input_channel: The input channel to show; needed unless there are one or three.
        limit: Most kernels to show, the first; None for all.

    Raises:
        InputError: It is no such weight, or no picture without `input_channel`.
    """
    tensor = getattr(weight, "weight", weight)
    detach = getattr(tensor, "detach", None)
    array = np.asarray(detach().cpu().float().numpy() if detach else tensor)
    if array.dtype.kind not in "uif" or array.ndim != 4 or not array.size:
        raise InputError(
            "kernels are a weight (out channels, in channels, rows, columns); got "
            f"{type(weight).__name__} of shape {array.shape}"
        )
    inputs = array.shape[1]
    if input_channel is not None:
        if not -inputs <= input_channel < inputs:
            raise InputError(f"there is no input channel {input_channel}; the weight has {inputs}")
        array = array[:, [input_channel]]
    elif inputs not in (1, 3):
        raise InputError(
            f"kernels over {inputs} input channels are no pictures; choose one by input_channel="
        )
    if not np.isfinite(array).all():
        raise InputError("the weight has values that are not finite")
    total = len(array)
    array = array[:limit]
    bound = float(np.abs(array).max()) or 1.0
    columns = min(len(array), math.ceil(math.sqrt(len(array) * 1.6)))
    rows = math.ceil(len(array) / columns)
    figure, panels = new_figure(
        max(3.6, 0.7 * columns), 0.72 * rows + 0.8, rows=rows, columns=columns
    )
    with style():
        drawn = None
        for k, axes in enumerate(panels):
            axes.set_axis_off()
            if k >= len(array):
                continue
            if array.shape[1] == 3:
                axes.imshow(0.5 + array[k].transpose(1, 2, 0) / (2 * bound), vmin=0, vmax=1)
            else:
                drawn = axes.imshow(array[k, 0], cmap=DIVERGING, vmin=-bound, vmax=bound)
            axes.set_title(str(k), fontsize=7, pad=1.5)
        if drawn is not None:
            figure.colorbar(drawn, ax=panels, shrink=0.8).set_label("weight")
        which = "" if len(array) == total else f"first {len(array)} of "
        grey = f", grey is 0, full colour ±{bound:.2g}" if array.shape[1] == 3 else ""
        size = f"{array.shape[2]} × {array.shape[3]}"
        figure.suptitle(f"{which}{total} kernels of {size}{grey}", fontsize=9)
    return figure
