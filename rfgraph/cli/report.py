"""`rfgraph report`: everything about a model in one HTML file."""

from __future__ import annotations

import click

import rfgraph
from rfgraph.cli.main import OK
from rfgraph.cli.model_options import analysed, model_options, picture_for, picture_option
from rfgraph.report import write_text
from rfgraph.targets import InputSpec


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@model_options
@picture_option("The picture that fields are drawn on.")
@click.option("--audit/--no-audit", default=True, help="Show the findings of rfgraph audit.")
@click.option(
    "-o", "--output", required=True, type=click.Path(dir_okay=False), help="The .html to write."
)
def report(
    *,
    target: str,
    inputs: tuple[InputSpec, ...],
    axes: tuple[int, ...] | None,
    layout: str | None,
    image: str | None,
    audit: bool,
    output: str,
) -> int:
    """Write the receptive fields of TARGET as one HTML file that needs no network.

    Module tree and graph, searchable; the field of whatever the pointer or the keyboard is on,
    drawn on the picture; exact regions of single positions; the findings of rfgraph audit; a
    sortable table.

    \b
    Examples:
      rfgraph report torchvision:resnet50 -o resnet50.html
      rfgraph report timm:convnext_tiny --image cat.jpg -o convnext.html
    """  # noqa: D301 -- \b tells click to keep the lines that follow
    from rfgraph.html import Finding, report_page

    analysis = analysed(target, inputs, axes, layout)
    picture = picture_for(analysis, image)
    findings = [
        Finding(
            title=f"{found.code} {found.name}",
            text=f"{found.message} {found.remedy}",
            node=found.node,
            severity=found.severity.word,
        )
        for found in (rfgraph.audit(analysis).findings if audit else ())
    ]
    page = report_page(analysis, image=picture, title=target, findings=findings)
    write_text(output, page)
    return OK
