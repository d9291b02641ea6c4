"""Inference in tiles that equals inference on the whole input."""

from rfgraph.tiles.plan import AxisTiling, Tile, TilePlan
from rfgraph.tiles.tiling import tiling

__all__ = ["AxisTiling", "Tile", "TilePlan", "tiling"]
