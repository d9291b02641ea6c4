"""What `--input` and `--axes` mean."""

from __future__ import annotations

import re

import click

from rfgraph.targets import InputSpec
from rfgraph.targets.arguments import DTYPES

_INPUT = re.compile(
    r"(?:(?P<name>[A-Za-z_]\w*)=)?(?P<shape>\d{1,18}(?:[xX×]\d{1,18})*)(?::(?P<dtype>\w+))?"
)


def parse_input(text: str) -> InputSpec:
    """Return the input that `[NAME=]SHAPE[:DTYPE]` describes.

    >>> parse_input("mask=1x16:bool")
    InputSpec(shape=(1, 16), dtype='bool', name='mask', in_list=False)

    Raises:
        click.BadParameter: If `text` is not of that form, or the dtype is unknown.
    """
    match = _INPUT.fullmatch(text)
    if not match:
        raise click.BadParameter(f"'{text}' is not of the form [NAME=]1x3x224x224[:DTYPE]")
    dtype = match["dtype"]
    if dtype is not None and dtype not in DTYPES:
        raise click.BadParameter(f"no dtype '{dtype}'; known: {', '.join(sorted(DTYPES))}")
    shape = tuple(int(extent) for extent in re.split("[xX×]", match["shape"]))
    return InputSpec(shape, dtype, match["name"])


input_option = click.option(
    "--input",
    "inputs",
    multiple=True,
    callback=lambda _context, _option, values: tuple(map(parse_input, values)),
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
