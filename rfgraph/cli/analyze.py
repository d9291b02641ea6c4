"""`rfgraph analyze`: the receptive field of every node of one model."""

from __future__ import annotations

from typing import get_args

import click

import rfgraph
from rfgraph.cli.input_option import input_option, parse_axes
from rfgraph.cli.main import FINDINGS, OK
from rfgraph.errors import UnknownOperatorError
from rfgraph.report import FORMATS, Level, Selection, format_of, from_analysis, write_text
from rfgraph.targets import InputSpec, materialize, resolve


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("target")
@input_option
@click.option(
    "--axes",
    callback=lambda _context, _option, value: parse_axes(value),
    metavar="AXES",
    help="Tensor axes to analyse, such as 2,3. Default: all after batch and channel.",
)
@click.option(
    "--layout", metavar="LETTERS", help="Meaning of each input axis, such as NHWC or NLC."
)
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
@click.option(
    "--output",
    type=click.Path(dir_okay=False),
    help="Write to this file, wholly or not at all, instead of printing.",
)
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
    resolved = resolve(target, real=real)
    arguments = materialize(resolved, inputs)
    try:
        analysis = rfgraph.analyze(
            resolved.model,
            arguments.positional or None,
            axes=resolved.axes if axes is None and not inputs and not layout else axes,
            layout=layout,
            strict=strict,
            training=train,
            real=real,
            kwargs=arguments.named or None,
        )
    except UnknownOperatorError as error:
        click.echo(f"rfgraph: error: {error}", err=True)
        return FINDINGS
    report = from_analysis(analysis, provenance={"target": target})
    text = FORMATS[chosen].render(report, Selection(nodes, level))
    if output:
        write_text(output, text)
    else:
        click.echo(text, nl=False)
    return OK
