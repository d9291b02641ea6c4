"""What `--input` and `--axes` mean."""

from __future__ import annotations

import re

import click

from rfgraph.errors import InputError
from rfgraph.targets import InputSpec, parse_input


def _inputs(
    _context: click.Context, _option: click.Parameter, values: tuple[str, ...]
) -> tuple[InputSpec, ...]:
    try:
        return tuple(map(parse_input, values))
    except InputError as error:
        raise click.BadParameter(str(error)) from None


input_option = click.option(
    "--input",
    "inputs",
    multiple=True,
    callback=_inputs,
    metavar="[NAME=]SHAPE[:DTYPE]",
    help="Shape of an input, such as 1x3x224x224, mask=1x16:bool or ids=1x128:int64; once per "
    "input, in order. Default: what the target is made for.",
)
"""The option of every command that can be given a model."""


def parse_axes(text: str | None) -> tuple[int, ...] | None:
    """Return the tensor axes that a text such as `2,3` lists, or None for None.

    Raises:
        click.BadParameter: If `text` is not a list of integers.
    """
    if text is None:
        return None
    if not re.fullmatch(r"-?\d{1,3}(,-?\d{1,3})*", text):
        raise click.BadParameter(f"'{text}' is not a list of axes such as 2,3")
    return tuple(int(axis) for axis in text.split(","))
