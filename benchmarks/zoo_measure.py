"""One model of a zoo, built and analysed: what came out, and how long each step took."""

from __future__ import annotations

import gc
import importlib
import re
import time
import warnings
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import timm
from torchvision import models

from rfgraph import Analysis
from rfgraph.analysis.analyze import analyze_recording
from rfgraph.capture import record
from rfgraph.errors import CaptureError
from rfgraph.targets.arguments import materialize
from rfgraph.targets.resolve import resolve


@dataclass
class Measurement:
    """What one model gave; a plain record, one line of the sweep's file.

    Attributes:
        model: The target, such as ``timm:resnet18``.
        family: Which row of the table it belongs to.
        capture: ``"meta"`` or ``"real"``: whether the recorded tensors held data.
        error: Type and sentence of the exception that ended the analysis; None if none did.
        nodes: Status to number of nodes.
        reasons: Why nodes are not exact: sentence to the number of nodes that it holds for.
        origins: Sentence to the number of operators that it starts at.
        seconds: Step to wall-clock seconds: build, record, analyze, fields.
        where: For each sentence one node that it starts at.
    """

    model: str
    family: str
    capture: str = "meta"
    error: str | None = None
    nodes: dict[str, int] = field(default_factory=dict)
    reasons: dict[str, int] = field(default_factory=dict)
    origins: dict[str, int] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    where: dict[str, str] = field(default_factory=dict)


def targets() -> list[str]:
    """Return every model of timm and of torchvision, as targets."""
    return [f"timm:{n}" for n in timm.list_models()] + [
        f"torchvision:{n}" for n in models.list_models()
    ]


def family(target: str) -> str:
    """Return the file of timm or the task of torchvision that a model comes from."""
    zoo, _, name = target.partition(":")
    if zoo == "timm":
        home = timm.model_entrypoint(name).__module__
        return f"timm {home.rpartition('.')[2]}"
    parts = models.get_model_builder(name).__module__.split(".")
    return f"torchvision {parts[2] if len(parts) > 3 else 'classification'}"


def measure(target: str) -> Measurement:
    """Return what analysing a model gave: never raises, an exception is a result."""
    found = Measurement(target, family(target))
    with warnings.catch_warnings(), _uncollected():
        warnings.simplefilter("ignore")
        try:
            _analyze(found, real=False)
        except CaptureError as error:
            if "real=True" not in str(error):
                found.error = _sentence(error)
                return found
            found.capture = "real"
        except Exception as error:  # noqa: BLE001 - exceptions are what the sweep looks for
            found.error = _sentence(error)
            return found
        if found.capture == "real":
            try:
                _analyze(found, real=True)
            except Exception as error:  # noqa: BLE001 - the same
                found.error = _sentence(error)
    return found


def _analyze(found: Measurement, *, real: bool) -> None:
    with _timed(found, "build"):
        target = resolve(found.model, real=real)
    arguments = materialize(target)
    with _timed(found, "record"):
        recording = record(target.model, arguments.positional, arguments.named, real=real)
    with _timed(found, "analyze"):
        analysis = analyze_recording(recording, axes=target.axes)
    with _timed(found, "fields"):
        for node in analysis:
            _ = node.field
    _count(found, analysis)


def _count(found: Measurement, analysis: Analysis) -> None:
    reasons: Counter[str] = Counter()
    starts: dict[str, set[str]] = {}
    for node in analysis:
        notes = [note for note in node.notes if note.status.name != "EXACT"]
        sentences = {f"{note.status.name}: {generic(note.reason)}" for note in notes}
        reasons.update(sentences)
        for note in notes:
            sentence = f"{note.status.name}: {generic(note.reason)}"
            starts.setdefault(sentence, set()).add(note.node)
    found.nodes = dict(Counter(node.status.name for node in analysis))
    found.reasons = dict(reasons)
    found.origins = {sentence: len(nodes) for sentence, nodes in starts.items()}
    found.where = {sentence: min(nodes) for sentence, nodes in starts.items()}


def generic(reason: str) -> str:
    """Return a reason without the numbers of the model at hand."""
    return re.sub(r"\d+", "N", reason)


def _sentence(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"


@contextmanager
def _timed(found: Measurement, step: str) -> Iterator[None]:
    start = time.perf_counter()
    yield
    found.seconds[step] = round(time.perf_counter() - start, 3)


@contextmanager
def _uncollected() -> Iterator[None]:
    """Pauses the garbage collector, as :func:`rfgraph.analyze` does, and collects afterwards."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
        gc.collect()


def versions() -> dict[str, Any]:
    """Return what the figures were measured with."""
    names = ("torch", "torchvision", "timm")
    return {name: importlib.import_module(name).__version__ for name in names}
