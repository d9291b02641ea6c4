"""Sees tensors at the moment a run of the model returns them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from typing import Any

from torch import Tensor, nn

from rfgraph.capture.outputs import first_tensor, named_tensors
from rfgraph.eager.place import Place
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

    The run ends when everything has been seen: what comes after it costs nothing.

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
        by_path.setdefault(place.path, []).append(place)

    def watch(wanted: list[Place]) -> Callable[..., None]:
        calls = 0

        def hook(_module: nn.Module, _args: Any, output: Any) -> None:  # noqa: ANN401 -- torch's
            nonlocal calls
            for place in wanted:
                if place.call == calls and (tensor := _leaf(output, place.leaf)) is not None:
                    visits[place](tensor)
                    open_places.discard(place)
            calls += 1
            if not open_places:
                raise _AllSeen

        return hook

    with ExitStack() as stack:
        for path, wanted in by_path.items():
            module = model.get_submodule(path)
            stack.callback(module.register_forward_hook(watch(wanted)).remove)
        try:
            model(*args, **kwargs)
        except _AllSeen:
            return
    missing = min(open_places, key=lambda place: place.path)
    raise UnseenError(
        f"Call {missing.call + 1} of module {missing.path!r} was not seen in a run of the model; "
        "its forward takes another way than the analysis recorded."
    )


def _leaf(output: Any, leaf: str) -> Tensor | None:  # noqa: ANN401 -- whatever a module returns
    if not leaf:
        return first_tensor(output)
    return dict(named_tensors(output, "output")).get(f"output.{leaf}")
