"""Where a command's text goes: `--output`, or standard output."""

from __future__ import annotations

import click

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
        ReportError: The file cannot be written; it is left as it was.
    """
    if output:
        write_text(output, text)
    else:
        click.echo(text, nl=False)
