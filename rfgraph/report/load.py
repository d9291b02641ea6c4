"""A report, read back from a file that nobody vouches for."""

from __future__ import annotations

from os import PathLike, fspath

from rfgraph.report.document import parse_document, read_document
from rfgraph.report.facts import Report
from rfgraph.report.structure import from_data

MAX_BYTES = 64 * 1024 * 1024


def load(path: str | PathLike[str]) -> Report:
    """Return the report in the YAML or JSON file at `path`.

    Nothing in the file is executed; what does not fit a report is refused, never guessed.

    Raises:
        ReportError: If the file cannot be read, exceeds 64 MiB or does not hold a report; the
            message names the file, the line and the key.
    """
    return loads(read_document(path, MAX_BYTES), fspath(path))


def loads(text: str, origin: str = "the text") -> Report:
    """Return the report in `text`, which is JSON if it begins with a brace and YAML otherwise.

    Args:
        text: What a format wrote.
        origin: What to call the text in messages.

    Raises:
        ReportError: If the text does not hold a report.
    """
    return parse_document(text, origin, from_data, "report")
