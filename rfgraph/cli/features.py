"""`rfgraph features`: what a module of a model makes of a picture."""

from __future__ import annotations

import click

import rfgraph
from rfgraph.cli.input_option import input_option
from rfgraph.cli.main import OK
from rfgraph.cli.model_options import (
    normalisation_options,
    normaliser,
    picture_option,
    picture_shape,
    running,
    weights_option,
)
from rfgraph.targets import InputSpec


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("target")
@input_option
@click.option(
    "--node", required=True, metavar="NAME", help="Path of the module whose output is shown."
)
@picture_option("The picture to look at; a test chart by default.")
@weights_option
@normalisation_options
@click.option(
    "--order",
    type=click.Choice(["index", "mean", "variance"]),
    default="index",
    show_default=True,
    help="Which channels come first.",
)
@click.option(
    "--scale",
    type=click.Choice(["channel", "layer"]),
    default="channel",
    show_default=True,
    help="Stretch each channel over all colours, or all alike.",
)
@click.option(
    "--limit", type=click.IntRange(1), default=64, show_default=True, help="Most channels to show."
)
@click.option(
    "-o", "--output", required=True, type=click.Path(dir_okay=False), help="A .png, .svg or .pdf."
)
def features(
    *,
    target: str,
    inputs: tuple[InputSpec, ...],
    node: str,
    image: str | None,
    weights: str | None,
    mean: tuple[float, ...] | None,
    std: tuple[float, ...] | None,
    order: str,
    scale: str,
    limit: int,
    output: str,
) -> int:
    """Draw the feature maps that a module of TARGET makes of a picture.

    Models come untrained (seed 0) unless --weights names a saved state_dict. Needs the extra
    rfgraph[plot].

    \b
    Examples:
      rfgraph features torchvision:resnet18 --node conv1 -o maps.png
      rfgraph features model.py:build --input 1x3x128x128 --weights trained.pt --node stem \\
          --image cat.jpg --order variance --limit 16 -o maps.svg
    """  # noqa: D301 -- \b tells click to keep the lines that follow
    import torch

    from rfgraph import plot
    from rfgraph.pictures import chart, load_picture
    from rfgraph.plot.save import format_of_figure

    format_of_figure(output)
    resolved = running(target, weights)
    channels, height, width = picture_shape(resolved, inputs)
    prepare = normaliser(mean, std, channels)
    if image is None:
        drawn = torch.from_numpy(chart(height, width)).permute(2, 0, 1)
        picture = drawn if channels == 3 else drawn.mean(0, keepdim=True).expand(channels, -1, -1)
    else:
        picture = load_picture(image, (height, width), channels=channels)
    assert isinstance(resolved.model, torch.nn.Module)
    with torch.no_grad(), rfgraph.record(resolved.model, node) as recording:
        resolved.model(prepare(picture)[None])
    figure = plot.feature_maps(
        recording,
        node,
        image=picture if channels in (1, 3) else None,
        order=order,  # type: ignore[arg-type]
        scale=scale,  # type: ignore[arg-type]
        limit=limit,
    )
    plot.save(figure, output)
    return OK
