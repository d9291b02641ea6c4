"""A recording: hooks while it is entered, and what they saw."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from rfgraph.errors import InputError, NodeNotFoundError
from rfgraph.recording.copies import Value, keep, map_tensors, tensors
from rfgraph.recording.hooks import after_forward, before_forward

if TYPE_CHECKING:
    from typing_extensions import Self


@dataclass(frozen=True, slots=True)
class Observation:
    """One output, or its gradient, as it is handed to a stream.

    Attributes:
        name: Module path; `path_1` for its second call in a pass, as nodes are named.
        run: Passes of the model before this one, counted from the start of the recording.
        value: A tensor, or the tuple, list or dictionary of tensors that the module returned.
        is_gradient: Whether it is the gradient with respect to that output.
    """

    name: str
    run: int
    value: Value
    is_gradient: bool = False


class Recording(Mapping[str, Value]):
    """What modules returned while the recording was entered: a mapping of the latest pass.

    Made by :func:`rfgraph.record`. Keys are module paths in the order of execution, `path_1` for
    a second call. Earlier passes are in :meth:`runs`, gradients in :attr:`gradients`.
    """

    def __init__(
        self,
        model: nn.Module,
        modules: Mapping[str, nn.Module],
        *,
        grad: bool,
        device: torch.device | str | None,
        reduce: Callable[[Tensor], object] | None,
        stream: Callable[[Observation], object] | None,
    ) -> None:
        self._model = model
        self._modules = modules
        self._grad = grad
        self._device = device
        self._reduce = reduce
        self._stream = stream
        self._open: ExitStack | None = None
        # Replicas of a model on several devices run in threads.
        self._lock = threading.Lock()
        self._run = 0
        self._ran = False
        self._calls: dict[str, int] = {}
        self._outputs: list[dict[str, Value]] = [{}]
        self._gradients: list[dict[str, Value]] = [{}]

    def __repr__(self) -> str:
        state = "watching" if self._open else "recorded"
        return f"Recording({state} {len(self._modules)} modules, {len(self)} outputs)"

    def __enter__(self) -> Self:
        """Put the hooks in place.

        Raises:
            InputError: The recording is entered already.
        """
        if self._open is not None:
            raise InputError("This recording is entered already; make another with rfgraph.record.")
        with ExitStack() as hooks:
            hooks.callback(before_forward(self._model, self._begin).remove)
            for path, module in self._modules.items():
                hooks.callback(after_forward(module, self._watch(path)).remove)
            self._open = hooks.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Take every hook away, whatever happened."""
        hooks, self._open = self._open, None
        if hooks is not None:
            hooks.close()

    def __getitem__(self, name: str) -> Value:
        """Return what the module returned in the latest pass.

        Raises:
            NodeNotFoundError: It was not watched, or has not run.
        """
        return self._found(self._outputs[-1], name, "output")

    def __iter__(self) -> Iterator[str]:
        return iter(self._outputs[-1])

    def __len__(self) -> int:
        return len(self._outputs[-1])

    def runs(self, name: str) -> tuple[Value, ...]:
        """Return what the module returned in each pass in which it ran, oldest first.

        Raises:
            NodeNotFoundError: It was not watched, or has not run.
        """
        found = tuple(run[name] for run in self._outputs if name in run)
        return found or (self._found({}, name, "output"),)

    @property
    def gradients(self) -> Mapping[str, Value]:
        """The gradients with respect to the outputs of the latest pass, in their structure.

        Sums over backward passes; None for an output that none reached.
        """
        return self._gradients[-1]

    def gradient(self, name: str) -> Value:
        """Return the gradient with respect to what the module returned in the latest pass.

        Raises:
            NodeNotFoundError: No gradient has reached it while the recording was entered.
        """
        return self._found(self._gradients[-1], name, "gradient")

    def _found(self, values: Mapping[str, Value], name: str, what: str) -> Value:
        if name in values:
            return values[name]
        if re.sub(r"_\d+$", "", str(name)) not in self._modules and name not in self._modules:
            known = ", ".join(list(self._modules)[:8])
            more = ", …" if len(self._modules) > 8 else ""
            raise NodeNotFoundError(f"{name!r} was not watched; watched are {known}{more}.")
        if what == "gradient":
            why = "call backward inside the recording" if self._grad else "record it with grad=True"
        elif self._stream is not None:
            why = "it went to the stream"
        else:
            why = "it has not run, or something ran its parameters without calling it"
        raise NodeNotFoundError(f"There is no {what} of {name!r}: {why}.")

    def _begin(self) -> None:
        """Start the next pass, if the one before has left anything."""
        with self._lock:
            if self._ran:
                self._run += 1
                if self._stream is None:
                    self._outputs.append({})
                    self._gradients.append({})
            self._ran = True
            self._calls = {}

    def _watch(self, path: str) -> Callable[[Value], None]:
        def see(output: Value) -> None:
            with self._lock:
                run, call = self._run, self._calls.get(path, 0)
                self._calls[path] = call + 1
            name = f"{path}_{call}" if call else path
            if self._grad:
                self._watch_gradient(name, run, output)
            value = map_tensors(output, self._keep)
            if self._stream is not None:
                self._stream(Observation(name, run, value))
            else:
                self._outputs[run][name] = value

        return see

    def _keep(self, tensor: Tensor) -> object:
        return keep(tensor, self._device, self._reduce)

    def _watch_gradient(self, name: str, run: int, output: Value) -> None:
        """Hook the tensors of an output: module hooks would forbid in-place work on them."""
        sums: list[Tensor | None] = [None for _ in tensors(output)]

        def see(place: int, gradient: Tensor) -> None:
            before = sums[place]
            sums[place] = gradient.detach() if before is None else before + gradient.detach()
            turn = iter(sums)

            def kept(_tensor: Tensor) -> object:
                total = next(turn)
                return None if total is None else self._keep(total)

            value = map_tensors(layout, kept)
            if self._stream is not None:
                self._stream(Observation(name, run, value, is_gradient=True))
            else:
                self._gradients[run][name] = value

        # The structure alone: the output itself would hold on to the graph.
        layout = map_tensors(output, lambda _tensor: torch.empty(0))
        for place, tensor in enumerate(tensors(output)):
            if tensor.requires_grad and self._open is not None:

                def own(gradient: Tensor, place: int = place) -> None:
                    see(place, gradient)

                handle = tensor.register_hook(own)  # type: ignore[no-untyped-call]
                self._open.callback(handle.remove)
