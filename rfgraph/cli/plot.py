"""`rfgraph plot`: figures of what the nodes of a model can see."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import click

import rfgraph
from rfgraph.cli.main import OK
from rfgraph.cli.model_options import (
    analysed,
    model_options,
    normalisation_options,
    normaliser,
    picture_for,
    picture_option,
    picture_shape,
    running,
    weights_option,
)
from rfgraph.errors import InputError
from rfgraph.targets import InputSpec

if TYPE_CHECKING:
    from matplotlib.figure import Figure

KINDS = (
    "growth", "graph", "field", "footprint", "density", "erf", "branches", "projection",
)  # fmt: skip
SEVERAL = ("field", "projection")
"""Kinds that show several nodes."""

WHOLE = ("growth", "graph")
"""Kinds that show the whole model."""


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
@picture_option("The picture under the fields; for erf, the one that influence is measured on.")
@click.option(
    "--depth",
    type=click.IntRange(1),
    help="Levels of modules that graph opens.  [default: 1]",
)
@weights_option
@normalisation_options
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
    depth: int | None,
    weights: str | None,
    mean: tuple[float, ...] | None,
    std: tuple[float, ...] | None,
    output: str,
) -> int:
    """Draw what the nodes of TARGET can see. Needs the extra rfgraph[plot].

    \b
    Kinds:
      growth      size after every operator that widens the field
      graph       modules and what they read, each with its field
      field       nested boxes of one element of each --node
      footprint   exactly the pixels that one element sees
      density     the share of all paths from each pixel
      erf         measured influence of each pixel (Luo et al. 2016) on --image or noise, beside
                  the exact box; runs the model, untrained unless --weights
      branches    the field over each branch that meets in the --node
      projection  the elements of each --node that one pixel reaches

    \b
    Examples:
      rfgraph plot torchvision:resnet50 -o growth.svg
      rfgraph plot torchvision:resnet18 --kind field --node layer1 --node layer3 -o field.png
      rfgraph plot torchvision:resnet18 --kind density --node layer2 --image cat.jpg -o cat.pdf
      rfgraph plot torchvision:resnet18 --kind erf --node layer3 --weights w.pt -o erf.png
    """  # noqa: D301 -- \b tells click to keep the lines that follow
    from rfgraph import plot as draw
    from rfgraph.plot.place import element_at, middle
    from rfgraph.plot.save import format_of_figure

    format_of_figure(output)
    if kind not in (*WHOLE, "erf") and not nodes:
        raise InputError(f"--kind {kind} needs a --node")
    if kind not in SEVERAL and len(nodes) > 1:
        raise InputError(f"--kind {kind} shows one --node; got {len(nodes)}")
    if kind in WHOLE and (nodes or image or pixel):
        raise InputError(f"--kind {kind} shows the whole model: no --node, --image or --pixel")
    if kind != "graph" and depth:
        raise InputError("--depth belongs to --kind graph")
    if kind != "erf" and (weights or mean or std):
        raise InputError("--weights, --mean and --std belong to --kind erf")
    if kind == "erf":
        draw.save(
            _effective(
                target=target,
                inputs=inputs,
                name=nodes[0] if nodes else None,
                pixel=pixel,
                image=image,
                weights=weights,
                mean=mean,
                std=std,
                axes=axes,
                layout=layout,
            ),
            output,
        )
        return OK
    analysis = analysed(target, inputs, axes, layout)
    if kind in WHOLE:
        figure = (
            draw.growth(analysis) if kind == "growth" else draw.graph(analysis, depth=depth or 1)
        )
        draw.save(figure, output)
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


def _effective(
    *,
    target: str,
    inputs: tuple[InputSpec, ...],
    name: str | None,
    pixel: tuple[int, int] | None,
    image: str | None,
    weights: str | None,
    mean: tuple[float, ...] | None,
    std: tuple[float, ...] | None,
    axes: tuple[int, ...] | None,
    layout: str | None,
) -> Figure:
    """Return the figure of what one element of a node of the running model is influenced by.

    Raises:
        InputError: The model does not take one picture, or --pixel stands without --node.
    """
    import torch

    from rfgraph import plot as draw
    from rfgraph.pictures import load_picture
    from rfgraph.plot.place import element_at

    resolved = running(target, weights)
    assert isinstance(resolved.model, torch.nn.Module)
    channels, height, width = picture_shape(resolved, inputs)
    prepare = normaliser(mean, std, channels)
    position = None
    if pixel is not None:
        if name is None:
            raise InputError("--pixel needs a --node, whose element lies there")
        shape = (1, channels, height, width)
        found = rfgraph.analyze(resolved.model, shape, axes=axes, layout=layout)[name]
        position = element_at(found, pixel, (height, width))
    picture = None if image is None else load_picture(image, (height, width), channels=channels)
    measured = rfgraph.erf(
        resolved.model,
        (1, channels, height, width) if picture is None else prepare(picture)[None],
        name,
        position=position,
        axes=axes,
        layout=layout,
    )
    return draw.erf(measured, image=picture if channels in (1, 3) else None)


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
