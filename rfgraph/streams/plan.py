"""What a stream of samples needs from a model."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING

from rfgraph.analysis import Analysis
from rfgraph.errors import StreamingError
from rfgraph.tiles.margins import Margins

if TYPE_CHECKING:
    import torch
    from torch import nn

    from rfgraph.streams.runner import Stream


@dataclass(frozen=True, slots=True)
class LayerState:
    """What a streaming implementation of one operator keeps between calls.

    Attributes:
        node: The operator that reads through a window.
        source: The tensor that it reads.
        elements: Elements of the source to keep along time: the window's extent less its stride.
        jump: Input samples per element of the source.
    """

    node: str
    source: str
    elements: int
    jump: Fraction

    @property
    def samples(self) -> Fraction:
        """The same in input samples."""
        return self.elements * self.jump


@dataclass(frozen=True)
class StreamPlan:
    """How one node depends on time. All counts are in input samples unless said otherwise.

    Output element o belongs to the samples of its *frame*, ``floor(o j)`` up to but not including
    ``(o + 1) j`` for a jump of j; that is one sample if j is 1.

    Attributes:
        node: Name of the node.
        axis: The input's tensor axis that is time.
        output_axis: The node's tensor axis that is time.
        sample_rate: Input samples per second; None if not given.
        jump: Input samples per output element.
        look_back: Samples before the first of its frame that an element sees, at most; None if
            that grows with time (prefixes, recurrence) throughout the analysed signal.
        look_ahead: Samples after the last of its frame that an element waits for; 0 if causal.
        latency: Samples after the first of its frame until an element can be computed: the
            algorithmic latency, ``look_ahead`` and the rest of the frame.
        breaks_causality: The first operator, in execution order, that looks ahead; None if causal.
        states: What each windowed operator keeps between calls.
        blocker: Why the chunked runner cannot be exact; None if it can.
        margins: The cuts that the runner makes; None if it cannot run.
        analysis: The analysis on the whole signal.
        place: Output name or module path of the node.
    """

    node: str
    axis: int
    output_axis: int
    sample_rate: Fraction | None
    jump: Fraction
    look_back: int | None
    look_ahead: int
    latency: int
    breaks_causality: str | None
    states: tuple[LayerState, ...]
    blocker: str | None
    margins: Margins | None = field(repr=False)
    analysis: Analysis = field(repr=False)
    place: str = field(repr=False)

    @property
    def is_causal(self) -> bool:
        """Whether no element sees samples after its own frame."""
        return self.look_ahead == 0

    @property
    def chunk(self) -> int | None:
        """Chunks of a multiple of this many samples give whole numbers of outputs at once."""
        return None if self.margins is None else self.margins.modulus

    @property
    def warm_up(self) -> int | None:
        """Output elements at the start that see padding instead of samples before the stream."""
        return None if self.margins is None else self.margins.left

    def milliseconds(self, samples: int) -> Fraction | None:
        """That many samples in milliseconds, exact; None without a sample rate."""
        return None if self.sample_rate is None else 1000 * samples / self.sample_rate

    @property
    def latency_ms(self) -> Fraction | None:
        """The algorithmic latency in milliseconds, exact."""
        return self.milliseconds(self.latency)

    def stream(self, model: nn.Module) -> Stream:
        """A runner that takes chunks of any length and hands out what can be known so far.

        Raises:
            StreamingError: The node cannot be computed in chunks; the message says why.
        """
        from rfgraph.streams.runner import Stream  # noqa: PLC0415 -- it imports the plan

        if self.margins is None:
            raise StreamingError(f"{self.blocker}")
        return Stream(self, model)

    def run(self, model: nn.Module, signal: torch.Tensor, chunk: int) -> Iterator[torch.Tensor]:
        """The node's outputs for a signal that arrives in chunks; concatenated they are the whole.

        Args:
            model: The analysed model.
            signal: The whole signal.
            chunk: Samples per chunk; any number, the last chunk may be shorter.

        Raises:
            StreamingError: The node cannot be computed in chunks; the message says why.
        """
        if chunk < 1:
            raise StreamingError(f"chunk= takes a positive number of samples; got {chunk}.")
        stream = self.stream(model)
        length = signal.shape[self.axis]
        for start in range(0, length, chunk):
            out = stream.push(signal.narrow(self.axis, start, min(chunk, length - start)))
            if out is not None:
                yield out
        out = stream.close()
        if out is not None:
            yield out
