"""`rfgraph plot`: figures of what the nodes of a model can see."""

from __future__ import annotations

import re

import click

from rfgraph.cli.main import OK
from rfgraph.cli.model_options import analysed, model_options, picture_for, picture_option
from rfgraph.errors import InputError
from rfgraph.targets import InputSpec

KINDS = ("growth", "field", "footprint", "density", "branches", "projection")
SEVERAL = ("field", "projection")
"""Kinds that show several nodes."""


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@model_options
@click.option(
    "--kind", type=click.Choice(KINDS), default="growth", show_default=True, help="What to draw."
)
@click.option(
    "--node",
    "nodes",
    multiple=True,
    metavar="NAME",
    help="Node or module path; repeated for field and projection.",
)
@click.option(
    "--pixel",
    callback=lambda _context, _option, value: parse_pixel(value),
    metavar="ROW,COLUMN",
    help="Pixel of the input that fields are centred near, or that is projected. Default: the "
    "middle.",
)
@picture_option("The picture under the fields.")
@click.option(
    "-o", "--output", required=True, type=click.Path(dir_okay=False), help="A .png, .svg or .pdf."
)
def plot(
    *,
    target: str,
    inputs: tuple[InputSpec, ...],
    axes: tuple[int, ...] | None,
    layout: str | None,
    kind: str,
    nodes: tuple[str, ...],
    pixel: tuple[int, int] | None,
    image: str | None,
    output: str,
) -> int:
    """Draw what the nodes of TARGET can see. Needs the extra rfgraph[plot].

    \b
    Kinds:
      growth      size after every operator that widens the field
      field       nested boxes of one element of each --node
      footprint   exactly the pixels that one element sees
      density     the share of all paths from each pixel
      branches    the field over each branch that meets in the --node
      projection  the elements of each --node that one pixel reaches

    \b
    Examples:
      rfgraph plot torchvision:resnet50 -o growth.svg
      rfgraph plot torchvision:resnet18 --kind field --node layer1 --node layer3 -o field.png
      rfgraph plot torchvision:resnet18 --kind density --node layer2 --image cat.jpg -o cat.pdf
    """  # noqa: D301 -- \b tells click to keep the lines that follow
    from rfgraph import plot as draw
    from rfgraph.plot.place import element_at, middle
    from rfgraph.plot.save import format_of_figure

    format_of_figure(output)
    if kind != "growth" and not nodes:
        raise InputError(f"--kind {kind} needs a --node")
    if kind not in SEVERAL and len(nodes) > 1:
        raise InputError(f"--kind {kind} shows one --node; got {len(nodes)}")
    if kind == "growth" and (nodes or image or pixel):
        raise InputError("--kind growth shows the whole model: no --node, --image or --pixel")
    analysis = analysed(target, inputs, axes, layout)
    if kind == "growth":
        draw.save(draw.growth(analysis), output)
        return OK
    picture = picture_for(analysis, image)
    if kind == "field":
        figure = draw.fields(analysis, nodes, pixel=pixel, image=picture)
    elif kind == "projection":
        figure = draw.projection(analysis, nodes, pixel=pixel, image=picture)
    elif kind == "branches":
        figure = draw.branches(analysis[nodes[0]], pixel=pixel, image=picture)
    else:
        node = analysis[nodes[0]]
        lengths = next(iter(analysis.inputs.values())).lengths
        index = element_at(node, pixel or middle(lengths), lengths)
        one = draw.footprint if kind == "footprint" else draw.density
        figure = one(node, index, image=picture)
    draw.save(figure, output)
    return OK


def parse_pixel(text: str | None) -> tuple[int, int] | None:
    """Return the pixel that `ROW,COLUMN` names, or None for None.

    >>> parse_pixel("12,40")
    (12, 40)

    Raises:
        click.BadParameter: If `text` is not of that form.
    """
    if text is None:
        return None
    match = re.fullmatch(r"(\d{1,9}),(\d{1,9})", text)
    if not match:
        raise click.BadParameter(f"'{text}' is not a row and a column such as 12,40")
    return int(match[1]), int(match[2])
