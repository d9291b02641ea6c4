"""Runs of the eager model itself, with the tensors of chosen nodes seen as they are made."""

from rfgraph.eager.observe import UnseenError, observe
from rfgraph.eager.place import Place, find_place, has_place
from rfgraph.eager.private_copy import private_copy

__all__ = ["Place", "UnseenError", "find_place", "has_place", "observe", "private_copy"]
