"""Recording: what the modules of a model return, and its gradients, seen through forward hooks."""

from rfgraph.recording.record import record
from rfgraph.recording.recording import Observation, Recording

__all__ = ["Observation", "Recording", "record"]
