"""Capture: run the user's model once, without data, and return its ATen operator graph."""

from rfgraph.capture.inputs import make_inputs
from rfgraph.capture.record import record
from rfgraph.capture.recording import Recording, TensorSpec
from rfgraph.capture.values import evaluate

__all__ = ["Recording", "TensorSpec", "evaluate", "make_inputs", "record"]
