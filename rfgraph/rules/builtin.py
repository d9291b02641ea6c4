"""All rules that ship with the package, family by family."""

from __future__ import annotations

from types import MappingProxyType

from rfgraph.rules import (
    contraction,
    convolution,
    folding,
    indexing,
    joining,
    masking,
    normalization,
    padding,
    pointwise,
    pooling,
    prefix,
    reduction,
    resampling,
    slicing,
    softmax,
    views,
)
from rfgraph.rules.rule_set import RuleSet, gathered

FAMILIES = (
    contraction,
    convolution,
    folding,
    indexing,
    joining,
    masking,
    normalization,
    padding,
    pointwise,
    pooling,
    prefix,
    reduction,
    resampling,
    slicing,
    softmax,
    views,
)

BUILTIN_RULES = RuleSet(
    MappingProxyType(gathered(*(family.RULES for family in FAMILIES))), pointwise.pointwise
)
