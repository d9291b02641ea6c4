"""Which ATen operators the case rows execute, against those that real models execute."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode

from ._case import Case

ZOO_OPERATORS = Path(__file__).with_name("zoo-operators.tsv")

# Not about positions: they make constants, check values, or are bookkeeping of the recording.
WITHOUT_POSITIONS = frozenset({
    "aten._assert_async.default",
    "aten.arange.default",
    "aten.arange.start",
    "aten.as_strided_.default",
    "aten.empty.memory_format",
    "aten.eye.m",
    "aten.lift_fresh.default",
    "aten.linspace.default",
    "aten.new_zeros.default",
    "aten.ones.default",
    "aten.zeros.default",
})  # fmt: skip


class _Recorder(TorchDispatchMode):
    def __init__(self) -> None:
        super().__init__()
        self.seen: set[str] = set()

    def __torch_dispatch__(
        self,
        func: Any,
        types: Sequence[type],
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        self.seen.add(str(func))
        return func(*args, **(kwargs or {}))


def recorded(case: Case) -> set[str]:
    """Names of the operators of one row: as written, and functionalized."""
    return _run(case, lambda model: model) | _run(case, torch.func.functionalize)


def _run(case: Case, wrap: Callable[[Any], Any]) -> set[str]:
    """Names of the operators; without data, or with data where values are read."""
    recorder = _Recorder()
    model, inputs = case.model(), case.inputs()
    bare_model, bare_inputs = case.model().to("meta"), [x.to("meta") for x in inputs]
    try:
        with torch.no_grad(), recorder:
            wrap(bare_model)(*bare_inputs)
    except (NotImplementedError, RuntimeError):
        with torch.no_grad(), recorder:
            wrap(model)(*inputs)
    return recorder.seen


def zoo_operators() -> set[str]:
    """The operators recorded on the models of torchvision and timm."""
    lines = ZOO_OPERATORS.read_text().splitlines()
    names = {line.partition("\t")[0] for line in lines}
    return {name for name in names if name.startswith("aten.")}


def overload(name: str) -> torch._ops.OpOverload:
    """The operator of a name such as ``aten.add.Tensor``."""
    namespace, packet, kind = name.split(".")
    found: torch._ops.OpOverload = getattr(getattr(getattr(torch.ops, namespace), packet), kind)
    return found


def uncovered(cases: Iterable[Case]) -> set[str]:
    """Zoo operators about positions that no row executes."""
    seen: set[str] = set()
    for case in cases:
        seen |= recorded(case)
    return zoo_operators() - seen - WITHOUT_POSITIONS
