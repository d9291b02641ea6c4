"""`rfgraph audit`: what is suspicious about the receptive fields of one or several models."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

import click

import rfgraph
from rfgraph.auditing import RULES, Severity, find_rules
from rfgraph.auditing.audited import Audited, place_of
from rfgraph.auditing.spellings import SPELLINGS
from rfgraph.cli.emit import emit, output_option
from rfgraph.cli.input_option import input_option, parse_axes
from rfgraph.cli.main import FINDINGS, OK
from rfgraph.config import Config, ModelConfig, find_config, load_config
from rfgraph.errors import CaptureError, ConfigError, InputError, ModelError
from rfgraph.targets import InputSpec, Target, materialize, resolve

if TYPE_CHECKING:
    from rfgraph.analysis import Analysis


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("targets", nargs=-1)
@input_option
@click.option(
    "--layout", metavar="LETTERS", help="Meaning of each input axis, such as NHWC or NLC."
)
@click.option("--select", multiple=True, metavar="RULE", help="Apply only these: RF2, gridding.")
@click.option("--ignore", multiple=True, metavar="RULE", help="Do not apply these rules.")
@click.option(
    "--fail-on",
    type=click.Choice([severity.word for severity in Severity]),
    help="The least severity that makes the exit status 1. Default: warning.",
)
@click.option(
    "--object-size", type=click.IntRange(1), help="Input positions that features should see."
)
@click.option(
    "--causal",
    callback=lambda _context, _option, value: parse_axes(value),
    metavar="AXES",
    help="Tensor axes along which no output may look ahead, such as 2.",
)
@click.option(
    "--config",
    "config_file",
    metavar="FILE",
    help="Configuration. Default: rfgraph.yaml, or [tool.rfgraph] in pyproject.toml, if there.",
)
@click.option("--format", "format_name", type=click.Choice(list(SPELLINGS)), default="text")
@output_option
@click.option("--explain", metavar="RULE", help="Explain a rule, with its literature, and stop.")
@click.option("--list", "list_rules", is_flag=True, help="List all rules and stop.")
def audit(
    *,
    targets: tuple[str, ...],
    inputs: tuple[InputSpec, ...],
    layout: str | None,
    select: tuple[str, ...],
    ignore: tuple[str, ...],
    fail_on: str | None,
    object_size: int | None,
    causal: tuple[int, ...] | None,
    config_file: str | None,
    format_name: str,
    output: str | None,
    explain: str | None,
    list_rules: bool,
) -> int:
    """Print what is suspicious about the receptive fields of TARGETS, and how to fix it.

    A TARGET is a model's name in the configuration or any TARGET of rfgraph analyze. Without
    TARGETS all models of the configuration are audited. A batch of one becomes one of two, so that
    samples that mix are seen.

    \b
    Examples:
      rfgraph audit
      rfgraph audit torchvision:resnet50 --object-size 500
      rfgraph audit model.py:build --input 1x3x64x64 --ignore RF4 --fail-on error
      rfgraph audit --format sarif --output rfgraph.sarif
      rfgraph audit --explain RF204

    Exit status: 0 if nothing is as severe as --fail-on, 1 if something is, 2 if the command was
    misused.
    """  # noqa: D301 -- \b tells click to keep the lines that follow
    if list_rules or explain:
        text = _list() if list_rules else _explanation(explain or "")
        click.echo(text, nl=False)
        return OK
    config = load_config(config_file) if config_file else find_config()

    def with_options(model: ModelConfig) -> ModelConfig:
        given = model.options
        options = replace(
            given,
            select=select or given.select,
            ignore=(*given.ignore, *ignore),
            fail_on=Severity[fail_on.upper()] if fail_on else given.fail_on,
            object_size=object_size or given.object_size,
            causal=given.causal if causal is None else causal,
        )
        find_rules((*options.select, *options.ignore))  # before models are built in vain
        axes = None if layout else model.axes
        return replace(
            model,
            options=options,
            inputs=inputs or model.inputs,
            layout=layout or model.layout,
            axes=axes,
        )

    chosen = {name: with_options(model) for name, model in _chosen(config, targets).items()}
    audits = [_audited(name, model, config.file) for name, model in chosen.items()]
    text = SPELLINGS[format_name](audits)
    emit(text, output)
    failed = any(
        audited.audit.failures(model.options.fail_on)
        for audited, model in zip(audits, chosen.values(), strict=True)
    )
    return FINDINGS if failed else OK


def _chosen(config: Config, targets: tuple[str, ...]) -> dict[str, ModelConfig]:
    if not targets and not config.models:
        raise ConfigError(
            "there is nothing to audit; name a TARGET, or models in rfgraph.yaml or [tool.rfgraph]"
        )
    return {
        target: config.models.get(target, ModelConfig(target, options=config.options))
        for target in targets or config.models
    }


def _audited(name: str, model: ModelConfig, config_file: str | None) -> Audited:
    resolved = resolve(model.target)
    analysis = _analysis(resolved, model)
    file, line = place_of(model.target, config_file)
    return Audited(name, rfgraph.audit(analysis, model.options), file, line)


def _analysis(target: Target, model: ModelConfig) -> Analysis:
    """Analyse with two samples if the model takes them, else with what was asked for."""
    *first, last = _attempts(target, model)
    for specs in first:
        # A model made for one sample fails here; the last attempt tells what else is wrong.
        with suppress(CaptureError, InputError, ModelError):
            return _analyze(target, model, specs)
    return _analyze(target, model, last)


def _attempts(target: Target, model: ModelConfig) -> Iterator[tuple[InputSpec, ...]]:
    given = model.inputs or (() if target.examples else target.inputs or ())
    batch = model.layout.upper().find("N") if model.layout else 0
    may_double = (
        batch >= 0
        and 0 not in (model.axes or target.axes or ())
        and all(len(spec.shape) > 1 and not spec.in_list for spec in given)
        and any(spec.shape[batch] == 1 for spec in given if batch < len(spec.shape))
    )
    if given and may_double:
        yield tuple(_doubled(spec, batch) for spec in given)
    yield model.inputs


def _doubled(spec: InputSpec, batch: int) -> InputSpec:
    if batch >= len(spec.shape) or spec.shape[batch] != 1:
        return spec
    return replace(spec, shape=(*spec.shape[:batch], 2, *spec.shape[batch + 1 :]))


def _analyze(target: Target, model: ModelConfig, specs: tuple[InputSpec, ...]) -> Analysis:
    arguments = materialize(target, specs)
    axes = model.axes
    if axes is None and not model.inputs and not model.layout:
        axes = target.axes
    return rfgraph.analyze(
        target.model,
        arguments.positional or None,
        axes=axes,
        layout=model.layout,
        kwargs=arguments.named or None,
    )


def _list() -> str:
    return "".join(
        f"{rule.code}  {rule.severity.word:7}  {rule.name:21} {rule.summary}\n" for rule in RULES
    )


def _explanation(name: str) -> str:
    parts = [
        f"{rule.code} {rule.name} ({rule.severity.word})\n\n{rule.explanation}\n\n"
        f"To fix it: {rule.remedy}\n"
        for rule in find_rules([name])
    ]
    return "\n\n".join(parts)
