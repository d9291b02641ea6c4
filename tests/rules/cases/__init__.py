"""Case rows: tiny eager models, one for each operator and interesting choice of parameters.

A row says what to build and what to compare, never what the answer is: `Case.truth` asks the
taint oracle. A new row goes into its family's file and nowhere else.
"""

from __future__ import annotations

from . import (
    attention,
    convolution,
    fold,
    indexing,
    masked_weights,
    masks,
    matmul,
    movement,
    normalization,
    padding,
    pointwise,
    pooling,
    prefix,
    recurrent,
    reduction,
    resampling,
    views,
)
from ._case import Case, Function

FAMILIES: dict[str, tuple[Case, ...]] = {
    "convolution": convolution.CASES,
    "pooling": pooling.CASES,
    "resampling": resampling.CASES,
    "padding": padding.CASES,
    "movement": movement.CASES,
    "views": views.CASES,
    "pointwise": pointwise.CASES,
    "normalization": normalization.CASES,
    "reduction": reduction.CASES,
    "matmul": matmul.CASES,
    "attention": attention.CASES,
    "masks": masks.CASES,
    "masked weights": masked_weights.CASES,
    "recurrent": recurrent.CASES,
    "indexing": indexing.CASES,
    "fold": fold.CASES,
    "prefix": prefix.CASES,
}
ALL_CASES: tuple[Case, ...] = tuple(case for cases in FAMILIES.values() for case in cases)

__all__ = ["ALL_CASES", "FAMILIES", "Case", "Function"]
