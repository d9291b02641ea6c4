"""Figures as files."""

from __future__ import annotations

import io
from os import PathLike, fspath
from pathlib import Path

from matplotlib.figure import Figure

from rfgraph.errors import ReportError
from rfgraph.plot.style import style
from rfgraph.report.write import write_bytes

_WITHOUT_DATES: dict[str, dict[str, str | None]] = {
    "png": {},
    "svg": {"Date": None},
    "pdf": {"CreationDate": None, "ModDate": None},
}
"""By format: the metadata that would make the same figure another file tomorrow."""


def format_of_figure(path: str | PathLike[str]) -> str:
    """Return the format that the ending of `path` stands for.

    Raises:
        ReportError: It is none of png, svg and pdf.
    """
    kind = Path(path).suffix.lower().removeprefix(".")
    if kind not in _WITHOUT_DATES:
        known = ", ".join(f".{name}" for name in _WITHOUT_DATES)
        raise ReportError(f"'{fspath(path)}' does not end like a figure; known endings: {known}")
    return kind


def save(figure: Figure, path: str | PathLike[str], *, dpi: int = 150) -> None:
    """Write `figure` to `path` as PNG, SVG or PDF by its ending, wholly or not at all.

    Args:
        figure: What to write.
        path: Where.
        dpi: Pixels per inch of PNG, and of pictures inside the others.

    Raises:
        ReportError: The ending is none of these, or the file cannot be written.
    """
    kind = format_of_figure(path)
    content = io.BytesIO()
    with style():
        # The layout of panels of fixed proportions settles in two steps; going on with it would
        # make the next file of a figure differ.
        figure.draw_without_rendering()
        figure.draw_without_rendering()
        figure.set_layout_engine("none")
        figure.savefig(content, format=kind, dpi=dpi, metadata=_WITHOUT_DATES[kind])
    write_bytes(path, content.getvalue())
