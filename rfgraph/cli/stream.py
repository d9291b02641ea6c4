"""`rfgraph stream`: latency, look-ahead and state of a model on a stream."""

from __future__ import annotations

from fractions import Fraction

import click

import rfgraph
from rfgraph.cli.emit import emit, output_option
from rfgraph.cli.main import OK
from rfgraph.cli.model_options import analysed, model_options
from rfgraph.cli.rows import FORMATS, Value, render_rows
from rfgraph.targets import InputSpec


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@model_options
@click.option("--time", type=int, metavar="AXIS", help="The axis that is time. Default: the last.")
@click.option("--node", metavar="NAME", help="Output, or path of the module, that is wanted.")
@click.option(
    "--sample-rate",
    type=click.FloatRange(min=0, min_open=True),
    metavar="HZ",
    help="Input samples per second, to print milliseconds too.",
)
@click.option("--format", "format_name", type=click.Choice(FORMATS), default="table")
@output_option
def stream(
    *,
    target: str,
    inputs: tuple[InputSpec, ...],
    axes: tuple[int, ...] | None,
    layout: str | None,
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
    analysis = analysed(target, inputs, axes, layout)
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
    emit(text, output)
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
