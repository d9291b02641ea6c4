"""`rfgraph patches`: what a channel of a model looks for in a folder of pictures."""

from __future__ import annotations

import sys

import click

import rfgraph
from rfgraph.cli.input_option import input_option
from rfgraph.cli.main import OK
from rfgraph.cli.model_options import (
    normalisation_options,
    normaliser,
    picture_shape,
    running,
    weights_option,
)
from rfgraph.targets import InputSpec


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("target")
@click.argument("folder", type=click.Path(exists=True))
@input_option
@click.option(
    "--node", required=True, metavar="NAME", help="Path of the module whose output counts."
)
@click.option("--channel", required=True, type=click.IntRange(0), help="Channel of that output.")
@click.option("-k", type=click.IntRange(1), default=9, show_default=True, help="How many patches.")
@click.option(
    "--per-image",
    type=click.IntRange(1),
    default=1,
    show_default=True,
    help="Most from one picture.",
)
@weights_option
@normalisation_options
@click.option(
    "-o", "--output", type=click.Path(dir_okay=False), help="A .png, .svg or .pdf of the patches."
)
def patches(
    *,
    target: str,
    folder: str,
    inputs: tuple[InputSpec, ...],
    node: str,
    channel: int,
    k: int,
    per_image: int,
    weights: str | None,
    mean: tuple[float, ...] | None,
    std: tuple[float, ...] | None,
    output: str | None,
) -> int:
    """Print the parts of the pictures in FOLDER that excite a channel of TARGET most.

    Pictures are scaled and cut to the model's input; patches are cut by each element's exact field,
    in rows and columns of that input, first and last. --output draws them, which needs the extra
    rfgraph[plot].

    \b
    Examples:
      rfgraph patches torchvision:resnet18 photos --node layer2 --channel 7
      rfgraph patches model.py:build photos --input 1x3x64x64 --weights trained.pt --node stem \\
          --channel 0 -k 16 -o patches.png
    """  # noqa: D301 -- \b tells click to keep the lines that follow
    if output:
        from rfgraph.plot.save import format_of_figure

        format_of_figure(output)
    resolved = running(target, weights)
    channels, height, width = picture_shape(resolved, inputs)
    found = rfgraph.top_patches(
        resolved.model,  # type: ignore[arg-type]
        folder,
        node,
        channel,
        k,
        per_image=per_image,
        size=(height, width),
        transform=normaliser(mean, std, channels),
        input_channels=channels,
        progress=sys.stderr.isatty(),
    )[channel]
    for patch in found:
        hull = patch.region.hull
        place = " ".join(f"{a}-{b}" for a, b in hull) if hull else "nothing"
        index = ",".join(map(str, patch.index))
        click.echo(f"{patch.score:.4g}\t{patch.source}\t[{index}]\t{place}")
    if output:
        from rfgraph import plot

        plot.save(plot.patches(found, title=f"what channel {channel} of {node} seeks"), output)
    return OK
