"""The input positions whose change changes each output position, by trying.

For operators that return integers, choose by value or draw at random, where neither NaN nor a
gradient passes. What a trial sees is true; what no trial has seen may still be true, so that the
answer is a lower bound that grows with the number of trials. Random operators get the same seed
before both runs of a trial: their draw is then a function of the input. (Where one element's value
decides how many random numbers it takes, the next one's draw changes too, although it does not
depend on it; such operators cannot be tried.)
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import product

import numpy as np
import torch
from torch import Tensor, nn

from tests.oracle.taint import Axes, Reach, single_thread

TOLERANCE = 1e-12
"""Relative and absolute: products that are zero but for rounding are no dependence."""

Sample = Callable[[tuple[int, ...], torch.Generator], Tensor]


def change_reach(
    model: nn.Module,
    shape: tuple[int, ...],
    sample: Sample,
    input_axes: Axes,
    output_axes: Axes,
    *,
    output_shape: tuple[int, ...],
    trials: int,
) -> Reach:
    """Which positions of the input were seen to change which positions of the only output.

    Args:
        model: A model of one input. Where the output's shape depends on values, an output of
            another shape counts as another output everywhere.
        shape: Shape of the input.
        sample: Draws an input of a shape.
        input_axes: Axes whose positions are changed one at a time (with all that stands there).
        output_axes: Axes whose positions are told apart.
        output_shape: Shape of the output; inputs that give another one are passed over.
        trials: Inputs to start from, each changed at every position.

    Raises:
        ValueError: No input gave an output of `output_shape`.
    """
    generator = torch.Generator().manual_seed(0)
    extent = tuple(shape[axis] for axis in input_axes)
    mask = np.zeros((*(output_shape[axis] for axis in output_axes), *extent), dtype=bool)
    others = tuple(axis for axis in range(len(output_shape)) if axis not in output_axes)
    counted = 0
    with torch.no_grad(), single_thread(), torch.random.fork_rng(devices=[]):
        for seed in range(trials):
            before, after = sample(shape, generator), sample(shape, generator)
            plain = _run(model, before, seed)
            if plain.shape != output_shape:
                continue
            counted += 1
            for position in product(*map(range, extent)):
                place: list[int | slice] = [slice(None)] * len(shape)
                for axis, index in zip(input_axes, position, strict=True):
                    place[axis] = index
                changed = before.clone()
                changed[tuple(place)] = after[tuple(place)]
                result = _run(model, changed, seed)
                if result.shape != output_shape:
                    mask[(..., *position)] = True
                    continue
                mask[(..., *position)] |= _differs(result, plain).numpy().any(axis=others)
    if not counted:
        message = f"No input gave an output of shape {output_shape}."
        raise ValueError(message)
    return Reach("output", mask, output_shape, output_axes, input_axes, extent)


def _differs(result: Tensor, plain: Tensor) -> Tensor:
    """Where two results differ by more than rounding."""
    if result.is_floating_point() or result.is_complex():
        return ~torch.isclose(result, plain, rtol=TOLERANCE, atol=TOLERANCE, equal_nan=True)
    return result != plain


def _run(model: nn.Module, x: Tensor, seed: int) -> Tensor:
    torch.default_generator.manual_seed(seed)
    result = model(x.clone())
    assert isinstance(result, Tensor)
    return result.resolve_conj().resolve_neg()
