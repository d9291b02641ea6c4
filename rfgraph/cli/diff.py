"""`rfgraph diff`: what differs between two reports or models, and where it entered."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

import rfgraph
from rfgraph.cli.emit import emit, output_option
from rfgraph.cli.input_option import input_option
from rfgraph.cli.main import FINDINGS, OK
from rfgraph.comparison import SPELLINGS, read_report
from rfgraph.comparison.read import is_report_name
from rfgraph.comparison.text_spelling import spell
from rfgraph.report import from_analysis
from rfgraph.targets import InputSpec, materialize, resolve

if TYPE_CHECKING:
    from rfgraph.report import Report


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("old")
@click.argument("new")
@input_option
@click.option("--format", "format_name", type=click.Choice(list(SPELLINGS)), default="text")
@click.option("--all", "everything", is_flag=True, help="Show every changed node, not the first.")
@output_option
def diff(
    *,
    old: str,
    new: str,
    inputs: tuple[InputSpec, ...],
    format_name: str,
    everything: bool,
    output: str | None,
) -> int:
    """Print what differs from OLD to NEW: changed numbers, and where each change entered.

    \b
    OLD and NEW are each one of
      fields.yaml                  a report that rfgraph wrote, YAML or JSON
      REVISION:fields.yaml         that file as a git revision has it
      torchvision:resnet50, ...    any TARGET of rfgraph analyze

    \b
    Examples:
      rfgraph diff fields.yaml new-fields.yaml
      rfgraph diff HEAD~1:fields.yaml fields.yaml --format markdown
      rfgraph diff fields.yaml model.py:build --input 1x3x224x224

    Two files are compared without importing torch.

    Exit status: 0 if nothing differs, 1 if something does, 2 if the command was misused.
    """  # noqa: D301 -- \b tells click to keep the lines that follow
    found = rfgraph.diff(_report(old, inputs), _report(new, inputs))
    if format_name == "text":
        text = spell(found, shown=None) if everything else spell(found)
    else:
        text = SPELLINGS[format_name](found)
    emit(text, output)
    return FINDINGS if found else OK


def _report(text: str, inputs: tuple[InputSpec, ...]) -> Report:
    if is_report_name(text):
        return read_report(text)
    target = resolve(text)
    arguments = materialize(target, inputs)
    analysis = rfgraph.analyze(
        target.model,
        arguments.positional or None,
        axes=None if inputs else target.axes,
        kwargs=arguments.named or None,
    )
    return from_analysis(analysis, provenance={"target": text})
