"""All rules that ship with the package, family by family."""

from __future__ import annotations

from types import MappingProxyType

from rfgraph.rules import (
    contraction,
    convolution,
    diagonals,
    extremes,
    folding,
    fused_attention,
    grid_sampling,
    indexing,
    joining,
    losses,
    masking,
    matrices,
    normalization,
    packed,
    padding,
    pairing,
    pointwise,
    pooling,
    prefix,
    recurrent,
    reduction,
    regions,
    resampling,
    scattering,
    searching,
    slicing,
    softmax,
    special_products,
    spectral,
    views,
)
from rfgraph.rules.rule_set import RuleSet, gathered

FAMILIES = (
    contraction,
    convolution,
    diagonals,
    extremes,
    folding,
    fused_attention,
    grid_sampling,
    indexing,
    joining,
    losses,
    masking,
    matrices,
    normalization,
    packed,
    padding,
    pairing,
    pointwise,
    pooling,
    prefix,
    recurrent,
    reduction,
    regions,
    resampling,
    scattering,
    searching,
    slicing,
    softmax,
    special_products,
    spectral,
    views,
)

BUILTIN_RULES = RuleSet(
    MappingProxyType(gathered(*(family.RULES for family in FAMILIES))), pointwise.pointwise
)
