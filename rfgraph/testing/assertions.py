"""Assertions about the receptive fields of a model.

Each takes a model and what it is called with, as :func:`rfgraph.analyze` does, or an analysis that
is there already, and raises `AssertionError` with the numbers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from rfgraph.auditing import AuditOptions, Severity, audit, expectation, unmet
from rfgraph.errors import InputError

if TYPE_CHECKING:
    from rfgraph.analysis import Analysis


def assert_field(
    model: Any,
    inputs: Any = None,
    expected: Mapping[str, Mapping[str, Any]] | None = None,
    **options: Any,
) -> None:
    """Assert that nodes have the fields that are expected of them.

    Args:
        model: The model, or its analysis.
        inputs: Its inputs.
        expected: By node or module path, facts such as ``{"size": 427, "jump": 32}`` or
            ``{"size": ">= 400", "global": False}``; a number holds for all axes, a list has one
            per axis.
        options: Further arguments of :func:`rfgraph.analyze`.

    Raises:
        AssertionError: A fact is another; the message has all that are.
        NodeNotFoundError: There is no such node.
        ConfigError: There is no such fact.
    """
    __tracebackhide__ = True
    analysis = analysis_of(model, inputs, options)
    wrong = []
    for name, facts in (expected or {}).items():
        node = analysis[name]
        for fact, wanted in facts.items():
            told = unmet(node, expectation(fact, wanted))
            if told is not None:
                wrong.append(f"{name}: {told}")
    if wrong:
        raise AssertionError("\n".join(wrong))


def assert_no_findings(
    model: Any,
    inputs: Any = None,
    *,
    select: Sequence[str] = (),
    ignore: Sequence[str] = (),
    fail_on: str = "warning",
    object_size: int | None = None,
    **options: Any,
) -> None:
    """Assert that an audit finds nothing.

    Args:
        model: The model, or its analysis.
        inputs: Its inputs; with a batch of two, samples that mix are found too.
        select: Codes or names of the rules to apply; all by default.
        ignore: Codes or names of rules not to apply.
        fail_on: The least severity that counts: ``"note"``, ``"warning"`` or ``"error"``.
        object_size: Extent of the objects to be seen, in input positions.
        options: Further arguments of :func:`rfgraph.analyze`.

    Raises:
        AssertionError: Something was found.
        ConfigError: An option names no rule or severity.
    """
    __tracebackhide__ = True
    chosen = AuditOptions(select=tuple(select), ignore=tuple(ignore), object_size=object_size)
    _assert_audit(analysis_of(model, inputs, options), chosen, Severity.from_word(fail_on))


def assert_causal(model: Any, inputs: Any = None, *, axis: int = -1, **options: Any) -> None:
    """Assert that no output looks ahead along an axis of the inputs.

    Args:
        model: The model, or its analysis.
        inputs: Its inputs.
        axis: The inputs' tensor axis.
        options: Further arguments of :func:`rfgraph.analyze`.

    Raises:
        AssertionError: One does; the message says how far and where it enters.
    """
    __tracebackhide__ = True
    wanted = AuditOptions(select=("look-ahead",), causal=(axis,))
    _assert_audit(analysis_of(model, inputs, options), wanted)


def assert_samples_independent(model: Any, inputs: Any = None, **options: Any) -> None:
    """Assert that no output of one sample depends on another sample of the batch.

    Args:
        model: The model, or its analysis.
        inputs: Its inputs, with a batch of two or more.
        options: Further arguments of :func:`rfgraph.analyze`.

    Raises:
        AssertionError: One does; the message says where.
        InputError: The batch has only one sample, so that nothing could mix.
    """
    __tracebackhide__ = True
    wanted = AuditOptions(select=("mixed-samples",))
    _assert_audit(analysis_of(model, inputs, options), wanted)


def assert_aligned(model: Any, inputs: Any = None, *, strict: bool = False, **options: Any) -> None:
    """Assert that branches meet with equal jumps and centres.

    Args:
        model: The model, or its analysis.
        inputs: Its inputs.
        strict: Whether offsets that resampling explains (half a coarse step) count too.
        options: Further arguments of :func:`rfgraph.analyze`.

    Raises:
        AssertionError: Some do not; the message says where and by how much.
    """
    __tracebackhide__ = True
    wanted = AuditOptions(select=("misaligned-branches",))
    least = Severity.NOTE if strict else Severity.WARNING
    _assert_audit(analysis_of(model, inputs, options), wanted, least)


def analysis_of(model: Any, inputs: Any, options: Mapping[str, Any]) -> Analysis:
    """Return the analysis of a model, or the analysis that was given.

    Raises:
        InputError: An analysis was given together with inputs or options.
    """
    # Imported when a test asks, so that loading the plugin imports no torch.
    from rfgraph.analysis import Analysis, analyze  # noqa: PLC0415

    if not isinstance(model, Analysis):
        return analyze(model, inputs, **options)
    if inputs is not None or options:
        raise InputError("An analysis knows its inputs; give none with it.")
    return model


def _assert_audit(
    analysis: Analysis, wanted: AuditOptions, fail_on: Severity = Severity.WARNING
) -> None:
    __tracebackhide__ = True
    found = audit(analysis, replace(wanted, fail_on=fail_on))
    if wanted.select and found.skipped and not found.findings:
        raise InputError(f"Nothing was checked: {found.skipped[0].reason}.")
    failures = found.failures(fail_on)
    if failures:
        raise AssertionError(
            "\n".join(
                f"{f.severity.word} {f.code} {f.name} at {f.node}: {f.message}. {f.remedy}"
                for f in failures
            )
        )
