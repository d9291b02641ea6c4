"""Where features lie in the input: strides, offsets, shifts between branches."""

from rfgraph.coordinates.alignment import Alignment, alignment
from rfgraph.coordinates.level import AxisGrid, Level
from rfgraph.coordinates.shift import Shift

__all__ = ["Alignment", "AxisGrid", "Level", "Shift", "alignment"]
