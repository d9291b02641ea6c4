"""`rfgraph analyze`: the receptive field of every node of one model."""

from __future__ import annotations

from typing import get_args

import click

from rfgraph.cli.emit import emit, output_option
from rfgraph.cli.main import FINDINGS, OK
from rfgraph.cli.model_options import analysed, model_options
from rfgraph.errors import UnknownOperatorError
from rfgraph.report import FORMATS, Level, Selection, format_of, from_analysis
from rfgraph.targets import InputSpec


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@model_options
@click.option(
    "--nodes",
    multiple=True,
    metavar="GLOB",
    help="Only nodes whose name or module path matches, such as 'layer4*'; may be repeated.",
)
@click.option(
    "--level",
    type=click.Choice(get_args(Level)),
    help="What is a row: what modules returned, or every operator. Default: module for tables, "
    "operator for yaml and json.",
)
@click.option(
    "--format",
    "format_name",
    type=click.Choice(list(FORMATS)),
    help="Default: by the ending of --output, else table.",
)
@output_option
@click.option("--strict", is_flag=True, help="Fail on an operator that rfgraph has no rule for.")
@click.option("--train", is_flag=True, help="Analyse the model in training mode.")
@click.option("--real", is_flag=True, help="Run on tensors that hold data, for models that look.")
def analyze(
    *,
    target: str,
    inputs: tuple[InputSpec, ...],
    axes: tuple[int, ...] | None,
    layout: str | None,
    nodes: tuple[str, ...],
    level: Level | None,
    format_name: str | None,
    output: str | None,
    strict: bool,
    train: bool,
    real: bool,
) -> int:
    """Print the receptive field of every node of TARGET in each of its inputs.

    \b
    TARGET is one of
      torchvision:NAME             a torchvision model, without weights
      timm:NAME                    a timm model, without weights
      package.module:NAME          a module, a module class or a function returning a module
      path/to/file.py:NAME         the same, in a file
      path/to/program.pt2          a saved ExportedProgram

    \b
    Examples:
      rfgraph analyze torchvision:resnet50
      rfgraph analyze torchvision:resnet50 --nodes 'layer4*' --level operator
      rfgraph analyze timm:convnext_tiny --input 1x3x384x384 --format json
      rfgraph analyze model.py:build --input 1x128x16:float64 --layout NLC --output fields.yaml

    Exit status: 0 if all is well, 1 if --strict found an operator without a rule, 2 if the command
    was misused.
    """  # noqa: D301 -- \b tells click to keep the lines that follow
    chosen = format_name or (format_of(output) if output else "table")
    try:
        analysis = analysed(target, inputs, axes, layout, strict=strict, training=train, real=real)
    except UnknownOperatorError as error:
        click.echo(f"rfgraph: error: {error}", err=True)
        return FINDINGS
    report = from_analysis(analysis, provenance={"target": target})
    text = FORMATS[chosen].render(report, Selection(nodes, level))
    emit(text, output)
    return OK
