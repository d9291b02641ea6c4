"""Patches: the parts of pictures that excite a channel most, cut by its exact fields."""

from rfgraph.patches.patch import Patch
from rfgraph.patches.top import top_patches

__all__ = ["Patch", "top_patches"]
