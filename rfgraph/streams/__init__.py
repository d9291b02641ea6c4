"""Latency, look-ahead and state of a model that runs on a stream, and a runner that proves them."""

from rfgraph.streams.plan import LayerState, StreamPlan
from rfgraph.streams.runner import Stream
from rfgraph.streams.streaming import streaming

__all__ = ["LayerState", "Stream", "StreamPlan", "streaming"]
