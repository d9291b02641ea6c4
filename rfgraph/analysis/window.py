"""The window that a convolution or a pooling moves over its input, as it was called."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rfgraph.rules.call import per_axis

if TYPE_CHECKING:
    from torch import fx

    from rfgraph.geometry.tensor_map import Shape


@dataclass(frozen=True, slots=True)
class Window:
    """The settings of a sliding window, one entry per spatial axis, the last axes of its tensor.

    Attributes:
        kernel: Taps.
        stride: Positions between two windows; of a transposed convolution, between two inputs.
        padding: Virtual positions before the first; of a transposed convolution, outputs cut off.
        dilation: Positions between two taps.
        transposed: Whether it is a transposed convolution.
    """

    kernel: tuple[int, ...]
    stride: tuple[int, ...]
    padding: tuple[int, ...]
    dilation: tuple[int, ...]
    transposed: bool = False

    @property
    def extent(self) -> tuple[int, ...]:
        """Positions from the first tap to the last, inclusive."""
        return tuple((k - 1) * d + 1 for k, d in zip(self.kernel, self.dilation, strict=True))


def window_of(node: fx.Node) -> Window | None:
    """The window of a recorded convolution or pooling; None for every other operator.

    Adaptive pooling has no window: its extent differs from element to element.
    """
    schema = getattr(node.target, "_schema", None)
    if schema is None:
        return None
    given: dict[str, Any] = {
        argument.name: argument.default_value if argument.has_default_value() else None
        for argument in schema.arguments
    }
    given.update(zip(given, node.args, strict=False))
    given.update(node.kwargs)
    if "weight" in given and "dilation" in given:
        kernel: Shape = given["weight"].meta["spec"].shape[2:]
    elif {"kernel_size", "stride"} <= set(given) and "pool" in schema.name:
        size = given["kernel_size"]
        kernel = tuple(per_axis(size, _pooled_axes(schema.name)))
    else:
        return None
    axes = len(kernel)
    return Window(
        kernel,
        tuple(per_axis(given["stride"] or kernel, axes)),
        tuple(per_axis(given["padding"], axes)),
        tuple(per_axis(given.get("dilation", 1), axes)),
        bool(given.get("transposed", False)),
    )


def _pooled_axes(name: str) -> int:
    """The number in an operator's name such as `aten::max_pool2d_with_indices`."""
    return int(name[name.index("pool") + len("pool")])
