"""`rfgraph.erf`: the mean absolute gradient of one element over real inputs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from numbers import Real
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from rfgraph.analysis import Analysis, Node, analyze
from rfgraph.capture.inputs import floating_dtype
from rfgraph.capture.preserve import default_device, process_state
from rfgraph.eager import (
    Place,
    as_indices,
    device_of,
    find_place,
    is_returned,
    observe,
    private_copy,
    put,
    recording_tensors,
)
from rfgraph.effective.effective_field import EffectiveField
from rfgraph.effective.gaussian import fit_gaussian
from rfgraph.effective.mass import mass_table
from rfgraph.errors import IndexRangeError, InputError, RfgraphError

SHARES = (0.2, 0.3, 0.5, 0.99)
"""The shares of the RepLKNet table."""


def erf(
    model: nn.Module,
    inputs: Tensor | Sequence[int] | Iterable[Tensor],
    node: str | None = None,
    *,
    position: Sequence[int] | int | None = None,
    draws: int = 16,
    shares: Sequence[float] = SHARES,
    axes: int | Sequence[int] | None = None,
    layout: str | None = None,
    device: torch.device | str | None = None,
) -> EffectiveField:
    """The effective receptive field of one element: how much each input position really weighs.

    The gradient of the element (the sum of its channels) is taken with respect to every sample;
    absolute values are averaged over samples and summed over the input's channels. A copy of the
    model runs, in eval mode, with its own weights; the model is left as it was found.

    Source: Luo, Li, Urtasun, Zemel, *Understanding the Effective Receptive Field in Deep
    Convolutional Neural Networks*, NeurIPS 2016, section 2 and 3.

    Args:
        model: The model, with the weights that are to be looked at.
        inputs: Real samples: a tensor whose first axis is the batch, or an iterable of such tensors
            of equal size (batches). A shape instead means `draws` samples of standard normal noise.
        node: Node or module path that a module returns; by default the last one with a local field.
        position: The element's position along the node's spatial axes; the middle by default.
        draws: How many samples a shape stands for.
        shares: The shares of influence of which the boxes are wanted, above 0 to 1.
        axes: Analysed input axes, as for :func:`rfgraph.analyze`.
        layout: A letter per input axis instead.
        device: Where to run; None for where the model is.

    Raises:
        InputError: The inputs are no samples that the model runs on, the device cannot be used, the
            element is complex, or the gradient is zero or not finite everywhere.
        NodeNotFoundError: There is no such node, or a run of the model does not show it.
        IndexRangeError: The position lies outside the node.
        ModelError: The model cannot be copied and run.

    >>> import torch
    >>> from torch import nn
    >>> found = erf(nn.Conv2d(3, 4, 5, padding=2), torch.rand(2, 3, 9, 9))
    >>> found.position, found.region.hull, found.masses[-1].side
    ((4, 4), ((2, 6), (2, 6)), 5)
    """
    _check_shares(shares)
    batches, source = _batches(model, inputs, draws)
    first = next(batches, None)
    if first is None:
        raise InputError("There is no sample to measure with; give at least one batch.")
    analysis = analyze(model, (1, *first.shape[1:]), axes=axes, layout=layout)
    chosen = analysis[node] if node is not None else _last_local(analysis)
    place = find_place(chosen)
    picked = _position(chosen, position)
    info = next(iter(analysis.inputs.values()))
    total = np.zeros(info.lengths)
    samples = 0
    with recording_tensors(), process_state():
        copied = private_copy(model)
        where = _usable(device) if device is not None else device_of(copied, first.device)
        with default_device(where):
            copied = put(copied, where)
            for batch in chain([first], batches):
                if batch.shape[1:] != first.shape[1:]:
                    raise InputError(
                        f"Every batch needs samples of one size; got {tuple(batch.shape[1:])} "
                        f"after {tuple(first.shape[1:])}."
                    )
                if 0 in info.axes and len(batch) > 1:
                    raise InputError(
                        "Samples are averaged, so the batch axis has no positions; leave axis 0 "
                        "out of axes, or give batches of one sample."
                    )
                total += _summed_gradient(
                    copied, batch.to(where), node=chosen, place=place, index=picked, axes=info.axes
                )
                samples += len(batch)
    values = total / samples
    if not np.isfinite(values).all():
        raise InputError(
            f"The gradient of {chosen.name}{list(picked)} is not finite on these inputs."
        )
    if not values.any():
        raise InputError(
            f"The gradient of {chosen.name}{list(picked)} is zero everywhere on these inputs: no "
            "position has a measurable influence."
        )
    region = chosen.region(picked, input=info.name)
    weights = values / values.sum()
    return EffectiveField(
        node=chosen,
        position=picked,
        input=info.name,
        axes=info.axes,
        values=values,
        samples=samples,
        source=source or ("1 sample" if samples == 1 else f"{samples} samples"),
        gaussian=fit_gaussian(weights),
        masses=mass_table(weights, _center(region.unclipped, info.lengths), shares),
        region=region,
    )


def _batches(model: nn.Module, inputs: object, draws: int) -> tuple[Iterator[Tensor], str]:
    """Return the batches, each with at least one sample, and what they are if not the user's."""
    if isinstance(inputs, Tensor):
        return _checked([inputs]), ""
    if isinstance(inputs, (tuple, list)) and inputs and all(type(n) is int for n in inputs):
        number: object = draws
        if not isinstance(number, int) or number < 1:
            raise InputError(f"The number of draws is whole, at least 1; {draws} is not.")
        if any(n < 1 for n in inputs):
            raise InputError(f"The shape {tuple(inputs)} holds nothing; every size is at least 1.")
        # A generator of its own: drawing must not move the user's random state.
        generator = torch.Generator("cpu").manual_seed(0)
        dtype = floating_dtype(model)
        # One at a time: only the sizes after the batch axis are taken from the shape.
        drawn = (
            torch.randn(1, *inputs[1:], generator=generator, device="cpu").to(dtype)
            for _ in range(draws)
        )
        return drawn, f"{draws} draws of standard normal noise"
    if isinstance(inputs, Iterable) and not isinstance(inputs, (str, bytes, Mapping)):
        return _checked(inputs), ""
    raise InputError(
        f"The effective field needs samples; {type(inputs).__name__} is none, so give a batch, "
        "several, or a shape."
    )


