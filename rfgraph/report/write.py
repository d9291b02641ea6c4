"""Files that are either wholly written or not touched."""

from __future__ import annotations

import os
import secrets
from os import PathLike, fspath
from pathlib import Path

from rfgraph.errors import ReportError


def write_text(path: str | PathLike[str], text: str) -> None:
    """Write `text` to `path` in one step: a reader sees the old content or the new, never a part.

    Devices and pipes, which have no old content, are written directly.

    Raises:
        ReportError: If the file cannot be written; it is then as it was.
    """
    write_bytes(path, text.encode("utf-8"))


def write_bytes(path: str | PathLike[str], content: bytes) -> None:
    """Write `content` to `path` as :func:`write_text` does.

    Raises:
        ReportError: If the file cannot be written; it is then as it was.
    """
    target = Path(os.path.realpath(path))
    try:
        if target.exists() and not target.is_file() and not target.is_dir():
            target.write_bytes(content)
        else:
            _replace(target, content)
    except OSError as error:
        raise ReportError(f"cannot write {fspath(path)}: {error.strerror or error}") from None


def _replace(target: Path, content: bytes) -> None:
    partial = target.with_name(f".{target.name[:100]}.{secrets.token_hex(4)}.partial")
    try:
        with partial.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        if target.exists():
            partial.chmod(target.stat().st_mode & 0o777)
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)
