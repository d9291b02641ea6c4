"""What `1x3x224x224` and `mask=1x16:bool` mean."""

from __future__ import annotations

import re

from rfgraph.errors import InputError
from rfgraph.targets.arguments import DTYPES
from rfgraph.targets.target import InputSpec

_INPUT = re.compile(
    r"(?:(?P<name>[A-Za-z_]\w*)=)?(?P<shape>\d{1,18}(?:[xX×]\d{1,18})*)(?::(?P<dtype>\w+))?"
)


def parse_input(text: str) -> InputSpec:
    """Return the input that `[NAME=]SHAPE[:DTYPE]` describes.

    >>> parse_input("mask=1x16:bool")
    InputSpec(shape=(1, 16), dtype='bool', name='mask', in_list=False)

    Raises:
        InputError: If `text` is not of that form, or the dtype is unknown.
    """
    match = _INPUT.fullmatch(text)
    if not match:
        raise InputError(f"'{text}' is not of the form [NAME=]1x3x224x224[:DTYPE]")
    dtype = match["dtype"]
    if dtype is not None and dtype not in DTYPES:
        raise InputError(f"no dtype '{dtype}'; known: {', '.join(sorted(DTYPES))}")
    shape = tuple(int(extent) for extent in re.split("[xX×]", match["shape"]))
    return InputSpec(shape, dtype, match["name"])
