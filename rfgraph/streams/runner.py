"""The reference runner: chunks in, the same outputs as offline out."""

from __future__ import annotations

from math import ceil, floor

import torch
from torch import nn

from rfgraph.errors import StreamingError, TilingError
from rfgraph.streams.plan import StreamPlan
from rfgraph.tiles.run import analyze_like, evaluating, value_of
from rfgraph.tiles.verify import verify_lengths


class Stream:
    """A signal on its way through a model.

    It keeps the samples that later outputs need, runs the unchanged model on them, and hands out
    the elements that no sample to come can change. It computes some elements again with every
    chunk: a reference for what a stateful implementation must give, not a fast one.
    """

    def __init__(self, plan: StreamPlan, model: nn.Module) -> None:
        assert plan.margins is not None
        self._plan, self._model, self._cuts = plan, model, plan.margins
        whole = plan.analysis[plan.node]
        info = next(iter(plan.analysis.inputs.values()))
        self._length, self._out_length = info.shape[plan.axis], whole.shape[plan.output_axis]
        self._place = info.axes.index(plan.axis)
        self._axes = info.axes
        self._held: torch.Tensor | None = None
        self._base = 0  # the first held sample, a multiple of the modulus
        self._emitted = 0
        self._verified = False
        self._closed = False

    def push(self, chunk: torch.Tensor) -> torch.Tensor | None:
        """Take samples; return the outputs that are certain now, None if there are none yet.

        Args:
            chunk: Samples along the time axis, at least one; other axes as analysed.

        Raises:
            StreamingError: The stream is closed, or the model looks at the signal's length.
        """
        if self._closed:
            raise StreamingError("The stream is closed; start another with plan.stream(model).")
        axis = self._plan.axis
        self._held = chunk if self._held is None else torch.cat([self._held, chunk], axis)
        held = self._held.shape[axis]
        length = held - (held - self._length) % self._cuts.modulus
        elements = self._elements(length)
        ready = self._offset + elements - self._cuts.right
        if ready <= self._emitted or length < self._cuts.shortest:
            return None
        value = self._run(self._held.narrow(axis, 0, length), in_step=True)
        if value.shape[self._plan.output_axis] != elements:
            raise StreamingError(
                f"{length} samples gave {value.shape[self._plan.output_axis]} outputs of "
                f"{self._plan.node} instead of {elements}: the model looks at the length."
            )
        out = self._cut(value, ready)
        self._drop()
        return out

    def close(self) -> torch.Tensor | None:
        """End the signal: return the remaining outputs, which see its true end; None if none."""
        if self._closed:
            raise StreamingError("The stream is closed already.")
        self._closed = True
        if self._held is None:
            return None
        value = self._run(self._held, in_step=False)
        out = self._cut(value, self._offset + value.shape[self._plan.output_axis])
        return out if out.numel() else None

    @property
    def _offset(self) -> int:
        """The output element that the first held sample's frame begins with."""
        place = self._base / self._plan.jump
        assert place.denominator == 1
        return place.numerator

    def _elements(self, length: int) -> int:
        elements = self._out_length + (length - self._length) / self._plan.jump
        assert elements.denominator == 1
        return elements.numerator

    @property
    def _needed(self) -> int:
        """Samples from which the model gives an element that is right on both sides."""
        wanted = 1 + self._cuts.left + self._cuts.right - self._out_length
        return max(self._length + ceil(wanted * self._plan.jump), self._cuts.shortest)

    def _run(self, samples: torch.Tensor, *, in_step: bool) -> torch.Tensor:
        plan = self._plan
        if not self._verified or not in_step:
            window = analyze_like(self._model, samples.shape, samples, self._axes)
            try:
                verify_lengths(plan.node, [self._place], plan.analysis, window, in_step=in_step)
            except TilingError as error:
                raise StreamingError(str(error).replace("tile", "chunk")) from None
            self._verified = True
        with evaluating(self._model), torch.inference_mode():
            return value_of(self._model, samples, plan.place)

    def _cut(self, value: torch.Tensor, until: int) -> torch.Tensor:
        first = self._emitted - self._offset
        out = value.narrow(self._plan.output_axis, first, max(until - self._emitted, 0))
        self._emitted = max(until, self._emitted)
        return out

    def _drop(self) -> None:
        """Forget the samples that no later output needs."""
        assert self._held is not None
        turns = floor((self._emitted - self._cuts.left) * self._plan.jump / self._cuts.modulus)
        base = max(turns * self._cuts.modulus, self._base)
        # The last window must be long enough for the model to run, however few samples are new.
        end = self._base + self._held.shape[self._plan.axis]
        base = min(base, (end - self._needed) // self._cuts.modulus * self._cuts.modulus)
        base = max(base, self._base)
        gone = base - self._base
        self._held = self._held.narrow(
            self._plan.axis, gone, self._held.shape[self._plan.axis] - gone
        )
        self._base = base
