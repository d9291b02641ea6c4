"""How each ATen operator has to be recorded, read from its schema once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto
from functools import cache
from typing import Any

import torch
from torch import Tensor
from torch._ops import OpOverload

from rfgraph.capture.shapes import DIRECT, Direct

aten = torch.ops.aten


class Kind(Enum):
    """What an operator does to the tensors that it is given."""

    PURE = auto()
    """Returns new tensors."""
    VIEW = auto()
    """Returns tensors that share memory with its first argument."""
    SAME = auto()
    """Returns its argument under another identity: detach, alias, lift_fresh."""
    WRITE = auto()
    """Writes to one argument and returns it."""
    REVIEW = auto()
    """Changes the geometry of its argument in place: squeeze_, t_, as_strided_."""
    OUT = auto()
    """Writes results to ``out=`` arguments."""
    WRITE_LIST = auto()
    """Writes to every tensor of its first argument."""
    BATCH_NORM = auto()
    """Batch normalisation, which writes to its running statistics when it trains."""
    NOISE = auto()
    """Randomised leaky ReLU, which writes the slopes that it drew to its second argument."""
    COMPOSITE = auto()
    """Is defined by other operators; seen only in inference mode."""
    SCALAR = auto()
    """Returns Python numbers read from data."""
    EFFECT = auto()
    """Returns nothing: assertions."""
    MUTATE = auto()
    """Writes to arguments and has no functional counterpart: operators of other libraries."""
    UNSUPPORTED = auto()
    """Changes the geometry of an argument and has no functional counterpart."""


@dataclass(frozen=True, slots=True)
class Operator:
    """How to record one overload.

    Attributes:
        kind: What it does to its arguments.
        name: The base name of its nodes: ``add`` for ``aten.add_.Tensor``.
        functional: The overload to record instead, for operators that write.
        direct: Computes the results' layouts without running the meta kernel.
        has_device: True when it takes a device, which the graph must not mention.
        written: Names of the written arguments (``out=`` variants and `Kind.MUTATE`).
    """

    kind: Kind
    name: str
    functional: OpOverload | None = None
    direct: Direct | None = None
    has_device: bool = False
    written: tuple[str, ...] = ()


_SAME = {aten.detach.default, aten.alias.default, aten.lift_fresh.default, aten.lift.default}
_BATCH_NORM = {
    aten.native_batch_norm.default,
    aten._native_batch_norm_legit.default,
}
_COMPOSITE_KEY = "CompositeImplicitAutograd"


@cache
def describe(func: OpOverload) -> Operator:
    """Return how to record ``func``."""
    schema = func._schema
    name = func._opname.rstrip("_") or func._opname
    arguments = schema.arguments
    has_device = any(argument.name == "device" for argument in arguments)

    def made(
        kind: Kind, functional: OpOverload | None = None, written: tuple[str, ...] = ()
    ) -> Operator:
        direct = DIRECT.get(functional or func)
        return Operator(kind, name, functional, direct, has_device, written)

    if func in _SAME:
        return made(Kind.SAME)
    if func is aten.rrelu_with_noise.default:
        return made(Kind.NOISE, aten.rrelu_with_noise_functional.default)
    if func in _BATCH_NORM:
        return made(Kind.BATCH_NORM)
    if torch._C._dispatch_has_kernel_for_dispatch_key(
        func.name(),  # type: ignore[no-untyped-call]
        _COMPOSITE_KEY,
    ):
        return made(Kind.COMPOSITE)
    writes = [a for a in arguments if a.alias_info is not None and a.alias_info.is_write]
    if not writes:
        return made(_reading_kind(func))
    if func.overloadpacket is aten.set_:
        return made(Kind.UNSUPPORTED)  # shares memory that no recorded operator made
    if torch.Tag.inplace_view in func.tags:
        functional = _without_underscore(func)
        return made(Kind.REVIEW if functional is not None else Kind.UNSUPPORTED, functional)
    if all(argument.kwarg_only for argument in writes):
        functional = _without_out(func)
        written = tuple(argument.name for argument in writes)
        return made(Kind.OUT if functional else Kind.MUTATE, functional, written)
    functional = _without_underscore(func)
    if functional is None or writes != arguments[:1]:
        return made(Kind.MUTATE, written=tuple(argument.name for argument in writes))
    is_list = isinstance(writes[0].type, torch.ListType)
    return made(Kind.WRITE_LIST if is_list else Kind.WRITE, functional)


def given(func: OpOverload, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments of a call by their names in the schema, without those left out."""
    names = [argument.name for argument in func._schema.arguments]
    return {**dict(zip(names, args, strict=False)), **kwargs}


