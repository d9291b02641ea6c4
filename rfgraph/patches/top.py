"""`rfgraph.top_patches`: the classic picture of what a channel looks for, cut to the pixel."""

from __future__ import annotations

import re
import sys
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import click
import numpy as np
import torch
from torch import Tensor, nn

from rfgraph.analysis import Node, analyze
from rfgraph.eager import device_of
from rfgraph.errors import InputError, ModelError, NodeNotFoundError
from rfgraph.patches.best import Best
from rfgraph.patches.patch import Patch
from rfgraph.patches.pictures import Images, batches, sourced_pictures
from rfgraph.recording import Observation, record

_SHAPES = 16
"""Shapes of pictures whose analyses are kept at a time."""


@dataclass(frozen=True, slots=True)
class _Place:
    """An element in a picture of the stream; small, as only the best are cut out in the end."""

    source: str | int
    picture: Tensor
    index: tuple[int, ...]
    shape: tuple[int, ...]


def top_patches(
    model: nn.Module,
    images: Images,
    node: str,
    channel: int | Sequence[int],
    k: int = 9,
    *,
    per_image: int = 1,
    batch_size: int = 16,
    size: tuple[int, int] | None = None,
    transform: Callable[[Tensor], Tensor] | None = None,
    input_channels: int = 3,
    progress: bool = False,
) -> dict[int, tuple[Patch, ...]]:
    """Return the parts of pictures that excite a channel most, cut by each element's exact field.

    One pass over the pictures, in eval mode and without gradients; at any time two batches and the
    `k` best pictures per channel are in memory. Cut at the borders, holes marked. As in Bau et al.,
    *Network Dissection*, CVPR 2017, but to the pixel for any architecture.

    Args:
        model: A model of pictures (N, C, H, W).
        images: A folder, a tensor (N, C, H, W), a data set or other iterable of tensors (C, H, W),
            which may be first in tuples; sizes may differ.
        node: What a module returns: its path, `path_1` for its second call.
        channel: The channel, or several.
        k: How many patches per channel.
        per_image: Most patches from one picture, at different positions.
        batch_size: Most pictures in one pass of the model.
        size: (height, width) that the files of a folder are scaled and cut to; None for their own.
        transform: From a picture to the model's input, such as a normalisation; may change values
            but not move pixels. Patches show the picture before it.
        input_channels: Channels that the files of a folder are read as: 1 or 3.
        progress: Show a progress bar on standard error.

    Returns:
        For every channel its patches, the most exciting first.

    Raises:
        NodeNotFoundError: No module returns such a node.
        InputError: There is no such channel, or no picture; pictures or activations are not
            finite or of a kind that has no channels.
        ModelError: The module cannot be watched, or the model is none.
    """
    channels = (channel,) if isinstance(channel, int) else tuple(channel)
    for what, number in (("k", k), ("per_image", per_image), ("batch_size", batch_size)):
        if number < 1:
            raise InputError(f"{what} is a number of things, at least 1; got {number}")
    if not channels:
        raise InputError("no channel is given, so there is nothing to look for")
    best: dict[int, Best[_Place]] = {c: Best(k) for c in channels}
    nodes = _Nodes(model, node)
    pictures, count = sourced_pictures(images, size, input_channels)
    seen: list[object] = []

    def see(observation: Observation) -> None:
        if observation.name == node:
            seen.append(observation.value)

    watching = record(model, _module_path(model, node), device=None, stream=see)
    with _evaluating(model), watching, _bar(progress, count, node) as advance:
        for batch, given in batches(pictures, batch_size, transform):
            seen.clear()
            with torch.no_grad():
                model(given.to(device_of(model, given.device)))
            if len(seen) != 1:
                raise NodeNotFoundError(f"the model does not call {node!r}, so nothing excites it")
            _rank(best, batch, seen[0], nodes.at(tuple(given.shape[1:])), per_image)
            advance(len(batch))
    if not any(found.ranked() for found in best.values()):
        raise InputError("there is no picture to look for patches in")
    return {c: tuple(_cut(s, place, nodes) for s, place in best[c].ranked()) for c in channels}


