"""Which tiles to cut, and which part of each tile's output to keep."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import product
from math import ceil, floor
from typing import TYPE_CHECKING

from rfgraph.errors import TilingError

if TYPE_CHECKING:
    import torch
    from torch import nn


@dataclass(frozen=True, slots=True)
class AxisTiling:
    """How one input axis is cut.

    Attributes:
        axis: The input's tensor axis.
        output_axis: The node's tensor axis that stands for it.
        length: Length of the analysed input along it.
        output_length: Length of the node along it for that input.
        modulus: Lengths of inputs and of tiles are ``remainder`` modulo this; tiles start at its
            multiples.
        remainder: See ``modulus``.
        jump: Input positions per output element.
        crop: Output elements dropped (before, after) at a cut; none at a border of the input.
        tile: Length of a tile in input positions; at least ``length`` if the axis stays whole.
        smallest: The smallest tile that keeps anything.
    """

    axis: int
    output_axis: int
    length: int
    output_length: int
    modulus: int
    remainder: int
    jump: Fraction
    crop: tuple[int, int]
    tile: int
    smallest: int

    @property
    def halo(self) -> tuple[int, int]:
        """Input positions (before, after) that a tile needs beyond those of what it keeps."""
        return ceil(self.crop[0] * self.jump), ceil(self.crop[1] * self.jump)

    @property
    def step(self) -> int:
        """Input positions from one tile's start to the next, a multiple of ``modulus``."""
        kept = self.output_of(self.tile) - sum(self.crop)
        return floor(kept * self.jump / self.modulus) * self.modulus

    @property
    def overlap(self) -> int:
        """Input positions that neighbouring tiles share: halos, and what valid windows need."""
        return self.tile - self.step

    @property
    def is_whole(self) -> bool:
        """Whether the analysed axis is not cut at all."""
        return self.tile >= self.length

    def output_of(self, length: int) -> int:
        """The node's length for an input of a length that the plan accepts."""
        elements = self.output_length + (length - self.length) / self.jump
        assert elements.denominator == 1
        return elements.numerator

    def accepts(self, length: int) -> bool:
        """Whether an input of that length can be cut by this plan."""
        if self.is_whole:
            return length == self.length
        return length % self.modulus == self.remainder

    def cuts(self, length: int) -> list[tuple[slice, slice, slice]]:
        """Per tile: where it lies in the input, what to keep of its output, where that goes."""
        if length <= self.tile:
            whole = slice(0, self.output_of(length))
            return [(slice(0, length), whole, whole)]
        starts = [*range(0, length - self.tile, self.step), length - self.tile]
        offsets = [(start / self.jump).numerator for start in starts]
        begins = [0, *(offset + self.crop[0] for offset in offsets[1:]), self.output_of(length)]
        return [
            (
                slice(start, start + self.tile),
                slice(begin - offset, end - offset),
                slice(begin, end),
            )
            for start, offset, begin, end in zip(
                starts, offsets, begins[:-1], begins[1:], strict=True
            )
        ]


@dataclass(frozen=True, slots=True)
class Tile:
    """One tile: slices over all axes of the input, of its own output, and of the whole output."""

    source: tuple[slice, ...]
    keep: tuple[slice, ...]
    target: tuple[slice, ...]


@dataclass(frozen=True, slots=True)
class TilePlan:
    """How to compute one node tile by tile, exactly.

    Attributes:
        node: Name of the node.
        input: Name of the input that is cut.
        shape: Shape of the analysed input.
        output_shape: Shape of the node for that input.
        axes: One entry per analysed axis.
        place: How the node is taken from a run: an output's name (``"output"``, ``"output.aux"``)
            or a module path.
        batch: The input's batch axis; None if it has none, so that tiles run one by one.
        bytes: Estimated peak of live activations for one tile; see :mod:`rfgraph.tiles.memory`.
    """

    node: str
    input: str
    shape: tuple[int, ...]
    output_shape: tuple[int, ...]
    axes: tuple[AxisTiling, ...]
    place: str
    batch: int | None
    bytes: int

    @property
    def tile_shape(self) -> tuple[int, ...]:
        """Shape of one tile of the analysed input."""
        return self.shape_of_tile(self.shape)

    def shape_of_tile(self, shape: Sequence[int]) -> tuple[int, ...]:
        """Shape of one tile of an input of the given shape."""
        lengths = list(shape)
        for a in self.axes:
            lengths[a.axis] = min(a.tile, shape[a.axis])
        return tuple(lengths)

    def shape_of_output(self, shape: Sequence[int]) -> tuple[int, ...]:
        """Shape of the node for an input (or tile) of the given shape that the plan accepts."""
        lengths = list(self.output_shape)
        for a in self.axes:
            if not a.is_whole:
                lengths[a.output_axis] = a.output_of(shape[a.axis])
        return tuple(lengths)

    def check_shape(self, shape: Sequence[int]) -> None:
        """Refuse an input that the plan does not hold for.

        Raises:
            TilingError: The rank or a length does not fit.
        """
        if len(shape) != len(self.shape):
            raise TilingError(
                f"The plan is for an input of {len(self.shape)} axes; got shape {tuple(shape)}."
            )
        for a in self.axes:
            if not a.accepts(shape[a.axis]):
                wanted = f"{a.length}" if a.is_whole else f"{a.remainder} modulo {a.modulus}"
                raise TilingError(
                    f"The plan is for lengths equal to {wanted} along axis {a.axis}; got "
                    f"{shape[a.axis]}: analyse the model on an input of that length instead."
                )

    def tiles(self, shape: Sequence[int] | None = None) -> Iterator[Tile]:
        """The tiles of an input, row-major; their targets cover the output once.

        Args:
            shape: Shape of the input; the analysed one by default.

        Raises:
            TilingError: The plan does not hold for that shape.
        """
        shape = self.shape if shape is None else shape
        self.check_shape(shape)
        for cut in product(*(a.cuts(shape[a.axis]) for a in self.axes)):
            source = [slice(None)] * len(self.shape)
            keep = [slice(None)] * len(self.output_shape)
            target = [slice(None)] * len(self.output_shape)
            for a, (where, kept, goes) in zip(self.axes, cut, strict=True):
                if not a.is_whole:
                    source[a.axis], keep[a.output_axis], target[a.output_axis] = where, kept, goes
            yield Tile(tuple(source), tuple(keep), tuple(target))

    def run(
        self,
        model: nn.Module,
        image: torch.Tensor,
        *,
        batch_size: int = 1,
        progress: bool = False,
        verify: bool = True,
    ) -> torch.Tensor:
        """The node's value for an image, tile by tile; see :func:`rfgraph.tiles.run.run`."""
        from rfgraph.tiles.run import run  # noqa: PLC0415 -- run imports the plan

        return run(self, model, image, batch_size=batch_size, progress=progress, verify=verify)
