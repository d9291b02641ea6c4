"""The pictures in a folder."""

from __future__ import annotations

from os import PathLike, fspath
from pathlib import Path

from rfgraph.errors import InputError

SUFFIXES = frozenset({".bmp", ".gif", ".jpeg", ".jpg", ".png", ".ppm", ".tif", ".tiff", ".webp"})
"""Endings of the files that are taken for pictures."""


def list_pictures(folder: str | PathLike[str]) -> tuple[Path, ...]:
    """Return the picture files in `folder` and the folders below it, sorted by path.

    Raises:
        InputError: There is no such folder, or no picture in it.
    """
    root = Path(folder)
    if not root.is_dir():
        raise InputError(f"{fspath(folder)} is no folder")
    found = tuple(
        sorted(p for p in root.rglob("*") if p.suffix.lower() in SUFFIXES and p.is_file())
    )
    if not found:
        raise InputError(f"no picture is in {fspath(folder)}; known endings: {_endings()}")
    return found


def _endings() -> str:
    return " ".join(sorted(SUFFIXES))
