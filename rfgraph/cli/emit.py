"""Where a command's text goes: `--output`, or standard output."""

from __future__ import annotations

import os
import sys

import click

from rfgraph.errors import ReportError
from rfgraph.report import write_text

output_option = click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False),
    help="Write to this file, wholly or not at all, instead of printing.",
)
"""The option of every command that prints text."""


def emit(text: str, output: str | None) -> None:
    """Write `text` to the file `output`, or print it when that is None.

    Raises:
        ReportError: The file cannot be written; it is left as it was. Or standard output cannot.
        BrokenPipeError: The reader of standard output has left.
    """
    if output:
        write_text(output, text)
        return
    try:
        click.echo(text, nl=False)
    except BrokenPipeError:
        raise
    except OSError as error:
        drop_output()
        raise ReportError(f"standard output cannot be written: {error.strerror}") from error


def drop_output() -> None:
    """Write nothing more to standard output, also not at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
