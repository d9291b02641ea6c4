"""A report from a file, or from a file as a git revision has it."""

from __future__ import annotations

import re
import subprocess
from os import PathLike, fspath
from pathlib import Path

from rfgraph.errors import ReportError
from rfgraph.report import Report, load, loads

_REVISION = re.compile(r"(?P<revision>[^:]+):(?P<path>.+\.(?:yaml|yml|json))")
_ENDINGS = (".yaml", ".yml", ".json")
_SECONDS = 60


def is_report_name(text: str) -> bool:
    """Return whether `text` names a report file, of the working tree or of a git revision.

    >>> is_report_name("fields.yaml"), is_report_name("main:fields.yaml")
    (True, True)
    >>> is_report_name("torchvision:resnet50"), is_report_name("model.py:build")
    (False, False)
    """
    return text.endswith(_ENDINGS)


def read_report(path: str | PathLike[str]) -> Report:
    """Return the report in a file.

    Args:
        path: The file; ``REVISION:PATH`` is the file as that git revision has it, with PATH from
            the current folder.

    Raises:
        ReportError: If there is no such file, revision or git, or the file holds no report.
    """
    match = _REVISION.fullmatch(fspath(path))
    if match is None or Path(path).exists():
        return load(path)
    return loads(_show(match["revision"], match["path"]), fspath(path))


def _show(revision: str, path: str) -> str:
    if revision.startswith("-"):
        raise ReportError(f"'{revision}' is not a git revision")
    here = path if path.startswith("/") else f"./{path}"
    try:
        done = subprocess.run(  # noqa: S603 -- no shell, and no option can be smuggled in
            ["git", "show", f"{revision}:{here}"],  # noqa: S607 -- the person's own git
            capture_output=True,
            check=False,
            timeout=_SECONDS,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ReportError(f"cannot read {revision}:{path}: git did not run ({error})") from None
    if done.returncode:
        told = " ".join(done.stderr.decode("utf-8", "replace").split())
        raise ReportError(f"cannot read {revision}:{path}: {told.removeprefix('fatal: ')}")
    try:
        return done.stdout.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ReportError(f"{revision}:{path}: not UTF-8 text") from None
