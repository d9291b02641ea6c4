"""All rules of the audit, in the order of their codes."""

from __future__ import annotations

from rfgraph.auditing.rule import Rule
from rfgraph.auditing.rules import (
    checkerboard,
    dilation_group,
    early_global,
    failed_expectation,
    gridding,
    independent_output,
    look_ahead,
    misaligned_branches,
    mixed_samples,
    padding_dominates,
    skipped_positions,
    small_field,
    unknown_operator,
    unproductive_layers,
    unread_pixels,
)

RULES: tuple[Rule, ...] = (
    small_field.RULE,
    unproductive_layers.RULE,
    padding_dominates.RULE,
    gridding.RULE,
    dilation_group.RULE,
    skipped_positions.RULE,
    checkerboard.RULE,
    unread_pixels.RULE,
    misaligned_branches.RULE,
    early_global.RULE,
    mixed_samples.RULE,
    look_ahead.RULE,
    independent_output.RULE,
    unknown_operator.RULE,
    failed_expectation.RULE,
)
