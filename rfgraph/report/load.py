"""A report, read back from a file that nobody vouches for."""

from __future__ import annotations

from contextlib import suppress
from os import PathLike, fspath
from pathlib import Path

from rfgraph.errors import ReportError
from rfgraph.report.facts import Report
from rfgraph.report.source import read_json, read_yaml
from rfgraph.report.structure import MisfitError, Place, from_data

MAX_BYTES = 64 * 1024 * 1024


def load(path: str | PathLike[str]) -> Report:
    """Return the report in the YAML or JSON file at `path`.

    Nothing in the file is executed; what does not fit a report is refused, never guessed.

    Raises:
        ReportError: If the file cannot be read, exceeds 64 MiB or does not hold a report; the
            message names the file, the line and the key.
    """
    origin = fspath(path)
    try:
        with Path(path).open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise ReportError(f"cannot read {origin}: {error.strerror or error}") from None
    if len(content) > MAX_BYTES:
        raise ReportError(f"{origin}: larger than {MAX_BYTES >> 20} MiB, so it is not read")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ReportError(f"{origin}, line {line}: not UTF-8 text") from None
    return loads(text, origin)


def loads(text: str, origin: str = "the text") -> Report:
    """Return the report in `text`, which is JSON if it begins with a brace and YAML otherwise.

    Args:
        text: What a format wrote.
        origin: What to call the text in messages.

    Raises:
        ReportError: If the text does not hold a report.
    """
    lines: dict[Place, int] = {}
    is_json = text.lstrip().startswith("{")
    if is_json:
        data = read_json(text, origin)
    else:
        data, lines = read_yaml(text, origin)
    try:
        return from_data(data)
    except MisfitError as misfit:
        if is_json:
            with suppress(ReportError):  # JSON that YAML cannot read has no line numbers to offer
                lines = read_yaml(text, origin)[1]
        raise ReportError(_sentence(misfit, lines, origin)) from None


def _sentence(misfit: MisfitError, lines: dict[Place, int], origin: str) -> str:
    line = lines.get(misfit.place)
    where = f"{origin}, line {line}" if line else origin
    key = _key(misfit.place)
    return f"{where}: {key}: {misfit.problem}" if key else f"{where}: {misfit.problem}"


def _key(place: Place) -> str:
    key = ""
    for step in place:
        key += f"[{step}]" if isinstance(step, int) else f".{step}" if key else step
    return key
