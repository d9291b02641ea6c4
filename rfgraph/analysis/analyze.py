"""From a model to its receptive fields."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch

from rfgraph._version import __version__
from rfgraph.analysis.analysis import Analysis
from rfgraph.analysis.garbage import without_collections
from rfgraph.analysis.input_info import describe_input
from rfgraph.capture import Recording, evaluate, make_inputs, record
from rfgraph.capture.preserve import default_device
from rfgraph.errors import InputError, ModelError, NoPathError
from rfgraph.propagation.graph import build_graph
from rfgraph.propagation.propagate import Subject, propagate, source_state
from rfgraph.rules.builtin import BUILTIN_RULES
from rfgraph.rules.rule_set import RuleSet


def analyze(
    model: Any,
    inputs: Any = None,
    *,
    kwargs: Mapping[str, Any] | None = None,
    axes: int | Sequence[int] | Mapping[str, Sequence[int]] | None = None,
    layout: str | Mapping[str, str] | None = None,
    rules: RuleSet | None = None,
    strict: bool = False,
    training: bool = False,
    real: bool = False,
) -> Analysis:
    """The receptive fields of every tensor that the model computes.

    The model runs once on tensors without data, in eval mode, and is left as it was found.

    Args:
        model: An ``nn.Module``, any callable on tensors, a ``GraphModule`` or an
            ``ExportedProgram``.
        inputs: A shape such as ``(1, 3, 224, 224)``, several shapes or tensors, or a mapping from
            forward parameters to shapes or tensors.
        kwargs: Further keyword arguments of forward, tensors or plain values.
        axes: The analysed tensor axes; by default all after batch and channel, or axis 1 of a
            two-dimensional input. A mapping gives them per input.
        layout: A letter per axis instead, such as ``"NHWC"`` or ``"NLC"``: N is the batch, C the
            channels, all others are analysed.
        rules: The operator rules; the built-in ones by default.
        strict: Raise on an operator without a rule instead of treating it as global.
        training: Analyse the model in training mode (batch statistics).
        real: Run on real tensors, for models whose control flow needs data.

    Raises:
        InputError: The inputs do not fit the model, or the axes do not fit the inputs.
        ModelError: The model is no module or callable.
        CaptureError: The model raised; the message says where.
        UnknownOperatorError: ``strict`` and an operator has no rule.
        NoPathError: No output depends on any input.
    """
    args, keywords = ((), {}) if inputs is None else make_inputs(model, inputs, kwargs=kwargs)
    with without_collections():
        recording = record(
            model,
            args,
            {**keywords, **(kwargs or {})},
            training=training,
            real=real,
            opaque=tuple((rules or BUILTIN_RULES).modules),
        )
        return analyze_recording(
            recording, axes=axes, layout=layout, rules=rules, strict=strict, training=training
        )


@default_device("cpu")
def analyze_recording(
    recording: Recording,
    *,
    axes: int | Sequence[int] | Mapping[str, Sequence[int]] | None = None,
    layout: str | Mapping[str, str] | None = None,
    rules: RuleSet | None = None,
    strict: bool = False,
    training: bool = False,
) -> Analysis:
    """As :func:`analyze`, for a model that has been recorded already.

    Raises:
        ModelError: A rule for whole modules, of a class that was not recorded as one node.
    """
    late = [kind for kind in (rules or BUILTIN_RULES).modules if kind not in recording.opaque]
    if late:
        message = (
            f"The rule for {late[0].__name__} cannot apply to a recording that looked into its "
            f"modules; record with opaque=({late[0].__name__},) or analyse the model itself."
        )
        raise ModelError(message)
    for wanted in (axes, layout):
        strange = set(wanted) - set(recording.inputs) if isinstance(wanted, Mapping) else ()
        if strange:
            message = (
                f"The model has no input {', '.join(map(repr, sorted(strange)))}; "
                f"its inputs are {', '.join(recording.inputs)}."
            )
            raise InputError(message)
    infos = {
        name: describe_input(name, node, axes, layout) for name, node in recording.inputs.items()
    }
    graph = build_graph(
        recording.graph.nodes,
        recording.inputs,
        recording.outputs.values(),
        rules or BUILTIN_RULES,
        evaluate,
        strict=strict,
        escapes=recording.escapes,
    )
    subjects = tuple(
        Subject(name, axis, info.shape[axis])
        for name, info in infos.items()
        for axis in ((info.batch, *info.axes) if info.batch is not None else info.axes)
    )
    sources = {
        name: source_state(info.shape, name, subjects, info.batch) for name, info in infos.items()
    }
    states = propagate(graph, sources, len(subjects))
    outputs = {
        name: found
        for name, node in recording.outputs.items()
        if (found := node.meta["name"]) in states
    }
    if not any(states[name].reaches for name in outputs.values()):
        message = (
            "No output of the model depends on any of its inputs; check that forward uses "
            f"{', '.join(infos) or 'an input'} and returns what it computes from it."
        )
        raise NoPathError(message)
    modules = {
        path: found
        for path, nodes in recording.modules.items()
        if (found := tuple([name for n in nodes if (name := n.meta["name"]) in states]))
    }
    provenance = {
        "rfgraph": __version__,
        "torch": str(torch.__version__),
        "capture": recording.source,
        "training": str(training).lower(),
    }
    return Analysis(
        graph, infos, recording.module_types, provenance, states, subjects, outputs, modules
    )
