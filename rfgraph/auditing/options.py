"""What a person asks of an audit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from rfgraph.auditing.expectation import Expectation
from rfgraph.auditing.finding import Severity


@dataclass(frozen=True, slots=True)
class AuditOptions:
    """Which rules to apply, and what the person knows about the model.

    Rules are named by code (``RF204``), by the beginning of a code (``RF2``) or by name
    (``checkerboard``).

    Attributes:
        select: The rules to apply; empty for all.
        ignore: Rules not to apply.
        ignore_nodes: Shell-style patterns over node names, with the rules to ignore there.
        fail_on: The least severity that makes an audit fail.
        object_size: Extent of the objects to be seen, in input positions, for every analysed axis.
        causal: Tensor axes of the inputs along which no output may look ahead.
        expect: By node or module path, what its field should be.
    """

    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    ignore_nodes: Mapping[str, tuple[str, ...]] = field(
        default_factory=lambda: MappingProxyType({})
    )
    fail_on: Severity = Severity.WARNING
    object_size: int | None = None
    causal: tuple[int, ...] = ()
    expect: Mapping[str, tuple[Expectation, ...]] = field(
        default_factory=lambda: MappingProxyType({})
    )


DEFAULTS = AuditOptions()
