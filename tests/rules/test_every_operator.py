"""All of ATen and torchvision: each operator has a rule, is taken apart before, or has a reason."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from types import MappingProxyType

import pytest
import torch
import torchvision  # noqa: F401 - registers its operators
import yaml
from torch._ops import OpOverload
from torch.torch_version import TorchVersion

import rfgraph
from rfgraph.capture.operators import Kind, describe
from rfgraph.rules.builtin import BUILTIN_RULES
from rfgraph.rules.call import Call, PerOutput, Reads, Rule
from rfgraph.rules.rule_set import RuleSet
from tests.rules.cases import ALL_CASES
from tests.rules.change_cases import ROWS
from tests.rules.jacobian_cases import CASES as JACOBIAN_CASES
from tests.rules.test_by_jacobian import NEEDS_DATA

LIST = Path(__file__).with_name("operators-without-rule.yaml")
NAMESPACES = ("aten", "torchvision")
NEVER_RECORDED = (Kind.COMPOSITE, Kind.SAME)


@cache
def every_operator() -> tuple[OpOverload, ...]:
    """Every overload that is registered, whether or not Python has used it yet."""
    return tuple(_overloads())


def _overloads() -> Iterator[OpOverload]:
    names = {name.split(".")[0] for name in torch._C._dispatch_get_all_op_names()}
    for namespace, _, name in sorted(full.partition("::") for full in names):
        if namespace not in NAMESPACES:
            continue
        packet = getattr(getattr(torch.ops, namespace), name, None)
        if isinstance(packet, torch._ops.OpOverloadPacket):
            yield from (getattr(packet, overload) for overload in packet.overloads())


def _has_kernel(operator: OpOverload) -> bool:
    return torch._C._dispatch_has_kernel(operator.name())


def _writes(operator: OpOverload) -> bool:
    arguments = operator._schema.arguments
    return any(a.is_out or (a.alias_info and a.alias_info.is_write) for a in arguments)


def asks_for_a_rule(operator: OpOverload) -> bool:
    """Whether a recorded node of this operator may carry something of an input.

    Not so: results that are no tensors; factories, which take no tensor; in-place and out=
    variants, recorded as their functional twin; derivatives; and what is defined by other
    operators, of which capture records those, or another name of the same tensor.
    """
    schema = operator._schema
    if not any("Tensor" in str(r.type) for r in schema.returns):
        return False
    if not any("Tensor" in str(a.type) for a in schema.arguments):
        return False
    if _writes(operator) or "backward" in schema.name:
        return False
    return not _has_kernel(operator) or describe(operator).kind not in NEVER_RECORDED


@cache
def reasons() -> dict[str, str]:
    """Pattern to reason, of the operators that this PyTorch may have."""
    groups = yaml.safe_load(LIST.read_text())
    found: dict[str, str] = {}
    for group in groups:
        if "since" in group and TorchVersion(torch.__version__) < group["since"]:
            continue
        for pattern in group["operators"]:
            assert pattern not in found, f"{pattern} stands twice"
            found[pattern] = group["reason"]
    return found


def _matches(pattern: str, operator: OpOverload) -> bool:
    return any(fnmatchcase(n, pattern) for n in (str(operator), str(operator.overloadpacket)))


def test_every_operator_has_a_rule_or_a_reason():
    """What a forward pass may run is understood, or listed with the reason why not."""
    left = {
        str(operator)
        for operator in every_operator()
        if asks_for_a_rule(operator)
        and BUILTIN_RULES.find(operator) is None
        and not any(_matches(pattern, operator) for pattern in reasons())
    }
    assert left == set()


def test_no_reason_is_out_of_date():
    """Every listed pattern still stands for an operator without a rule."""
    idle = {
        pattern
        for pattern in reasons()
        if not any(
            _matches(pattern, operator) and BUILTIN_RULES.find(operator) is None
            for operator in every_operator()
        )
    }
    assert idle == set()


def test_listed_operators_have_no_rule():
    """An operator that gets a rule leaves the list."""
    both = {
        str(operator)
        for operator in every_operator()
        if BUILTIN_RULES.find(operator) is not None
        and not _writes(operator)
        and any(_matches(pattern, operator) for pattern in reasons())
    }
    assert both == set()


@pytest.mark.parametrize(
    ("operator", "asked"),
    [
        (torch.ops.aten.convolution.default, True),
        (torch.ops.aten.conv2d.default, False),
        (torch.ops.aten.detach.default, False),
        (torch.ops.aten.relu_.default, False),
        (torch.ops.aten.add.out, False),
        (torch.ops.aten.zeros.default, False),
        (torch.ops.aten.tanh_backward.default, False),
        (torch.ops.aten.equal.default, False),
    ],
    ids=str,
)
def test_the_classes_are_told_apart(operator: OpOverload, asked: bool):
    """The walk itself: each class that is passed over, and one that is not."""
    assert asks_for_a_rule(operator) is asked


class _Composite(torch.nn.Module):
    """A chain of operators that others define."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = torch.nn.functional.conv2d(x, torch.ones(1, 1, 3, 3, device=x.device), padding=1)
        y = torch.nn.functional.max_pool2d(y, 2).flatten(2).unflatten(2, (2, -1))
        return torch.einsum("bcij,bckj->bcik", y, y.softmax(-1)).narrow(2, 0, 1)


