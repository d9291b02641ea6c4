"""Rows for operators whose kernels drop or refuse NaN: their truth is a Jacobian's support."""

from __future__ import annotations

from tests.rules.cases._case import Case

from . import fourier, matrices, regions, scattering

CASES: tuple[Case, ...] = (
    *fourier.CASES,
    *matrices.CASES,
    *regions.CASES,
    *scattering.CASES,
)

__all__ = ["CASES"]
