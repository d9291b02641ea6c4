"""`rfgraph tile`: sizes, halos and steps for inference in tiles."""

from __future__ import annotations

import re

import click

import rfgraph
from rfgraph.cli.emit import emit, output_option
from rfgraph.cli.main import OK
from rfgraph.cli.model_options import analysed, model_options
from rfgraph.cli.rows import FORMATS, Value, render_rows
from rfgraph.targets import InputSpec

_UNITS = {"": 1, "K": 2**10, "M": 2**20, "G": 2**30}


def _tile(_context: object, _option: object, text: str | None) -> tuple[int | None, ...] | None:
    if text is None:
        return None
    if not re.fullmatch(r"(\d{1,18}|-)(x(\d{1,18}|-))*", text):
        raise click.BadParameter(f"'{text}' is not of the form 512, 512x256 or 512x-")
    return tuple(None if part == "-" else int(part) for part in text.split("x"))


def _bytes(_context: object, _option: object, text: str | None) -> int | None:
    if text is None:
        return None
    match = re.fullmatch(r"(\d{1,15})([KMG]?)(?:i?B)?", text)
    if not match:
        raise click.BadParameter(f"'{text}' is not a number of bytes such as 800M or 2G")
    return int(match[1]) * _UNITS[match[2]]


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@model_options
@click.option("--node", metavar="NAME", help="Output, or path of the module, that is wanted.")
@click.option(
    "--tile",
    callback=_tile,
    metavar="LENGTHS",
    help="Largest tile: 512, or one length per axis, 512x256; '-' leaves an axis whole.",
)
@click.option(
    "--memory",
    callback=_bytes,
    metavar="BYTES",
    help="Instead: what the activations of a tile may take, such as 800M or 2G.",
)
@click.option("--format", "format_name", type=click.Choice(FORMATS), default="table")
@output_option
def tile(
    *,
    target: str,
    inputs: tuple[InputSpec, ...],
    axes: tuple[int, ...] | None,
    layout: str | None,
    node: str | None,
    tile: tuple[int | None, ...] | None,
    memory: int | None,
    format_name: str,
    output: str | None,
) -> int:
    """Print how to cut the input of TARGET so that tile by tile equals the whole.

    TARGET is as for `rfgraph analyze`. Give --tile or --memory.

    \b
    Examples:
      rfgraph tile torchvision:fcn_resnet50 --input 1x3x2048x2048 --tile 1024
      rfgraph tile torchvision:resnet50 --node layer2 --input 1x3x4096x4096 --memory 500M
      rfgraph tile model.py:unet --input 1x1x256x512x512 --tile -x160x160 --format json

    Exit status: 0 if there is a plan, 2 if there is none (the message says why) or the command was
    misused.
    """  # noqa: D301 -- \b tells click to keep the lines that follow
    analysis = analysed(target, inputs, axes, layout)
    if tile is not None and len(tile) == 1:
        tile = tile * len(next(iter(analysis.inputs.values())).axes)
    plan = rfgraph.tiling(analysis, node, tile=tile, memory=memory)
    count = sum(1 for _ in plan.tiles())
    rows: list[dict[str, Value]] = [
        {
            "axis": a.axis,
            "input": a.length,
            "output": a.output_length,
            "size ≡": f"{a.length}" if a.is_whole else f"{a.remainder} mod {a.modulus}",
            "tile": a.tile,
            "step": a.step,
            "overlap": 0 if a.is_whole else a.overlap,
            "halo": list(a.halo),
            "crop": list(a.crop),
            "smallest": a.smallest,
        }
        for a in plan.axes
    ]
    title = (
        f"{plan.node} in {count} tile{'s' * (count != 1)} of "
        f"{'×'.join(map(str, plan.tile_shape))}, about {plan.bytes / 2**20:.0f} MiB of activations "
        "each."
    )
    facts: dict[str, Value] = {
        "node": plan.node,
        "tiles": count,
        "tile_shape": list(plan.tile_shape),
        "bytes": plan.bytes,
    }
    text = render_rows("axes", format_name, title, facts, rows)
    emit(text, output)
    return OK
