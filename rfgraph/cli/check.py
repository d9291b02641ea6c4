"""`rfgraph check`: predicted fields against the model itself."""

from __future__ import annotations

import math
import re
import sys
from typing import TYPE_CHECKING, Any

import click

import rfgraph
from rfgraph.cli.emit import emit, output_option
from rfgraph.cli.main import FINDINGS, OK
from rfgraph.cli.model_options import model_options, running, weights_option
from rfgraph.cli.rows import FORMATS, Value, render_rows
from rfgraph.targets import InputSpec, materialize

if TYPE_CHECKING:
    from rfgraph import CheckResult


def _position(
    _context: click.Context, _option: click.Parameter, values: tuple[str, ...]
) -> tuple[tuple[int, ...], ...]:
    for value in values:
        if not re.fullmatch(r"-?\d+(,-?\d+)*", value):
            raise click.BadParameter(f"'{value}' is not a position such as 3,3")
    return tuple(tuple(int(k) for k in value.split(",")) for value in values)


def _memory(_context: click.Context, _option: click.Parameter, gib: float) -> int:
    """Return the bytes of a number of GiB."""
    if not 0 < gib * 2**30 < math.inf:
        raise click.BadParameter(f"{gib} is not a number of GiB that a pass may hold")
    return int(gib * 2**30) or 1


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@model_options
@weights_option
@click.option(
    "--nodes",
    multiple=True,
    metavar="PATTERN",
    help="Only nodes or modules of this name or pattern; may be repeated.",
)
@click.option(
    "--count",
    type=click.IntRange(min=1),
    default=10,
    show_default=True,
    help="Without --nodes: how many nodes, spread over the depth.",
)
@click.option(
    "--position",
    "positions",
    multiple=True,
    callback=_position,
    metavar="INDEX",
    help="Position of each node, such as 3,3; may be repeated. Default: corners, borders, middle.",
)
@click.option(
    "--method", type=click.Choice(("gradient", "taint", "both")), default="both", show_default=True
)
@click.option(
    "--draws",
    type=click.IntRange(min=1),
    default=2,
    show_default=True,
    help="Draws of weights that a gradient's support is united over.",
)
@click.option("--raw", is_flag=True, help="Take gradients without any substitution.")
@click.option(
    "--enlarge/--no-enlarge",
    default=True,
    help="Also check whole fields on a larger input, if they do not fit. Default: yes.",
)
@click.option(
    "--memory",
    type=float,
    callback=_memory,
    default=2.0,
    show_default=True,
    metavar="GIB",
    help="What one pass may hold.",
)
@click.option("--format", "format_name", type=click.Choice(FORMATS), default="table")
@output_option
def check(
    *,
    target: str,
    inputs: tuple[InputSpec, ...],
    axes: tuple[int, ...] | None,
    layout: str | None,
    weights: str | None,
    nodes: tuple[str, ...],
    count: int,
    positions: tuple[tuple[int, ...], ...],
    method: str,
    draws: int,
    raw: bool,
    enlarge: bool,
    memory: int,
    format_name: str,
    output: str | None,
) -> int:
    """Check predicted fields of TARGET against runs of the model itself.

    TARGET is as for `rfgraph analyze`. Gradients and NaN are sent through the eager model, never
    through the recorded graph.

    \b
    Examples:
      rfgraph check torchvision:resnet18 --input 1x3x96x96
      rfgraph check model.py:build --nodes 'layer4*' --position 0,0 --position 3,3
      rfgraph check torchvision:resnet50 --method gradient --format yaml

    Exit status: 0 if no field is too small, 1 if one is, 2 if the command was misused. Verdicts
    that are inconclusive prove nothing and do not change the status.
    """  # noqa: D301 -- \b tells click to keep the lines that follow
    resolved = running(target, weights)
    model: Any = resolved.model
    arguments = materialize(resolved, inputs)
    given = arguments.positional
    shapes = [tuple(t.shape) if not isinstance(t, list) and t.is_meta else t for t in given]
    single = len(shapes) == 1 and not arguments.named and isinstance(shapes[0], tuple)
    bar = _Bar()
    try:
        result = rfgraph.check(
            model,
            shapes[0] if single and _is_default_float(given[0]) else list(given) or None,
            nodes=nodes or None,
            positions=positions or None,
            method=method,  # type: ignore[arg-type]
            count=count,
            draws=draws,
            raw=raw,
            enlarge=enlarge,
            budget=memory,
            kwargs=arguments.named or None,
            axes=resolved.axes if axes is None and not inputs and not layout else axes,
            layout=layout,
            progress=bar.advance,
        )
    finally:
        bar.clear()
    facts: dict[str, Value] = {
        "summary": result.summary,
        "substitutions": list(result.substitutions),
        "notes": list(result.notes),
        "advice": result.advice,
    }
    is_table = format_name in ("table", "markdown")
    rows = _summary(result) if is_table else [finding.to_dict() for finding in result.findings]
    text = render_rows("findings", format_name, f"{result.summary}", facts, rows)
    emit(text + (_told(result) if is_table else ""), output)
    return OK if result.ok else FINDINGS


def _is_default_float(tensor: object) -> bool:
    return str(getattr(tensor, "dtype", "")) == "torch.float32"


def _summary(result: CheckResult) -> list[dict[str, Value]]:
    """One row per node, input, scope and method: how many verdicts of each kind."""
    rows: dict[tuple[str, ...], dict[str, Value]] = {}
    for finding in result.findings:
        key = (finding.node, finding.input, finding.scope, finding.method)
        empty: dict[str, Value] = {
            "node": finding.node,
            **({"input": finding.input} if len(result.inputs) > 1 else {}),
            "paths": finding.scope,
            "method": finding.method,
            **{verdict.value: 0 for verdict in rfgraph.Verdict},
        }
        row = rows.setdefault(key, empty)
        before = row[finding.verdict.value]
        assert isinstance(before, int)
        row[finding.verdict.value] = before + 1
    return list(rows.values())


_SHOWN = 20


def _told(result: CheckResult) -> str:
    """Every verdict that is not exact, once per reason, then notes and advice."""
    lines = []
    for finding in result.findings:
        if finding.verdict is not rfgraph.Verdict.EXACT:
            at = result.place_of(finding)
            lines.append(f"{finding.verdict.value}: {at} ({finding.method}): {finding.reason}")
    if len(lines) > _SHOWN:
        more = len(lines) - _SHOWN
        lines = [*lines[:_SHOWN], f"and {more} more; all: --format yaml"]
    lines += [*result.notes]
    if result.substitutions:
        lines.append(f"gradients were taken with: {'; '.join(result.substitutions)}.")
    if result.advice:
        lines.append(result.advice)
    return "".join(f"\n{line}" for line in lines) + ("\n" if lines else "")


class _Bar:
    """A progress bar on a terminal; nothing elsewhere."""

    def __init__(self) -> None:
        self._stream = sys.stderr
        self._shown = False

    def advance(self, done: int, total: int) -> None:
        """Show that `done` of `total` elements are checked."""
        if self._stream.isatty():
            self._shown = True
            filled = 30 * done // max(total, 1)
            self._stream.write(f"\rchecking [{'#' * filled:<30}] {done}/{total}")
            self._stream.flush()

    def clear(self) -> None:
        """Leave an empty line."""
        if self._shown:
            self._stream.write("\r" + " " * 60 + "\r")
            self._stream.flush()
