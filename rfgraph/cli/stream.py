"""`rfgraph stream`: latency, look-ahead and state of a model on a stream."""

from __future__ import annotations

from fractions import Fraction

import click

import rfgraph
from rfgraph.cli.input_option import parse_axes
from rfgraph.cli.main import OK
from rfgraph.cli.rows import FORMATS, Value, render_rows
from rfgraph.report import write_text
from rfgraph.targets import InputSpec, materialize, parse_input, resolve


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("target")
@click.option(
    "--input",
    "inputs",
    multiple=True,
    callback=lambda _context, _option, values: tuple(map(parse_input, values)),
    metavar="SHAPE[:DTYPE]",
    help="Shape of a signal, such as 1x1x16000. Default: what the target is made for.",
)
@click.option(
    "--axes",
    callback=lambda _context, _option, value: parse_axes(value),
    metavar="AXES",
    help="Tensor axes to analyse, such as 1. Default: all after batch and channel.",
)
@click.option("--time", type=int, metavar="AXIS", help="The axis that is time. Default: the last.")
@click.option("--node", metavar="NAME", help="Output, or path of the module, that is wanted.")
@click.option(
    "--sample-rate",
    type=click.FloatRange(min=0, min_open=True),
    metavar="HZ",
    help="Input samples per second, to print milliseconds too.",
)
@click.option("--format", "format_name", type=click.Choice(FORMATS), default="table")
@click.option(
    "--output",
    type=click.Path(dir_okay=False),
    help="Write to this file, wholly or not at all, instead of printing.",
)
def stream(
    *,
    target: str,
    inputs: tuple[InputSpec, ...],
    axes: tuple[int, ...] | None,
    time: int | None,
    node: str | None,
    sample_rate: float | None,
    format_name: str,
    output: str | None,
) -> int:
    """Print how an output of TARGET depends on time.

    TARGET is as for `rfgraph analyze`.

    \b
    Examples:
      rfgraph stream model.py:encoder --input 1x1x16000 --sample-rate 16000
      rfgraph stream model.py:detector --input 1x40x500 --sample-rate 100 --format json

    Exit status: 0 if all is well, 2 if the output cannot run on a stream (the message says why) or
    the command was misused.
    """  # noqa: D301 -- \b tells click to keep the lines that follow
    resolved = resolve(target)
    arguments = materialize(resolved, inputs)
    analysis = rfgraph.analyze(
        resolved.model,
        arguments.positional or None,
        axes=resolved.axes if axes is None and not inputs else axes,
        kwargs=arguments.named or None,
    )
    plan = rfgraph.streaming(analysis, node, axis=time, sample_rate=sample_rate)
    facts: dict[str, Value] = {
        "node": plan.node,
        "causal": plan.is_causal,
        "breaks_causality": plan.breaks_causality,
        "jump": _number(plan.jump),
        "look_back": plan.look_back,
        "look_ahead": plan.look_ahead,
        "latency": plan.latency,
        "latency_ms": _number(plan.latency_ms),
        "chunk": plan.chunk,
        "warm_up": plan.warm_up,
        "not_in_chunks": plan.blocker,
    }
    rows: list[dict[str, Value]] = [
        {
            "layer": state.node,
            "keeps of": state.source,
            "elements": state.elements,
            "samples": _number(state.samples),
        }
        for state in plan.states
    ]
    title = "\n".join(f"{key.replace('_', ' ')}: {_spell(value)}" for key, value in facts.items())
    text = render_rows("states", format_name, title, facts, rows)
    if output:
        write_text(output, text)
    else:
        click.echo(text, nl=False)
    return OK


def _number(value: Fraction | None) -> Value:
    """A fraction as an integer where it is one, else as the text `1/2`."""
    if value is None:
        return None
    return value.numerator if value.denominator == 1 else str(value)


def _spell(value: Value) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "-" if value is None else str(value)