@pytest.mark.parametrize("inference", [False, True])
def test_what_others_define_is_taken_apart(inference: bool):
    """No recorded node is a composite operator, in inference mode either."""
    with torch.inference_mode(inference):
        analysis = rfgraph.analyze(_Composite(), (1, 1, 8, 8))
    for node in analysis:
        if "." not in node.operator:
            continue  # the input
        namespace, packet, overload = node.operator.split(".")
        operator = getattr(getattr(getattr(torch.ops, namespace), packet), overload)
        assert describe(operator).kind is not Kind.COMPOSITE, node.operator


WITHOUT_ROW = {
    "aten._functional_assert_scalar": "returns a token, and takes no tensor but one",
    "aten._fused_dropout": "runs on a GPU only",
    "aten._pin_memory": "runs with a GPU only",
    "aten._scaled_dot_product_cudnn_attention": "runs on a GPU only; the rule has other rows",
    "aten._scaled_dot_product_efficient_attention": "runs on a GPU only; the rule has other rows",
    "aten._scaled_dot_product_flash_attention": "runs on a GPU only; the rule has other rows",
    "aten._scaled_dot_product_fused_attention_overrideable": "the rule has other rows",
    "aten._standard_gamma": "one element's rejections move the next one's draw",
    "aten.binomial": "one element's rejections move the next one's draw",
    "aten.poisson": "one element's rejections move the next one's draw",
    "aten.cudnn_batch_norm": "runs on a GPU only",
    "aten.cudnn_grid_sampler": "runs on a GPU only",
    "aten.miopen_batch_norm": "runs on a GPU only",
}
"""Rules that no row holds against an oracle, with the reason."""


def test_every_rule_has_a_row():
    """Each built-in rule is held against an oracle, or capture never asks for it, or is listed."""
    asked: set[str] = set()
    noting = {name: _noting(name, rule, asked) for name, rule in BUILTIN_RULES.rules.items()}
    _analyse_rows(replace(BUILTIN_RULES, rules=MappingProxyType(noting)))
    left = set()
    for name in BUILTIN_RULES.rules.keys() - asked:
        namespace, packet, *overload = name.split(".")
        found = getattr(getattr(torch.ops, namespace), packet, None)
        if found is None:
            continue  # of another version of PyTorch
        every = [getattr(found, one) for one in overload or found.overloads()]
        if any(asks_for_a_rule(one) and _has_kernel(one) for one in every):
            left.add(name)
    assert sorted(left - set(WITHOUT_ROW)) == []
    assert sorted(set(WITHOUT_ROW) - left) == []


def _noting(name: str, rule: Rule, asked: set[str]) -> Rule:
    def noted(call: Call) -> Reads | PerOutput:
        asked.add(name)
        return rule(call)

    return noted


def _analyse_rows(rules: RuleSet) -> None:
    for case in (*ALL_CASES, *JACOBIAN_CASES):
        real = case.id in NEEDS_DATA
        rfgraph.analyze(case.model(), list(case.shapes), axes=case.axes, real=real, rules=rules)
    for row in ROWS:
        sample = row.sample(row.shape, torch.Generator().manual_seed(1))
        rfgraph.analyze(row.model(), sample, axes=row.axes, real=row.real, rules=rules)
