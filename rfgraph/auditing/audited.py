"""The audit of one model together with where the model comes from, for output."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rfgraph.auditing.auditor import Audit


@dataclass(frozen=True, slots=True)
class Audited:
    """One audited model.

    Attributes:
        name: What the person calls it: its name in the configuration, or the target.
        audit: What was found.
        file: The file to show findings at, relative to the current folder; None if there is none.
        line: The line in it, from 1.
    """

    name: str
    audit: Audit
    file: str | None = None
    line: int = 1


def place_of(target: str, config: str | None = None) -> tuple[str | None, int]:
    """Return the file and the line where a target is defined, else the configuration's.

    Args:
        target: A target such as ``path/to/file.py:build``.
        config: The path of the configuration that names it.
    """
    home, _, name = target.rpartition(":")
    if home.endswith(".py") and Path(home).is_file():
        return Path(home).as_posix(), _line_of(Path(home), name.partition(".")[0])
    return config, 1


def _line_of(file: Path, name: str) -> int:
    try:
        tree = ast.parse(file.read_text(encoding="utf-8"))
    except (OSError, SyntaxError, ValueError):
        return 1
    for statement in tree.body:
        if getattr(statement, "name", None) == name:
            return int(statement.lineno)
    return 1
