"""Questions about sequences of tokens: whether padding leaks into real ones."""

from rfgraph.sequences.padding import PaddingLeak, padding_leak

__all__ = ["PaddingLeak", "padding_leak"]
