"""Decompositions of matrices; some of their results have no gradient."""

from __future__ import annotations

import torch
from torch import Tensor

from ._row import row

_HALF = "triangular structure inside a matrix is not followed"


def _far(x: Tensor) -> Tensor:
    """A matrix far from singular."""
    return x + 4 * torch.eye(x.shape[-1], dtype=x.dtype, device=x.device)


def _definite(x: Tensor) -> Tensor:
    return x @ x.mT + 4 * torch.eye(x.shape[-1], dtype=x.dtype, device=x.device)


def _fixed(x: Tensor) -> Tensor:
    values = [[4.0, 1.0, 2.0], [1.0, 5.0, 1.0], [2.0, 1.0, 6.0]]
    return torch.tensor(values, dtype=x.dtype, device=x.device)


def _ldl(x: Tensor) -> tuple[Tensor, Tensor]:
    found = torch.linalg.ldl_factor(x)
    return found.LD, found.pivots


_ALL = {"axes": (1,)}

ROWS = (
    row("eigh", lambda x: torch.linalg.eigh(x + x.mT)[0], 2, 3, 3, axes=(0,)),
    row("eigvalsh", lambda x: torch.linalg.eigvalsh(x + x.mT), 2, 3, 3, axes=(0,)),
    row("svd", lambda x: torch.linalg.svd(x)[0], 1, 1, 3, 3),
    row("svdvals", torch.linalg.svdvals, 2, 3, 3, axes=(0, 1, 2)),
    row("eig", lambda x: torch.linalg.eig(x)[0].real, 2, 3, 3, axes=(0, 1, 2)),
    row("eigvals", lambda x: torch.linalg.eigvals(x).abs(), 2, 3, 3, axes=(0, 1, 2)),
    row("_linalg_eigvals", lambda x: torch.ops.aten._linalg_eigvals(x).abs(), 2, 3, 3,
        axes=(0, 1, 2), real=True),
    row("matrix_exp", torch.linalg.matrix_exp, 1, 1, 3, 3),
    row("pinv", torch.linalg.pinv, 1, 1, 3, 2),
    row("pinv-tolerance", lambda x: torch.ops.aten.linalg_pinv.atol_rtol_tensor(
        x, atol=x[:, :, 0, 0] * 0.1), 1, 1, 3, 2),
    row("det", torch.linalg.det, 2, 3, 3, axes=(0, 1, 2)),
    row("slogdet", lambda x: torch.linalg.slogdet(_far(x))[1], 2, 3, 3, axes=(0, 1, 2)),
    row("cholesky_inverse", lambda x: torch.cholesky_inverse(_far(x)), 1, 1, 3, 3, bound=_HALF),
    row("geqrf", lambda x: torch.geqrf(x)[0], 1, 1, 3, 3, real=True, bound=_HALF),
    row("householder", lambda x: torch.linalg.householder_product(x, x[:, :, 0]), 1, 1, 3, 3,
        bound=_HALF),
    row("ormqr", lambda x: torch.ormqr(x, x[:, :, 0], x * 2), 1, 1, 3, 3, bound=_HALF),
    row("ormqr-other", lambda x: torch.ormqr(_fixed(x), _fixed(x)[0], x[0, 0]).reshape(1, 1, 3, 3),
        1, 1, 3, 3),
    row("lu", lambda x: torch.linalg.lu(_far(x))[1], 1, 1, 3, 3, bound=_HALF),
    row("lu_factor", lambda x: torch.linalg.lu_factor(_far(x))[0], 1, 1, 3, 3, bound=_HALF),
    row("lu_unpack", lambda x: torch.lu_unpack(*torch.linalg.lu_factor(_far(x)))[2], 1, 1, 3, 3,
        bound=_HALF),
    row("lu_solve", lambda x: torch.linalg.lu_solve(
        *torch.linalg.lu_factor(_fixed(x)), x[0, 0])[None, None], 1, 1, 3, 2),
    row("lu_solve-right", lambda x: torch.linalg.lu_solve(
        *torch.linalg.lu_factor(_fixed(x)), x[0, 0], left=False)[None, None], 1, 1, 2, 3),
    row("lu_solve-system", lambda x: torch.linalg.lu_solve(
        *torch.linalg.lu_factor(_far(x)), x), 1, 1, 3, 3, bound=_HALF),
    row("ldl_factor", lambda x: _ldl(_definite(x))[0], 1, 1, 3, 3, bound=_HALF),
    row("ldl_solve", lambda x: torch.linalg.ldl_solve(*_ldl(_fixed(x)), x[0, 0])[None, None],
        1, 1, 3, 2),
    row("solve_triangular", lambda x: torch.linalg.solve_triangular(
        _far(x), x.flip(2), upper=True), 1, 1, 3, 3, bound=_HALF),
    row("triangular_solve", lambda x: torch.triangular_solve(x.flip(2), _far(x))[0], 1, 1, 3, 3,
        bound=_HALF),
    row("cholesky_solve", lambda x: torch.cholesky_solve(x, _fixed(x)), 1, 1, 3, 2),
    row("lstsq", lambda x: torch.linalg.lstsq(x[:, :, :, :2], x[:, :, :, 2:])[0], 1, 1, 3, 4,
        real=True),
    row("lstsq-vector", lambda x: torch.linalg.lstsq(
        _fixed(x).expand(2, 3, 3), x).solution, 2, 3, 1, axes=(0, 1), real=True),
    row("solve-vector", lambda x: torch.linalg.solve(_fixed(x).expand(2, 3, 3), x),
        2, 3, axes=(0, 1)),
    row("polar", lambda x: torch.ops.aten.linalg_polar(x)[0], 1, 1, 3, 3),
    row("matrix_sqrth", lambda x: torch.ops.aten.linalg_matrix_sqrth(_definite(x)), 1, 1, 3, 3),
    row("matrix_power", lambda x: torch.linalg.matrix_power(x, 3), 1, 1, 3, 3),
    row("matrix_rank", lambda x: torch.linalg.matrix_rank(x * (x > 0.9)), 3, 2, 2, axes=(0,)),
    row("cond", torch.linalg.cond, 3, 2, 2, axes=(0, 1, 2)),
    row("tensorsolve", lambda x: torch.linalg.tensorsolve(
        _fixed(x), x[0, 0]).reshape(1, 1, 3), 1, 1, 3),
    row("vander", lambda x: torch.linalg.vander(x[0, 0])[None, None], 1, 1, 3),
    row("multi_dot", lambda x: torch.linalg.multi_dot([x[0, 0], _fixed(x), x[0, 0].T])[None, None],
        1, 1, 4, 3),
    row("cov", lambda x: torch.cov(x[0])[None, None], 1, 3, 4, axes=(1, 2)),
    row("corrcoef", lambda x: torch.corrcoef(x[0])[None, None], 1, 3, 4, axes=(1, 2)),
)  # fmt: skip
