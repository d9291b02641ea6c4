"""Assertions about receptive fields, for any test framework; pytest has the fixture ``rf`` too."""

from rfgraph.testing.assertions import (
    assert_aligned,
    assert_causal,
    assert_field,
    assert_no_findings,
    assert_samples_independent,
)
from rfgraph.testing.baseline import assert_baseline
from rfgraph.testing.cache import AnalysisCache

__all__ = [
    "AnalysisCache",
    "assert_aligned",
    "assert_baseline",
    "assert_causal",
    "assert_field",
    "assert_no_findings",
    "assert_samples_independent",
]
"""What :mod:`unittest` users import."""