def _checked(batches: Iterable[Any]) -> Iterator[Tensor]:
    for batch in batches:
        if not isinstance(batch, Tensor) or not batch.is_floating_point() or batch.ndim < 2:
            what = f"a {batch.dtype} tensor" if isinstance(batch, Tensor) else type(batch).__name__
            raise InputError(f"A batch is a floating point tensor with a batch axis, not {what}.")
        if not batch.numel():
            raise InputError(f"A batch of shape {tuple(batch.shape)} holds no sample.")
        yield batch.detach()


def _last_local(analysis: Analysis) -> Node:
    """Return the last node that a module returns and whose every axis has a local field."""
    found = [
        node
        for node in analysis
        if is_returned(node) and node.spatial_axes and all(s is not None for s in node.field.size)
    ]
    if not found:
        raise InputError("No module returns a tensor with a local field; name the node to look at.")
    return found[-1]


def _position(node: Node, position: Sequence[int] | int | None) -> tuple[int, ...]:
    lengths = [node.shape[axis] for axis in node.spatial_axes]
    if position is None:
        return tuple(n // 2 for n in lengths)
    given = as_indices(position)
    if len(given) != len(lengths) or any(
        not -n <= k < n for k, n in zip(given, lengths, strict=True)
    ):
        raise IndexRangeError(
            f"Position {given} is none of {node.name}, whose spatial axes have lengths "
            f"{tuple(lengths)}."
        )
    return tuple(k % n for k, n in zip(given, lengths, strict=True))


def _check_shares(shares: object) -> None:
    if not isinstance(shares, Iterable) or isinstance(shares, str):
        raise InputError(
            f"Shares of influence are a sequence, such as (0.5, 0.99), not {shares!r}."
        )
    for share in shares:
        if not isinstance(share, Real) or not 0 < float(share) <= 1:
            raise InputError(f"A share of influence lies in (0, 1]; {share!r} does not.")


def _usable(device: torch.device | str) -> torch.device:
    try:
        where = torch.device(device)
        torch.empty(0, device=where)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        reason = str(error).strip().partition("\n")[0]
        raise InputError(f"Device {str(device)!r} cannot be used here: {reason}") from error
    if where.type == "meta":
        raise InputError("The meta device holds no data; measure on the CPU or an accelerator.")
    return where


def _summed_gradient(
    model: nn.Module,
    batch: Tensor,
    *,
    node: Node,
    place: Place,
    index: tuple[int, ...],
    axes: tuple[int, ...],
) -> npt.NDArray[np.float64]:
    """Return the absolute gradient of the element, summed over samples and input channels."""
    leaf = batch.clone().requires_grad_()
    at: list[int | slice] = [slice(None)] * len(node.shape)
    for axis, k in zip(node.spatial_axes, index, strict=True):
        at[axis] = k
    picked: list[Tensor] = []
    with torch.enable_grad():
        # The product lets the model write into its input.
        visit = {place: lambda tensor: picked.append(tensor[tuple(at)].sum())}
        try:
            observe(model, (leaf * 1,), {}, visit)
        except RfgraphError:
            raise
        except Exception as error:
            reason = " ".join(str(error).split())[:160]
            what = f"{tuple(batch.shape)} {str(batch.dtype).removeprefix('torch.')}"
            raise InputError(
                f"The model does not run on samples of {what}: {type(error).__name__}: {reason}"
            ) from error
        if picked[0].is_complex():
            raise InputError(
                f"{node.name} is complex, and influence is measured on real numbers; choose a node "
                "that is real."
            )
        if not picked[0].requires_grad:
            return np.zeros([batch.shape[axis] for axis in axes])
        gradient = torch.autograd.grad(picked[0], leaf, allow_unused=True, materialize_grads=True)[
            0
        ]
    others = tuple(k for k in range(gradient.ndim) if k not in axes)
    size = gradient.abs().double()
    return np.asarray((size.sum(dim=others) if others else size).cpu().numpy())


def _center(unclipped: Sequence[tuple[int, int] | None], lengths: Sequence[int]) -> tuple[int, ...]:
    """Return the position in the middle of the theoretical field, inside the input."""
    return tuple(
        n // 2 if hull is None else min(max((hull[0] + hull[1]) // 2, 0), n - 1)
        for hull, n in zip(unclipped, lengths, strict=True)
    )
