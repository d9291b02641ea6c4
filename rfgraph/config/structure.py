"""The one layout of a configuration, whether it stands in YAML or in TOML."""

from __future__ import annotations

from collections.abc import Mapping

from rfgraph.auditing import AuditOptions, Expectation, Severity, expectation, find_rules
from rfgraph.config.config import Config, ModelConfig
from rfgraph.errors import ConfigError, InputError
from rfgraph.report.readers import (
    Data,
    MisfitError,
    Place,
    Table,
    integer,
    list_of,
    mapping_of,
    show,
    text,
)
from rfgraph.targets import InputSpec, parse_input

_SEVERITIES = {severity.word: severity for severity in Severity}


def config_from_data(data: Data) -> Config:
    """Return the configuration that `data` lays out.

    Raises:
        MisfitError: If anything is missing, unknown, of the wrong kind or contradictory.
    """
    top = Table(data, (), "a configuration")
    select = top.take_or("select", _rules, ())
    ignore = top.take_or("ignore", _rules, ())
    fail_on = top.take_or("fail_on", _severity, Severity.WARNING)
    general = AuditOptions(select=select, ignore=ignore, fail_on=fail_on)

    def model(value: Data, place: Place) -> ModelConfig:
        return _model(value, place, general)

    models = top.take_or("models", mapping_of(model), {})
    top.finish()
    return Config(models=models, options=general)


def _model(value: Data, place: Place, general: AuditOptions) -> ModelConfig:
    table = Table(value, place, "a model")
    target = table.take("target", text)
    inputs = table.take_or("inputs", _inputs, ())
    axes = table.take_or("axes", list_of(integer), None)
    layout = table.take_or("layout", text, None)
    if axes is not None and layout is not None:
        raise MisfitError((*place, "layout"), "give either axes or a layout, which names them too")
    options = AuditOptions(
        select=table.take_or("select", _rules, general.select),
        ignore=(*general.ignore, *table.take_or("ignore", _rules, ())),
        ignore_nodes=table.take_or("ignore_nodes", mapping_of(_rules), {}),
        fail_on=table.take_or("fail_on", _severity, general.fail_on),
        object_size=table.take_or("object_size", _positive, None),
        causal=table.take_or("causal", list_of(integer), ()),
        expect=table.take_or("expect", mapping_of(_expectations), {}),
    )
    table.finish()
    return ModelConfig(target, inputs, axes, layout, options)


def _rules(value: Data, place: Place) -> tuple[str, ...]:
    return list_of(_rule)(value, place)


def _rule(value: Data, place: Place) -> str:
    name = text(value, place)
    try:
        find_rules([name])
    except ConfigError as error:
        raise MisfitError(place, str(error)) from None
    return name


def _severity(value: Data, place: Place) -> Severity:
    if not isinstance(value, str) or value not in _SEVERITIES:
        raise MisfitError(place, f"expected {', '.join(_SEVERITIES)}, found {show(value)}")
    return _SEVERITIES[value]


def _inputs(value: Data, place: Place) -> tuple[InputSpec, ...]:
    return list_of(_input)([value] if isinstance(value, str) else value, place)


def _input(value: Data, place: Place) -> InputSpec:
    try:
        return parse_input(text(value, place))
    except InputError as error:
        raise MisfitError(place, str(error)) from None


def _positive(value: Data, place: Place) -> int:
    number = integer(value, place)
    if number < 1:
        raise MisfitError(place, f"expected an integer of at least 1, found {number}")
    return number


def _expectations(value: Data, place: Place) -> tuple[Expectation, ...]:
    if not isinstance(value, Mapping):
        raise MisfitError(place, f"expected facts such as size: 427, found {show(value)}")
    return tuple(_expectation(fact, wanted, (*place, fact)) for fact, wanted in value.items())


def _expectation(fact: str, wanted: Data, place: Place) -> Expectation:
    try:
        return expectation(fact, wanted)
    except ConfigError as error:
        raise MisfitError(place, str(error)) from None
