"""Which rule reads which operator: an immutable value, extended by making a new one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

import torch
from torch import nn

from rfgraph.errors import RuleError
from rfgraph.rules.call import Rule

_COPIES = frozenset(
    f"aten.{view}_copy"
    for view in [
        "_conj",
        "_neg_view",
        "_reshape_alias",
        "alias",
        "as_strided",
        "detach",
        "diagonal",
        "expand",
        "permute",
        "select",
        "slice",
        "split",
        "split_with_sizes",
        "squeeze",
        "t",
        "transpose",
        "unbind",
        "unfold",
        "unsqueeze",
        "view",
        "view_as_complex",
        "view_as_real",
    ]
)
"""Operators that copy what their twin without the suffix views."""


@dataclass(frozen=True, slots=True)
class RuleSet:
    """Rules by operator name.

    Attributes:
        rules: ``"aten.relu"`` (every overload) or ``"aten.add.Tensor"`` (one overload, preferred)
            to the rule.
        pointwise: The rule of every other operator that PyTorch tags as pointwise.
        modules: Module class to the rule of its instances, which are kept whole.
    """

    rules: Mapping[str, Rule] = field(default_factory=lambda: MappingProxyType({}))
    pointwise: Rule | None = None
    modules: Mapping[type[nn.Module], Rule] = field(default_factory=lambda: MappingProxyType({}))

    def find_module(self, module: nn.Module) -> Rule | None:
        """The rule of the module's class, or else of its nearest base class that has one."""
        return next(
            (self.modules[kind] for kind in type(module).__mro__ if kind in self.modules), None
        )

    def find(self, target: torch._ops.OpOverload) -> Rule | None:
        """The operator's rule, or None when there is none.

        The overload is looked up first, then the operator, then its functional twin (``relu_`` is
        ``relu``, ``view_copy`` is ``view``), then the pointwise tag.
        """
        packet = str(target.overloadpacket)
        twins = [packet.rstrip("_")]
        if packet in _COPIES:
            twins.append(packet.removesuffix("_copy"))
        for name in (str(target), packet, *twins):
            rule = self.rules.get(name)
            if rule is not None:
                return rule
        return self.pointwise if torch.Tag.pointwise in target.tags else None

    def with_rule(
        self, target: str | torch._ops.OpOverload | torch._ops.OpOverloadPacket, rule: Rule
    ) -> RuleSet:
        """A new set with one more rule.

        Args:
            target: The operator, or its name: ``torch.ops.mylib.blur`` or ``"mylib.blur"``.
            rule: Called with a :class:`~rfgraph.rules.call.Call`, returns its reads.

        Raises:
            RuleError: The set has a rule of that name already; use :meth:`replacing`.
        """
        name = str(target)
        if name in self.rules:
            message = f"{name} has a rule already; use replacing() to put another in its place."
            raise RuleError(message)
        return replace(self, rules=MappingProxyType({**self.rules, name: rule}))

    def with_module_rule(self, kind: type[nn.Module], rule: Rule) -> RuleSet:
        """A new set with a rule for whole modules: a module of that class becomes one node.

        Args:
            kind: The class; modules of its subclasses count too.
            rule: Called with a :class:`~rfgraph.rules.call.Call` whose arguments have the names of
                the class's ``forward`` and whose ``module`` is the module. Returns its reads.

        Raises:
            RuleError: ``kind`` is no module class, or the set has a rule for it already.
        """
        given: object = kind  # callers without a type checker give instances and names
        if not isinstance(given, type) or not issubclass(given, nn.Module):
            message = f"{kind!r} is no class of modules; give a subclass of torch.nn.Module."
            raise RuleError(message)
        if kind in self.modules:
            message = f"{kind.__name__} has a rule already; a class of modules takes one."
            raise RuleError(message)
        return replace(self, modules=MappingProxyType({**self.modules, kind: rule}))

    def replacing(
        self, target: str | torch._ops.OpOverload | torch._ops.OpOverloadPacket, rule: Rule
    ) -> RuleSet:
        """A new set in which the rule of one operator is another.

        Raises:
            RuleError: The set has no rule of that name; use :meth:`with_rule`.
        """
        name = str(target)
        if name not in self.rules:
            message = f"{name} has no rule to replace; use with_rule() to add one."
            raise RuleError(message)
        return replace(self, rules=MappingProxyType({**self.rules, name: rule}))


def gathered(*families: Mapping[str, Rule]) -> dict[str, Rule]:
    """All families as one mapping.

    Raises:
        RuleError: Two families have a rule for the same operator.
    """
    rules: dict[str, Rule] = {}
    for family in families:
        twice = rules.keys() & family.keys()
        if twice:
            message = f"{', '.join(sorted(twice))} stand in two rule families; keep one."
            raise RuleError(message)
        rules.update(family)
    return rules
