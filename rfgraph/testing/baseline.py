"""Baselines: the report of a model as it should be, in a YAML file under version control."""

from __future__ import annotations

import os
from dataclasses import replace
from os import PathLike, fspath
from pathlib import Path
from typing import Any

from rfgraph.comparison import diff
from rfgraph.errors import ReportError
from rfgraph.report import FORMATS, Report, load, write_text
from rfgraph.testing.assertions import analysis_of

UPDATE = "RFGRAPH_UPDATE"
"""Environment variable that makes `assert_baseline` write instead of compare."""


def assert_baseline(
    model: Any,
    inputs: Any = None,
    *,
    path: str | PathLike[str],
    update: bool | None = None,
    how: str = f"{UPDATE}=1",
    **options: Any,
) -> bool:
    """Assert that the receptive fields of a model are those of a baseline file.

    Args:
        model: The model, or its analysis.
        inputs: Its inputs.
        path: The baseline, a YAML file.
        update: Whether to write the baseline instead; by default as the environment variable
            ``RFGRAPH_UPDATE`` says.
        how: How to update, for the message of a failure.
        options: Further arguments of :func:`rfgraph.analyze`.

    Returns:
        Whether the file was written.

    Raises:
        AssertionError: Something differs, or there is no baseline yet. The message names the
            operators where changes entered.
        ReportError: The file holds no report.
    """
    __tracebackhide__ = True
    writes = os.environ.get(UPDATE, "") not in {"", "0"} if update is None else update
    # Versions and settings are no facts; without them the file changes only if a fact does.
    report = replace(analysis_of(model, inputs, options).report(), provenance={})
    file = Path(path)
    if writes:
        file.parent.mkdir(parents=True, exist_ok=True)
        if file.is_file() and _is_same(file, report):
            return False
        write_text(file, FORMATS["yaml"].render(report))
        return True
    if not file.exists():
        raise AssertionError(f"there is no baseline {fspath(path)}; write it with {how}")
    difference = diff(load(file), report)
    if difference:
        raise AssertionError(
            f"the receptive fields differ from {fspath(path)}; if that is meant, update it with "
            f"{how}\n\n{difference}"
        )
    return False


def _is_same(file: Path, report: Report) -> bool:
    try:
        return load(file) == report
    except ReportError:
        return False
