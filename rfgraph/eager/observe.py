"""Sees tensors at the moment a run of the model returns them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import ExitStack
from typing import Any

from torch import Tensor, nn
from torch._C import DisableTorchFunction
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import _disable_current_modes

from rfgraph.analysis import Node
from rfgraph.capture.names import function_name
from rfgraph.capture.outputs import first_tensor, named_tensors, unwrapped
from rfgraph.capture.preserve import uncompiled
from rfgraph.eager.checkpoints import without_checkpoints
from rfgraph.eager.executing import executing_modules
from rfgraph.eager.place import Place
from rfgraph.eager.unchanged import unchanged
from rfgraph.errors import RfgraphError


class UnseenError(RfgraphError):
    """A module that was to be seen and was not called, or returned no tensor."""


class _AllSeen(BaseException):
    """Not an `Exception`, which a model's own handlers could stop."""


def observe(
    model: nn.Module,
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    visits: Mapping[Place, Callable[[Tensor], None]],
) -> None:
    """Run the model once and call each visit with its tensor, as soon as that exists.

    The run ends when everything has been seen: what comes after it costs nothing. What it leaves
    behind in the model is undone, so that every run is the first one, as the recorded one was.

    Args:
        model: What is run.
        args: Its positional arguments.
        kwargs: Its keyword arguments.
        visits: What to do with the tensor at each place. A later operator may write into the
            tensor, so a visit that keeps it keeps a copy.

    Raises:
        UnseenError: A place was not met.
    """
    open_places = set(visits)
    by_path: dict[str, list[Place]] = {}
    for place in visits:
        if not place.function:
            by_path.setdefault(place.path, []).append(place)

    def see(place: Place, tensor: Tensor) -> None:
        # What a visit computes is none of the model's own business, nor of who follows it.
        with _disable_current_modes(), DisableTorchFunction():
            visits[place](tensor)
        open_places.discard(place)
        if not open_places:
            raise _AllSeen

    def watch(wanted: list[Place]) -> Callable[..., None]:
        calls = 0

        def hook(_module: nn.Module, _args: Any, output: Any) -> None:  # noqa: ANN401 -- torch's
            nonlocal calls
            first = first_tensor(output)
            if first is None or unwrapped(first) is not first:
                return  # not counted in a recording either
            for place in wanted:
                if place.call == calls and (tensor := _leaf(output, place.leaf)) is not None:
                    see(place, tensor)
            calls += 1

        return hook

    with ExitStack() as stack:
        stack.enter_context(unchanged(model))
        stack.enter_context(uncompiled())
        stack.enter_context(without_checkpoints())
        for path, wanted in by_path.items():
            module = model.get_submodule(path)
            stack.callback(module.register_forward_hook(watch(wanted)).remove)
        if any(place.function for place in visits):
            # Entered last, it sees the functions that the model calls, not what stands for them.
            executing = stack.enter_context(executing_modules(model))
            stack.enter_context(_Functions(executing, visits.keys(), see))
        try:
            model(*args, **kwargs)
        except _AllSeen:
            return
    if not open_places:
        return  # a handler in the model's forward has stopped what was to end the run
    missing = min(open_places, key=lambda place: place.path)
    called = f"{missing.function} in module" if missing.function else "module"
    raise UnseenError(
        f"Call {missing.call + 1} of {called} {missing.path!r} was not seen in a run of the model; "
        "its forward takes another way than the analysis recorded."
    )


class _Functions(TorchFunctionMode):
    """Shows what functions return to whom they are wanted by.

    Args:
        executing: The paths of the modules that are executing, innermost last.
        wanted: What is looked for.
        see: Called with what is found.
    """

    def __init__(
        self,
        executing: Sequence[str],
        wanted: Collection[Place],
        see: Callable[[Place, Tensor], None],
    ) -> None:
        super().__init__()
        self._executing, self._wanted, self._see = executing, wanted, see
        self._calls: Counter[tuple[str, str]] = Counter()

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Any,  # noqa: ANN401 -- torch's
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:  # noqa: ANN401 -- whatever a function returns
        """Return what `func` returns."""
        call = (self._executing[-1], function_name(func))
        number = self._calls[call]
        self._calls[call] = number + 1
        out = func(*args, **(kwargs or {}))
        path, name = call
        place = Place(path, number, function=name)
        if place in self._wanted and isinstance(out, Tensor):
            self._see(place, out)
        return out


def check_shape(seen: Tensor, shape: Sequence[int], node: Node) -> None:
    """Check that a tensor is the one that was recorded.

    Args:
        seen: What a run showed.
        shape: What it should be shaped like.
        node: The recorded node.

    Raises:
        UnseenError: It is another one.
    """
    if tuple(seen.shape) != tuple(shape):
        raise UnseenError(
            f"{node.name} has shape {tuple(seen.shape)} in a run of the model instead of "
            f"{tuple(shape)}; its forward takes another way than the analysis recorded."
        )


def _leaf(output: Any, leaf: str) -> Tensor | None:  # noqa: ANN401 -- whatever a module returns
    if not leaf:
        return first_tensor(output)
    return dict(named_tensors(output, "output")).get(f"output.{leaf}")
