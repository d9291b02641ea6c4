"""The output formats, by name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from os import PathLike, fspath
from pathlib import Path
from types import MappingProxyType
from typing import Protocol

from rfgraph.errors import ReportError
from rfgraph.report import json_format, markdown_format, table_format, yaml_format
from rfgraph.report.facts import Report
from rfgraph.report.selection import EVERYTHING, Selection
from rfgraph.report.write import write_text


class Renderer(Protocol):
    """A function that spells a report."""

    def __call__(self, report: Report, selection: Selection = EVERYTHING) -> str:
        """Return what `selection` wants of `report`, as text that ends with a newline."""


@dataclass(frozen=True, slots=True)
class Format:
    """One spelling of reports: the function that writes it, and the file names it goes by."""

    render: Renderer
    suffixes: tuple[str, ...]


FORMATS: Mapping[str, Format] = MappingProxyType(
    {
        "table": Format(table_format.render, (".txt",)),
        "yaml": Format(yaml_format.render, (".yaml", ".yml")),
        "json": Format(json_format.render, (".json",)),
        "markdown": Format(markdown_format.render, (".md",)),
    }
)


def format_of(path: str | PathLike[str]) -> str:
    """Return the name of the format that the suffix of `path` stands for.

    Raises:
        ReportError: If it stands for none.
    """
    suffix = Path(path).suffix.lower()
    for name, spelling in FORMATS.items():
        if suffix in spelling.suffixes:
            return name
    known = [suffix for spelling in FORMATS.values() for suffix in spelling.suffixes]
    raise ReportError(
        f"cannot tell a format from the name {fspath(path)}; known endings: {', '.join(known)}"
    )


def save(report: Report, path: str | PathLike[str], selection: Selection = EVERYTHING) -> None:
    """Write `report` to `path` in the format of its suffix, wholly or not at all.

    Raises:
        ReportError: If the suffix stands for no format, `selection` names a node that there is
            not, or the file cannot be written.
    """
    write_text(path, FORMATS[format_of(path)].render(report, selection))
