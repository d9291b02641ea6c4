"""`rfgraph suggest`: single changes that give a node a wanted field."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

import rfgraph
from rfgraph.cli.emit import emit, output_option
from rfgraph.cli.main import FINDINGS, OK
from rfgraph.cli.model_options import model_options
from rfgraph.cli.rows import FORMATS, Value, render_rows
from rfgraph.errors import InputError
from rfgraph.targets import InputSpec, materialize, resolve

if TYPE_CHECKING:
    from rfgraph import Suggestion

CHANGES = ("dilation", "kernel", "stride", "block")


def _size(_context: object, _option: object, text: str) -> int | tuple[int | None, ...]:
    if not re.fullmatch(r"(\d{1,18}|-)(x(\d{1,18}|-))*", text):
        raise click.BadParameter(f"'{text}' is not of the form 300, 300x200 or 300x-")
    sizes = tuple(None if part == "-" else int(part) for part in text.split("x"))
    return sizes[0] if len(sizes) == 1 and sizes[0] is not None else sizes


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@model_options
@click.option("--node", metavar="NAME", help="Output, node or path of the module to look at.")
@click.option(
    "--size",
    required=True,
    callback=_size,
    metavar="LENGTHS",
    help="Wanted field: 300, or one length per axis, 300x200; '-' leaves an axis as it is.",
)
@click.option(
    "--change",
    "changes",
    type=click.Choice(CHANGES),
    multiple=True,
    help="Only this kind of change; may be repeated.",
)
@click.option("--within", default="*", metavar="GLOB", help="Only modules such as 'layer3*'.")
@click.option(
    "--sort",
    type=click.Choice(["cost", "field"]),
    default="cost",
    help="What comes first: few multiply-adds, or little more than the wanted field.",
)
@click.option("--refused", is_flag=True, help="List what cannot be changed instead, and why.")
@click.option("--format", "format_name", type=click.Choice(FORMATS), default="table")
@output_option
def suggest(
    *,
    target: str,
    inputs: tuple[InputSpec, ...],
    axes: tuple[int, ...] | None,
    layout: str | None,
    node: str | None,
    size: int | tuple[int | None, ...],
    changes: tuple[str, ...],
    within: str,
    sort: str,
    refused: bool,
    format_name: str,
    output: str | None,
) -> int:
    """Print which single changes let a node of TARGET see as much as wanted, and what they cost.

    TARGET is as for `rfgraph analyze`. Each change is made on a copy and analysed.

    \b
    Examples:
      rfgraph suggest torchvision:resnet18 --node layer3 --size 300
      rfgraph suggest model.py:unet --size 200x- --change dilation --sort field

    Exit status: 0 if a change was found, 1 if there is none, 2 if the command was misused.
    """  # noqa: D301 -- \b tells click to keep the lines that follow
    from torch.nn import Module

    resolved = resolve(target)
    if not isinstance(resolved.model, Module):
        raise InputError(f"'{target}' is no module, so nothing in it can be changed")
    arguments = materialize(resolved, inputs)
    found = rfgraph.suggest(
        resolved.model,
        arguments.positional or None,
        node,
        target_size=size,
        changes=changes or CHANGES,
        within=within,
        kwargs=arguments.named or None,
        axes=resolved.axes if axes is None and not inputs and not layout else axes,
        layout=layout,
    )
    rows: list[dict[str, Value]]
    if refused:
        rows = [
            {"module": r.module or None, "change": r.kind, "why not": r.reason}
            for r in found.refused
        ]
    else:
        rows = [
            {
                "module": s.change.module or None,
                "change": s.text,
                "size": _spell(s.size),
                "support": _spell(s.support),
                "parameters": _more(s.added_parameters),
                "multiply-adds": _more(s.added_multiply_adds),
                "output": _spell(s.shape),
                "remarks": _remarks(s),
            }
            for s in (found.by_field() if sort == "field" else found)
        ]
    counts = f"{len(found)} change{'s' * (len(found) != 1)}"
    title = (
        f"{found.node} sees {_spell(found.size)}; {counts} let it see {_spell(found.target)}, "
        f"{len(found.refused)} cannot be made or do not help. Without a change: "
        f"{found.cost.parameters} parameters, "
        f"{'unknown' if found.cost.multiply_adds is None else found.cost.multiply_adds} "
        "multiply-adds."
    )
    facts: dict[str, Value] = {
        "node": found.node,
        "size": list(found.size),
        "target": list(found.target),
        "parameters": found.cost.parameters,
        "multiply_adds": found.cost.multiply_adds,
    }
    name = "refused" if refused else "suggestions"
    emit(render_rows(name, format_name, title, facts, rows), output)
    return OK if len(found) else FINDINGS


def _spell(lengths: Sequence[int | None]) -> str:
    return "×".join("-" if n is None else str(n) for n in lengths)


def _remarks(suggestion: Suggestion) -> Value:
    """What is to be known of a suggestion before it is followed."""
    found: list[Value] = []
    if suggestion.support != suggestion.size:
        found.append("has holes")
    if suggestion.looks_ahead:
        found.append("no longer causal")
    if suggestion.status.name != "EXACT":
        found.append(f"size is {suggestion.status.name.lower()}")
    return found or None


def _more(number: int | None) -> Value:
    return number if number is None else f"{number:+d}"
