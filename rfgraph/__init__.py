"""Exact receptive fields of every node of a PyTorch model, from one data-less pass.

Public names are imported when they are first used, so that `import rfgraph` costs no torch:

>>> import rfgraph
>>> rfgraph.__version__.count(".")
2
"""

from importlib import import_module
from typing import TYPE_CHECKING

from rfgraph import errors
from rfgraph._version import __version__

if TYPE_CHECKING:
    from rfgraph import plot
    from rfgraph.analysis import Analysis, Field, Node, analyze
    from rfgraph.auditing import Audit, AuditOptions, Finding, Severity, audit
    from rfgraph.checking import CheckFinding, CheckResult, Verdict, check
    from rfgraph.comparison import Difference, diff
    from rfgraph.coordinates import Alignment, alignment
    from rfgraph.design import Suggestion, Suggestions, suggest
    from rfgraph.effective import EffectiveField, erf
    from rfgraph.errors import (
        AlignmentError,
        CaptureError,
        ConfigError,
        DesignError,
        IndexRangeError,
        InputError,
        MissingExtraError,
        ModelError,
        NodeNotFoundError,
        NoPathError,
        ReportError,
        RfgraphError,
        RuleError,
        StreamingError,
        TargetError,
        TilingError,
        UnknownOperatorError,
    )
    from rfgraph.patches import Patch, top_patches
    from rfgraph.propagation.note import Status
    from rfgraph.recording import Observation, Recording, record
    from rfgraph.report import Report, load
    from rfgraph.rules.builtin import BUILTIN_RULES
    from rfgraph.sequences import PaddingLeak, padding_leak
    from rfgraph.streams import StreamPlan, streaming
    from rfgraph.tiles import TilePlan, tiling

__all__ = [
    "BUILTIN_RULES",
    "Alignment",
    "AlignmentError",
    "Analysis",
    "Audit",
    "AuditOptions",
    "CaptureError",
    "CheckFinding",
    "CheckResult",
    "ConfigError",
    "DesignError",
    "Difference",
    "EffectiveField",
    "Field",
    "Finding",
    "IndexRangeError",
    "InputError",
    "MissingExtraError",
    "ModelError",
    "NoPathError",
    "Node",
    "NodeNotFoundError",
    "Observation",
    "PaddingLeak",
    "Patch",
    "Recording",
    "Report",
    "ReportError",
    "RfgraphError",
    "RuleError",
    "Severity",
    "Status",
    "StreamPlan",
    "StreamingError",
    "Suggestion",
    "Suggestions",
    "TargetError",
    "TilePlan",
    "TilingError",
    "UnknownOperatorError",
    "Verdict",
    "__version__",
    "alignment",
    "analyze",
    "audit",
    "check",
    "diff",
    "erf",
    "errors",
    "load",
    "padding_leak",
    "plot",
    "record",
    "streaming",
    "suggest",
    "tiling",
    "top_patches",
]

_HOMES = {
    "BUILTIN_RULES": "rfgraph.rules.builtin",
    "Alignment": "rfgraph.coordinates",
    "AlignmentError": "rfgraph.errors",
    "Analysis": "rfgraph.analysis",
    "CaptureError": "rfgraph.errors",
    "IndexRangeError": "rfgraph.errors",
    "NoPathError": "rfgraph.errors",
    "RuleError": "rfgraph.errors",
    "Field": "rfgraph.analysis",
    "InputError": "rfgraph.errors",
    "MissingExtraError": "rfgraph.errors",
    "ModelError": "rfgraph.errors",
    "Node": "rfgraph.analysis",
    "NodeNotFoundError": "rfgraph.errors",
    "Observation": "rfgraph.recording",
    "Recording": "rfgraph.recording",
    "Report": "rfgraph.report",
    "ReportError": "rfgraph.errors",
    "RfgraphError": "rfgraph.errors",
    "Status": "rfgraph.propagation.note",
    "TargetError": "rfgraph.errors",
    "StreamPlan": "rfgraph.streams",
    "StreamingError": "rfgraph.errors",
    "TilePlan": "rfgraph.tiles",
    "TilingError": "rfgraph.errors",
    "UnknownOperatorError": "rfgraph.errors",
    "Audit": "rfgraph.auditing",
    "AuditOptions": "rfgraph.auditing",
    "ConfigError": "rfgraph.errors",
    "DesignError": "rfgraph.errors",
    "Difference": "rfgraph.comparison",
    "Finding": "rfgraph.auditing",
    "Severity": "rfgraph.auditing",
    "audit": "rfgraph.auditing",
    "alignment": "rfgraph.coordinates",
    "analyze": "rfgraph.analysis",
    "diff": "rfgraph.comparison",
    "CheckFinding": "rfgraph.checking",
    "CheckResult": "rfgraph.checking",
    "Verdict": "rfgraph.checking",
    "check": "rfgraph.checking",
    "EffectiveField": "rfgraph.effective",
    "erf": "rfgraph.effective",
    "load": "rfgraph.report",
    "record": "rfgraph.recording",
    "Patch": "rfgraph.patches",
    "top_patches": "rfgraph.patches",
    "PaddingLeak": "rfgraph.sequences",
    "padding_leak": "rfgraph.sequences",
    "streaming": "rfgraph.streams",
    "suggest": "rfgraph.design",
    "Suggestion": "rfgraph.design",
    "Suggestions": "rfgraph.design",
    "tiling": "rfgraph.tiles",
}
"""The module that each lazy public name comes from."""

_PACKAGES = frozenset({"plot"})
"""Public packages that need more than rfgraph does, imported when they are first used."""


def __getattr__(name: str) -> object:
    """Return the public name `name`, imported now and kept (PEP 562)."""
    if name in _PACKAGES:
        return import_module(f"rfgraph.{name}")
    if name not in _HOMES:
        raise AttributeError(f"module 'rfgraph' has no attribute '{name}'")
    value: object = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """Return the public names, imported or not."""
    return sorted(__all__)
