"""The reference executor: one node, tile by tile."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice

import click
import torch
from torch import nn

from rfgraph.analysis import Analysis, analyze
from rfgraph.capture.outputs import first_tensor, named_tensors
from rfgraph.eager import device_of
from rfgraph.errors import TilingError
from rfgraph.tiles.plan import Tile, TilePlan
from rfgraph.tiles.verify import verify_lengths


def run(
    plan: TilePlan,
    model: nn.Module,
    image: torch.Tensor,
    *,
    batch_size: int = 1,
    progress: bool = False,
    verify: bool = True,
) -> torch.Tensor:
    """The node's value for an image, computed tile by tile in eval mode and without gradients.

    Args:
        plan: The plan; its model must be ``model``.
        model: The model; its training flags are put back afterwards.
        image: The input. Its lengths along the tiled axes must agree with the analysed ones modulo
            the plan's moduli.
        batch_size: How many tiles the model sees at once.
        progress: Show a progress bar on standard error.
        verify: First analyse the model on one tile, without data, and compare every tensor's
            length and field with those of the analysis at the image's shape: operators that look at
            the size (``align_corners``, adaptive pooling) are refused instead of run wrongly.

    Raises:
        TilingError: The plan does not hold for this image or for this model.
    """
    plan.check_shape(image.shape)
    if batch_size < 1:
        raise TilingError(f"batch_size= takes a positive number of tiles; got {batch_size}.")
    if batch_size > 1 and plan.batch is None:
        raise TilingError("The input has no batch axis along which tiles could be batched.")
    tiles = list(plan.tiles(image.shape))
    if verify and len(tiles) > 1:
        _verify(plan, model, image, min(batch_size, len(tiles)))
    with evaluating(model), torch.inference_mode():
        return _assemble(plan, model, image, tiles, batch_size, progress=progress)


def _assemble(
    plan: TilePlan,
    model: nn.Module,
    image: torch.Tensor,
    tiles: list[Tile],
    batch_size: int,
    *,
    progress: bool,
) -> torch.Tensor:
    expected = plan.shape_of_output(plan.shape_of_tile(image.shape))
    whole: torch.Tensor | None = None
    remaining = iter(tiles)
    with _bar(len(tiles), plan.node, progress=progress) as advance:
        while group := list(islice(remaining, batch_size)):
            cut = [image[tile.source] for tile in group]
            batch = cut[0] if plan.batch is None else torch.cat(cut, plan.batch)
            value = value_of(model, batch, plan.place)
            rows = expected[0] if plan.batch is None else image.shape[plan.batch]
            got = tuple(value.shape[1:]) if plan.batch is not None else tuple(value.shape)
            if got != (expected[1:] if plan.batch is not None else expected):
                raise TilingError(
                    f"A tile of shape {tuple(batch.shape)} gave {plan.node} of shape "
                    f"{tuple(value.shape)} instead of {expected}: the model looks at the size."
                )
            if whole is None:
                shape = list(plan.shape_of_output(image.shape))
                if plan.batch is not None:
                    shape[0] = rows
                whole = value.new_empty(shape)
            for place, tile in enumerate(group):
                part = value if plan.batch is None else value[place * rows : (place + 1) * rows]
                whole[tile.target] = part[tile.keep]
            advance(len(group))
    assert whole is not None
    return whole


@contextmanager
def _bar(length: int, label: str, *, progress: bool) -> Iterator[Callable[[int], None]]:
    """How to count tiles, on a progress bar if it is wanted."""
    if not progress:
        yield lambda _count: None
        return
    with click.progressbar(length=length, label=label, file=sys.stderr) as bar:
        yield bar.update


def _verify(plan: TilePlan, model: nn.Module, image: torch.Tensor, batch_size: int) -> None:
    shape = list(plan.shape_of_tile(image.shape))
    if plan.batch is not None:
        shape[plan.batch] *= batch_size
    axes = tuple(a.axis for a in plan.axes)
    whole = analyze_like(model, image.shape, image, axes)
    cut = [k for k, a in enumerate(plan.axes) if not a.is_whole]
    verify_lengths(plan.node, cut, whole, analyze_like(model, shape, image, axes))


def analyze_like(
    model: nn.Module, shape: Sequence[int], like: torch.Tensor, axes: Sequence[int]
) -> Analysis:
    """The model's analysis on an input of a shape, of another tensor's type and device."""
    sample = torch.empty(tuple(shape), dtype=like.dtype, device=like.device)
    return analyze(model, sample, axes=axes)


def value_of(model: nn.Module, batch: torch.Tensor, place: str) -> torch.Tensor:
    """The tensor that an output or a module path stands for, from one run of the model.

    The model runs where it is; what it gives comes back to where the batch is, so that only one
    tile or chunk at a time needs room beside the model.
    """
    given, home = batch.to(device_of(model, batch.device)), batch.device
    if place == "output" or place.startswith("output."):
        found = dict(named_tensors(model(given), "output"))
        if place in found:
            return found[place].to(home)
    kept: list[torch.Tensor] = []

    def keep(_module: nn.Module, _args: object, result: object) -> None:
        value = first_tensor(result)
        assert value is not None
        kept.append(value)

    handle = model.get_submodule(place).register_forward_hook(keep)
    try:
        model(given)
    finally:
        handle.remove()
    return kept[0].to(home)


@contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """Eval mode for a while."""
    flags = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        yield
    finally:
        for module, training in flags:
            module.training = training