def tensors_in(argument: Any) -> list[Tensor]:
    """Return the tensors that an argument is: one, those of a list, or none."""
    several = argument if isinstance(argument, (list, tuple)) else (argument,)
    return [tensor for tensor in several if isinstance(tensor, Tensor)]


def results_of(func: OpOverload, out: Any) -> list[Any]:
    """Return what ``func`` returned, result by result."""
    returns = func._schema.returns
    return list(out) if len(returns) > 1 else [out] * len(returns)


def argument_behind(func: OpOverload, result: Any) -> str:
    """Return the name of the argument that a result of the schema is."""
    sets = result.alias_info.before_set
    return next(
        argument.name
        for argument in func._schema.arguments
        if argument.alias_info is not None and argument.alias_info.before_set == sets
    )


def _reading_kind(func: OpOverload) -> Kind:
    returns = func._schema.returns
    if not returns:
        return Kind.EFFECT
    if any(r.alias_info is not None for r in returns):
        return Kind.VIEW
    if any("Tensor" in str(r.type) for r in returns):
        return Kind.PURE
    return Kind.SCALAR


_COUNTERPARTS = {
    aten.bernoulli_.float: aten.bernoulli.p,
    aten.normal_.default: aten.normal_functional.default,
    aten.as_strided_.default: aten.as_strided.default,
    aten.__ilshift__.Scalar: aten.__lshift__.Scalar,
    aten.__ilshift__.Tensor: aten.__lshift__.Tensor,
    aten.__irshift__.Scalar: aten.__rshift__.Scalar,
    aten.__irshift__.Tensor: aten.__rshift__.Tensor,
}


def _without_underscore(func: OpOverload) -> OpOverload | None:
    if func in _COUNTERPARTS:
        return _COUNTERPARTS[func]
    name = func._opname
    if not name.endswith("_") or name.endswith("__"):
        return None
    packet = getattr(getattr(torch.ops, func.namespace), name[:-1], None)
    if packet is None:
        return None
    if func._overloadname in packet.overloads():
        return _pure(getattr(packet, func._overloadname))
    return _same_arguments(func, packet, skip=())


def _without_out(func: OpOverload) -> OpOverload | None:
    skip = tuple(
        argument.name
        for argument in func._schema.arguments
        if argument.alias_info is not None and argument.alias_info.is_write
    )
    return _same_arguments(func, func.overloadpacket, skip)


def _same_arguments(
    func: OpOverload, packet: torch._ops.OpOverloadPacket, skip: tuple[str, ...]
) -> OpOverload | None:
    wanted = _signature(func, skip)
    for overload in packet.overloads():  # type: ignore[no-untyped-call]
        candidate: OpOverload = getattr(packet, overload)
        if _signature(candidate, _FACTORY) == wanted and _pure(candidate) is not None:
            return candidate
    return None


_FACTORY = ("dtype", "layout", "device", "pin_memory")


def _signature(func: OpOverload, skip: tuple[str, ...]) -> list[tuple[str, str]]:
    """Return the names and types of the arguments, without factory options and ``skip``."""
    return [
        (a.name, str(a.type))
        for a in func._schema.arguments
        if a.name not in skip and a.name not in _FACTORY
    ]


def _pure(func: OpOverload) -> OpOverload | None:
    writes = any(a.alias_info is not None and a.alias_info.is_write for a in func._schema.arguments)
    return None if writes else func
