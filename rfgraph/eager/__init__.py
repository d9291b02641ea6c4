"""Runs of the eager model itself, with the tensors of chosen nodes seen as they are made."""

from rfgraph.eager.device import device_of, put
from rfgraph.eager.executing import executing_modules
from rfgraph.eager.indices import as_indices
from rfgraph.eager.observe import UnseenError, check_shape, observe
from rfgraph.eager.place import Place, find_place, has_place, is_returned
from rfgraph.eager.private_copy import private_copy
from rfgraph.eager.recording_tensors import recording_tensors

__all__ = [
    "Place",
    "UnseenError",
    "as_indices",
    "check_shape",
    "device_of",
    "executing_modules",
    "find_place",
    "has_place",
    "is_returned",
    "observe",
    "private_copy",
    "put",
    "recording_tensors",
]
