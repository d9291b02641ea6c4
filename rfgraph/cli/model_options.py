"""What commands that look at one model share: TARGET, its input, and a picture for it."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

import rfgraph
from rfgraph.cli.input_option import input_option, parse_axes
from rfgraph.errors import InputError
from rfgraph.targets import InputSpec, Target, materialize, resolve

if TYPE_CHECKING:
    from torch import Tensor

    from rfgraph import Analysis

F = TypeVar("F", bound=Callable[..., Any])


def model_options(command: F) -> F:
    """Give a command TARGET, --input, --axes and --layout."""
    for option in (
        click.option(
            "--layout", metavar="LETTERS", help="Meaning of each input axis, such as NHWC or NLC."
        ),
        click.option(
            "--axes",
            callback=lambda _context, _option, value: parse_axes(value),
            metavar="AXES",
            help="Tensor axes to analyse, such as 2,3. Default: all after batch and channel.",
        ),
        input_option,
        click.argument("target"),
    ):
        command = option(command)
    return command


def picture_option(text: str) -> Callable[[F], F]:
    """Give a command --image, for a picture that `text` says what it is for."""
    return click.option(
        "--image",
        type=click.Path(dir_okay=False),
        metavar="PATH",
        help=f"{text} Any file that Pillow reads, scaled and cut to the model's input.",
    )


def weights_option(command: F) -> F:
    """Give a command --weights."""
    made: F = click.option(
        "--weights",
        type=click.Path(exists=True, dir_okay=False),
        metavar="PATH",
        help="A saved state_dict; without it the model is untrained.",
    )(command)
    return made


def normalisation_options(command: F) -> F:
    """Give a command --mean and --std."""
    for name, text in (("--std", "Divide by"), ("--mean", "Subtract")):
        command = click.option(
            name,
            callback=lambda _context, _option, value: _numbers(value),
            metavar="NUMBERS",
            help=f"{text} this from the picture's 0 … 1, for each channel, such as "
            f"{'0.229,0.224,0.225' if name == '--std' else '0.485,0.456,0.406'}.",
        )(command)
    return command


def analysed(
    target: str,
    inputs: tuple[InputSpec, ...],
    axes: tuple[int, ...] | None,
    layout: str | None,
    *,
    strict: bool = False,
    training: bool = False,
    real: bool = False,
) -> Analysis:
    """Return the analysis of what the options of :func:`model_options` describe."""
    resolved = resolve(target, real=real)
    arguments = materialize(resolved, inputs)
    return rfgraph.analyze(
        resolved.model,
        arguments.positional or None,
        axes=resolved.axes if axes is None and not inputs and not layout else axes,
        layout=layout,
        strict=strict,
        training=training,
        real=real,
        kwargs=arguments.named or None,
    )


def picture_for(analysis: Analysis, path: str | None) -> Tensor | None:
    """Return the picture at `path`, scaled and cut to the analysed input; None for none.

    Raises:
        InputError: The input has no two analysed axes, or there is no such picture.
    """
    if path is None:
        return None
    info = next(iter(analysis.inputs.values()))
    if len(info.lengths) != 2:
        raise InputError(
            f"a picture needs 2 analysed axes, and input {info.name} has {len(info.lengths)}"
        )
    from rfgraph.pictures import load_picture

    return load_picture(path, (info.lengths[0], info.lengths[1]))


def running(target: str, weights: str | None) -> Target:
    """Return the target with real parameters: seeded, or those of a saved state_dict.

    Raises:
        InputError: The file holds no state_dict of the model.
    """
    import torch

    torch.manual_seed(0)
    resolved = resolve(target, real=True)
    if not isinstance(resolved.model, torch.nn.Module):
        raise InputError(f"'{target}' is no module, so no hook can watch it")
    if weights is not None:
        try:
            state = torch.load(weights, map_location="cpu", weights_only=True)
            resolved.model.load_state_dict(state)
        except Exception as error:
            reason = " ".join(str(error).split())[:200]
            raise InputError(f"cannot load {Path(weights)} into {target}: {reason}") from error
    resolved.model.eval()
    return resolved


def picture_shape(target: Target, inputs: tuple[InputSpec, ...]) -> tuple[int, int, int]:
    """Return channels, height and width of the one picture that a model takes.

    Raises:
        InputError: It takes something else.
    """
    arguments = materialize(target, inputs)
    given = arguments.positional
    if len(given) != 1 or arguments.named or isinstance(given[0], list) or given[0].dim() != 4:
        raise InputError(f"'{target.text}' does not take one picture batch (N, C, H, W)")
    _, channels, height, width = given[0].shape
    return channels, height, width


def normaliser(
    mean: tuple[float, ...] | None, std: tuple[float, ...] | None, channels: int
) -> Callable[[Tensor], Tensor]:
    """Return what --mean and --std do to a picture (C, H, W).

    Raises:
        InputError: They are not one number, nor one per channel, or a divisor is zero.
    """
    import torch

    for name, numbers in (("--mean", mean), ("--std", std)):
        if numbers is not None and len(numbers) not in (1, channels):
            raise InputError(
                f"{name} has {len(numbers)} numbers, and the picture {channels} channels"
            )
    if std is not None and 0 in std:
        raise InputError("--std divides by its numbers, so none may be 0")
    shift = torch.tensor(mean or (0.0,)).reshape(-1, 1, 1)
    scale = torch.tensor(std or (1.0,)).reshape(-1, 1, 1)
    return lambda picture: (picture - shift) / scale


def _numbers(text: str | None) -> tuple[float, ...] | None:
    if text is None:
        return None
    if not re.fullmatch(r"-?\d+(\.\d+)?(,-?\d+(\.\d+)?)*", text):
        raise click.BadParameter(f"'{text}' is not a list of numbers such as 0.485,0.456,0.406")
    return tuple(float(number) for number in text.split(","))
