"""Rows for operators that neither NaN nor a gradient passes through: their truth is a trial."""

from __future__ import annotations

from . import (
    chosen,
    counted,
    drawn,
    kernels,
    losses,
    lowest,
    matrices,
    products,
    quantized,
    recurrent,
    reductions,
    zeros,
)
from ._row import Row

ROWS: tuple[Row, ...] = (
    *chosen.ROWS,
    *counted.ROWS,
    *drawn.ROWS,
    *kernels.ROWS,
    *losses.ROWS,
    *lowest.ROWS,
    *matrices.ROWS,
    *products.ROWS,
    *quantized.ROWS,
    *recurrent.ROWS,
    *reductions.ROWS,
    *zeros.ROWS,
)

__all__ = ["ROWS", "Row"]
