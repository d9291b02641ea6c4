"""The receptive field of a node, axis by axis."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from rfgraph.geometry.index_set import union_all
from rfgraph.geometry.periodic import Finite
from rfgraph.propagation.field import AxisField

Number = int | Fraction


@dataclass(frozen=True)
class Field:
    """The receptive field of a node with respect to one input, axis by axis, in input positions.

    All tuples are in order of the input's analysed axes. Numbers describe interior elements,
    unclipped (padding counts as virtual input), over local paths; they are None on an axis without
    a local path. What global paths add is told apart by ``is_global`` and ``global_origins``.

    Attributes:
        axes: The field along each analysed axis.
        batch: The field along the batch axis; None if the input has none.
    """

    axes: tuple[AxisField, ...]
    batch: AxisField | None

    def __repr__(self) -> str:
        # What the axes hold would fill pages where the pattern has many phases.
        size, jump, start = _listed(self.size), _listed(self.jump), _listed(self.start)
        return f"Field(size={size}, jump={jump}, start={start}, is_global={self.is_global})"

    @property
    def size(self) -> tuple[int | None, ...]:
        """Extent of an interior element's field, first to last inclusive (the literature's r)."""
        return tuple([axis.size for axis in self.axes])

    @property
    def size_min(self) -> tuple[int | None, ...]:
        """The extent of the smallest phase; equals ``size`` for ordinary CNNs."""
        return tuple(axis.size_min for axis in self.axes)

    @property
    def size_max(self) -> tuple[int | None, ...]:
        """The largest extent at any position; differs from ``size`` where borders wrap or join."""
        return tuple(self._largest(axis) for axis in self.axes)

    def _largest(self, axis: AxisField) -> int | None:
        """The largest extent of one axis; what samples see is joined, as a position sees it."""
        batch = self.batch
        by_sample = batch is not None and axis.along is not None and axis.along == batch.along
        # A batch that holds windows too is an axis that positions index.
        if (
            not by_sample
            or batch is None
            or batch.period != 1
            or not isinstance(axis.local, Finite)
        ):
            return axis.size_max
        seen = union_all(axis.local.sets)
        return seen.extent if seen else None

    @property
    def jump(self) -> tuple[Number | None, ...]:
        """Input positions per step of the output index (effective stride, j)."""
        return tuple(axis.jump for axis in self.axes)

    @property
    def start(self) -> tuple[int | None, ...]:
        """First input position of output element 0: minus the effective padding."""
        return tuple(axis.start for axis in self.axes)

    @property
    def center(self) -> tuple[Number | None, ...]:
        """``start + (size - 1) / 2``; the centre of pixel i is i."""
        return tuple(axis.center for axis in self.axes)

    @property
    def period(self) -> tuple[int | None, ...]:
        """Phases after which the pattern repeats; 1 for ordinary CNNs."""
        return tuple(axis.period for axis in self.axes)

    @property
    def support(self) -> tuple[int | None, ...]:
        """Positions really read inside the hull; fewer than ``size`` means holes."""
        return tuple(axis.support for axis in self.axes)

    @property
    def local(self) -> Field | None:
        """The field over local paths alone; None if no axis has a local path."""
        if all(axis.local is None for axis in self.axes):
            return None
        axes = tuple(
            AxisField(axis.length, axis.local, (), axis.along, axis.resolved) for axis in self.axes
        )
        return Field(axes, self.batch)

    @property
    def is_global(self) -> bool:
        """Whether some path mixes a whole analysed axis."""
        return any(axis.is_global for axis in self.axes)

    @property
    def global_axes(self) -> tuple[bool, ...]:
        """Which axes some path mixes as a whole."""
        return tuple(axis.is_global for axis in self.axes)

    @property
    def global_origins(self) -> tuple[str, ...]:
        """Names of the first nodes that made an axis global."""
        return tuple(dict.fromkeys(o for axis in self.axes for o in axis.origins))

    @property
    def covers_input(self) -> tuple[bool, ...]:
        """Whether an interior element's local hull is at least as long as the axis."""
        return tuple(axis.covers_input for axis in self.axes)

    @property
    def reaches(self) -> bool:
        """Whether the node depends on the input at all."""
        return any(axis.reaches for axis in (*self.axes, *((self.batch,) if self.batch else ())))

    @property
    def mixes_batch(self) -> bool:
        """Whether an element can depend on other samples than its own.

        Structural only for a batch of 2 or more; a batch of 1 has nothing to mix.
        """
        if self.batch is None:
            return False
        return self.batch.is_global or (self.batch.size_max or 0) > 1 or self.batch.moves

    @property
    def resolved(self) -> bool:
        """Whether the numbers describe every local path exactly, not only their hull."""
        return all(axis.resolved for axis in self.axes)


def _listed(values: tuple[Number | None, ...]) -> str:
    return f"({', '.join(map(str, values))}{',' if len(values) == 1 else ''})"
