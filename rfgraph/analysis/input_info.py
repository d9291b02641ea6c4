"""Which axes of an input are analysed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from torch import fx

from rfgraph.errors import InputError
from rfgraph.geometry.tensor_map import Shape


@dataclass(frozen=True, slots=True)
class InputInfo:
    """One tensor input of the model.

    Attributes:
        name: The forward parameter, with the path inside it for nested inputs (``"batch.image"``).
        shape: Its shape.
        dtype: Its type without the ``torch.`` prefix.
        axes: Analysed tensor axes, ascending.
        batch: The batch axis, followed to find samples that mix; None if there is none.
    """

    name: str
    shape: Shape
    dtype: str
    axes: tuple[int, ...]
    batch: int | None

    @property
    def lengths(self) -> Shape:
        """Lengths of the analysed axes."""
        return tuple(self.shape[axis] for axis in self.axes)


def describe_input(
    name: str,
    node: fx.Node,
    axes: int | Sequence[int] | Mapping[str, Sequence[int]] | None,
    layout: str | Mapping[str, str] | None,
) -> InputInfo:
    """The recorded input with its analysed axes.

    Args:
        name: The input's name.
        node: Its placeholder.
        axes: The wanted axes, for every input or by name; None for the default.
        layout: A letter per axis instead, for every input or by name.

    Raises:
        InputError: The axes or the layout do not fit the input.
    """
    if axes is not None and layout is not None:
        raise InputError("Give either axes or a layout, not both; a layout names the axes too.")
    _check_layout(layout)
    if isinstance(axes, int):
        axes = (axes,)
    spec = node.meta["spec"]
    rank = len(spec.shape)
    wanted = axes.get(name) if isinstance(axes, Mapping) else axes
    letters = layout.get(name) if isinstance(layout, Mapping) else layout
    dtype = str(spec.dtype).removeprefix("torch.")
    if letters is not None:
        if len(letters) != rank or len(set(letters.upper())) != rank:
            message = (
                f"Layout {letters!r} does not fit input {name} of shape {spec.shape}; give one "
                "distinct letter per axis, N for the batch and C for channels."
            )
            raise InputError(message)
        upper = letters.upper()
        chosen = tuple(k for k, letter in enumerate(upper) if letter not in "NC")
        return InputInfo(name, spec.shape, dtype, chosen, upper.find("N") if "N" in upper else None)
    if wanted is None:
        default = tuple(range(2, rank)) if rank > 2 else tuple(range(max(rank - 1, 0), rank))
        return InputInfo(name, spec.shape, dtype, default, 0 if rank > 1 else None)
    if any(not -rank <= axis < rank for axis in wanted) or not wanted:
        message = (
            f"Axes {tuple(wanted)} do not fit input {name} of shape {spec.shape}; "
            f"they must lie in 0 … {rank - 1}."
        )
        raise InputError(message)
    chosen = tuple(sorted({axis % rank for axis in wanted}))
    return InputInfo(name, spec.shape, dtype, chosen, 0 if 0 not in chosen else None)


def _check_layout(layout: object) -> None:
    if not isinstance(layout, (str, Mapping, type(None))):
        raise InputError(f"Layout {layout!r} is no string such as 'NHWC'; give a letter per axis.")
