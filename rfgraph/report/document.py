"""A document that nobody vouches for: its bytes, its text, and where in it something is wrong."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from os import PathLike, fspath
from pathlib import Path
from typing import TypeVar

from rfgraph.errors import ReportError
from rfgraph.report.readers import Data, MisfitError, Place
from rfgraph.report.source import read_json, read_yaml

T = TypeVar("T")


def read_document(path: str | PathLike[str], largest: int) -> str:
    """Return the text of the file at `path`.

    Args:
        path: The file.
        largest: Bytes; a larger file is not read.

    Raises:
        ReportError: If the file cannot be read, is too large or not UTF-8.
    """
    origin = fspath(path)
    try:
        with Path(path).open("rb") as file:
            content = file.read(largest + 1)
    except (OSError, ValueError) as error:  # ValueError: a null character in the name
        told = getattr(error, "strerror", None) or error
        raise ReportError(f"cannot read {origin}: {told}") from None
    if len(content) > largest:
        raise ReportError(f"{origin}: larger than {largest >> 20 or 1} MiB, so it is not read")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ReportError(f"{origin}, line {line}: not UTF-8 text") from None


def parse_document(text: str, origin: str, build: Callable[[Data], T], noun: str) -> T:
    """Return what `build` makes of the data in `text`: JSON if it begins with a brace, else YAML.

    Args:
        text: The document.
        origin: What to call it in messages, usually the file's path.
        build: Makes something of plain data, or raises `MisfitError`.
        noun: What the document should hold, such as `report`.

    Raises:
        ReportError: If the document cannot be parsed or built; the message names origin, line and
            key.
    """
    lines: dict[Place, int] = {}
    is_json = text.lstrip().startswith("{")
    if is_json:
        data = read_json(text, origin, noun)
    else:
        data, lines = read_yaml(text, origin, noun)
    try:
        return build(data)
    except MisfitError as misfit:
        if is_json:
            with suppress(ReportError):  # JSON that YAML cannot read has no line numbers to offer
                lines = read_yaml(text, origin, noun)[1]
        raise ReportError(_sentence(misfit, lines, origin)) from None


def _sentence(misfit: MisfitError, lines: dict[Place, int], origin: str) -> str:
    # What a reader has wrapped or unwrapped has no line of its own, but is inside of what has one.
    inside = (misfit.place[:length] for length in range(len(misfit.place), -1, -1))
    line = next((lines[place] for place in inside if place in lines), None)
    where = f"{origin}, line {line}" if line else origin
    key = key_text(misfit.place)
    return f"{where}: {key}: {misfit.problem}" if key else f"{where}: {misfit.problem}"


def key_text(place: Place) -> str:
    """Return a place as a person writes it: `models.net.expect` or `nodes[3]`."""
    key = ""
    for step in place:
        key += f"[{step}]" if isinstance(step, int) else f".{step}" if key else step
    return key