class _Nodes:
    """The analysed node at every shape of picture, the latest few kept."""

    def __init__(self, model: nn.Module, name: str) -> None:
        self._model = model
        self._name = name
        self._kept: OrderedDict[tuple[int, ...], Node] = OrderedDict()

    def at(self, shape: tuple[int, ...]) -> Node:
        """Return the node for inputs of `shape` (C, H, W)."""
        if shape not in self._kept:
            if len(self._kept) >= _SHAPES:
                self._kept.popitem(last=False)
            self._kept[shape] = analyze(self._model, (1, *shape))[self._name]
        self._kept.move_to_end(shape)
        return self._kept[shape]


def _rank(
    best: Mapping[int, Best[_Place]],
    batch: Sequence[tuple[str | int, Tensor]],
    activations: object,
    node: Node,
    per_image: int,
) -> None:
    """Offer the most excited positions of every picture of a batch."""
    if not isinstance(activations, Tensor) or activations.shape[1:] != node.shape[1:]:
        raise InputError(f"{node.name} returns no tensor of the analysed shape {node.shape}")
    space = node.spatial_axes
    rest = [axis for axis in range(1, len(node.shape)) if axis not in space]
    if len(rest) != 1 or len(activations) != len(batch):
        raise InputError(
            f"{node.name} of shape {node.shape} has no single axis of channels beside batch and "
            "space"
        )
    total = node.shape[rest[0]]
    for c in best:
        if not 0 <= c < total:
            raise InputError(f"{node.name} has {total} channels, so there is no channel {c}")
    shape = next(iter(node.analysis.inputs.values())).shape[1:]
    extent = [node.shape[axis] for axis in space]
    ordered = activations.permute(0, rest[0], *space)[:, list(best)]
    ordered = ordered.reshape(len(batch), len(best), -1)
    if not ordered.isfinite().all():
        raise InputError(f"{node.name} is not finite for a picture such as {batch[0][0]!r}")
    scores, places = ordered.topk(min(per_image, ordered.shape[2]), dim=2)
    for n, (source, picture) in enumerate(batch):
        for found, row, at in zip(best.values(), scores[n], places[n], strict=True):
            for score, place in zip(row.tolist(), at.tolist(), strict=True):
                index = tuple(int(i) for i in np.unravel_index(place, extent)) if extent else ()
                found.offer(score, _Place(source, picture, index, shape))


def _cut(score: float, place: _Place, nodes: _Nodes) -> Patch:
    node = nodes.at(place.shape)
    region = node.region(place.index)
    rows, columns = region.slices[2:]
    pixels = place.picture[:, rows, columns].detach().cpu().float().permute(1, 2, 0).numpy()
    seen = node.footprint(place.index)[rows, columns]
    return Patch(score, place.source, place.index, region, pixels.copy(), seen.copy())


def _module_path(model: nn.Module, node: str) -> str:
    """Return the path of the module whose call `node` names."""
    paths = dict(model.named_modules(remove_duplicate=False))
    return node if node in paths else re.sub(r"_\d+$", "", node)


@contextmanager
def _evaluating(model: nn.Module) -> Iterator[None]:
    """Put every module in eval mode, and back into its own."""
    if not isinstance(model, nn.Module):
        raise ModelError(f"Hooks need a torch.nn.Module; {type(model).__name__} is none.")
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        yield
    finally:
        for module, mode in modes:
            module.training = mode


@contextmanager
def _bar(shown: bool, count: int | None, node: str) -> Iterator[Callable[[int], object]]:  # noqa: FBT001 -- private
    if not shown:
        yield lambda _steps: None
        return
    with click.progressbar(length=count or 0, label=f"patches of {node}", file=sys.stderr) as bar:
        yield bar.update
