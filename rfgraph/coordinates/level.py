"""The grid on which the elements of one node lie, in input positions.

Positions are those of pixel *centres*: the centre of pixel i is i. In the coordinates of boxes,
where pixel i covers i to i + 1, everything lies 1/2 further.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

_HALF = Fraction(1, 2)


@dataclass(frozen=True, slots=True)
class AxisGrid:
    """The centres of the fields of a node's elements along one axis, exact.

    Attributes:
        axis: The input's tensor axis.
        stride: Input positions per element (the jump).
        offset: Centre of element 0, averaged over the phases: the regular grid is
            ``offset + stride * o``.
        phases: How far the field's centre lies from that grid, per phase; ``(0,)`` where every
            element's field is centred on the grid.
    """

    axis: int
    stride: Fraction
    offset: Fraction
    phases: tuple[Fraction, ...]

    def to_input(self, index: Fraction | int) -> Fraction:
        """The input position on which the grid puts an element; fractional indices interpolate."""
        return self.offset + self.stride * index

    def to_feature(self, position: Fraction | int) -> Fraction:
        """The element, fractional, that the grid puts on an input position."""
        return (position - self.offset) / self.stride

    def center_of(self, index: int) -> Fraction:
        """The centre of the field of one element, its phase included."""
        return self.to_input(index) + self.phases[index % len(self.phases)]

    @property
    def box_offset(self) -> Fraction:
        """The offset in box coordinates, where pixel i covers i to i + 1."""
        return self.offset + _HALF

    @property
    def shift_from_edges(self) -> Fraction:
        """Offset less that of the grid whose cells tile the input (``align_corners=False``).

        That grid puts element o on ``stride * (o + 1/2) - 1/2``.
        """
        return self.offset - (self.stride - 1) / 2

    @property
    def shift_from_corner(self) -> Fraction:
        """Offset less that of the grid that puts element 0 on pixel 0 (``align_corners=True``)."""
        return self.offset


@dataclass(frozen=True, slots=True)
class Level:
    """The grid of one node, axis by axis.

    Attributes:
        node: Name of the node.
        shape: Its shape.
        axes: One grid per analysed axis of the input.
    """

    node: str
    shape: tuple[int, ...]
    axes: tuple[AxisGrid, ...]

    @property
    def stride(self) -> tuple[Fraction, ...]:
        """Input positions per element, per axis."""
        return tuple(grid.stride for grid in self.axes)

    @property
    def offset(self) -> tuple[Fraction, ...]:
        """Centre of element 0, per axis."""
        return tuple(grid.offset for grid in self.axes)

    @property
    def box_offset(self) -> tuple[Fraction, ...]:
        """As ``offset``, in box coordinates: an anchor there is centred on the field."""
        return tuple(grid.box_offset for grid in self.axes)
