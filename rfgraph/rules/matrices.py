"""Decompositions and solutions of matrices: whole over the matrix, batch axes elementwise."""

from __future__ import annotations

from rfgraph.geometry.axis_map import SAME, AxisMap
from rfgraph.geometry.index_set import index_set
from rfgraph.geometry.movement import fixed
from rfgraph.geometry.periodic import Finite
from rfgraph.geometry.tensor_map import WHOLE, Axes, AxisRead, Shape
from rfgraph.rules.axes import broadcast, mixing
from rfgraph.rules.call import Call, PerOutput, Read, Reads, Rule, shape

_TRIANGULAR = "triangular structure inside a matrix is not followed"


def _batched(in_shape: Shape, out_shape: Shape, core: int, out_core: int) -> Axes:
    """Batch axes elementwise, aligned from the right; the last ``core`` axes whole.

    Args:
        in_shape: Shape of the operand.
        out_shape: Shape of the result.
        core: How many axes of the operand one matrix or vector takes.
        out_core: How many axes of the result belong to one matrix.
    """
    batch, out_batch = len(in_shape) - core, len(out_shape) - out_core
    reads = []
    for axis in range(batch):
        place = axis + out_batch - batch
        single = in_shape[axis] == 1 and out_shape[place] != 1
        reads.append(AxisRead(None, fixed(0)) if single else AxisRead(place, SAME))
    for k in range(core):
        stands = core == out_core
        reads.append(AxisRead(out_batch + k if stands else None, WHOLE))
    return Axes(tuple(reads))


def _first(call: Call) -> Reads | PerOutput:
    return _results(call, None)


def _first_triangular(call: Call) -> Reads | PerOutput:
    return _results(call, _TRIANGULAR)


def _results(call: Call, caveat: str | None) -> Reads | PerOutput:
    """Every result of a decomposition of the first operand reads all of its matrix."""
    first, *rest = call.tensors()
    batch = len(shape(first)) - 2

    def reads(out: Shape | None) -> Reads:
        if out is None or len(out) < batch:
            return ()
        # A determinant, and whether all went well, read the whole matrix.
        own = caveat if len(out) > batch else None
        found = [Read(first, _batched(shape(first), out, 2, len(out) - batch), own)]
        for node in rest:
            # Coefficients and tolerances: one vector or number per matrix.
            core = max(len(shape(node)) - batch, 0)
            found.append(Read(node, _batched(shape(node), out, core, len(out) - batch), own))
        return found

    outs = call.outs()
    return reads(call.out) if len(outs) == 1 else PerOutput(tuple(reads(out) for out in outs))


def _solution(
    call: Call, system: str, right: str, caveat: str | None = None, half: str | None = None
) -> Reads:
    """X of A X = B: all of A, and for each column of X the same column of B.

    Args:
        call: The call.
        system: Name of the argument A.
        right: Name of the argument B.
        caveat: Why not all of A is read.
        half: Why not all of a column of B is read.
    """
    a, b = call[system], call[right]
    out = call.out
    vector = len(shape(b)) == 1 or (
        len(shape(b)) == len(shape(a)) - 1
        and shape(b) == shape(a)[:-1]
        and len(out) == len(shape(b))
    )
    if vector:
        return [
            Read(a, _batched(shape(a), out, 2, 1), caveat),
            Read(b, _batched(shape(b), out, 1, 1), half),
        ]
    free = len(out) - 1 if call.get("left", True) else len(out) - 2
    reads = list(_batched(shape(b), out, 2, 2).reads)
    reads[free - len(out)] = AxisRead(free, SAME)
    return [
        Read(a, _batched(shape(a), out, 2, 2), caveat),
        Read(b, Axes(tuple(reads)), half),
    ]


def solve(call: Call) -> PerOutput:
    """The solution, and the decomposition it was found by."""
    solution = _solution(call, "A", "B")
    matrix = call["A"]
    batch = len(shape(matrix)) - 2
    rest = [
        ()
        if out is None or len(out) < batch
        else [Read(matrix, _batched(shape(matrix), out, 2, len(out) - batch), _TRIANGULAR)]
        for out in call.outs()[1:]
    ]
    return PerOutput((solution, *rest))


def solve_triangular(call: Call) -> Reads:
    """As a full system, with a caveat: half of the matrix, and of a column, is not read."""
    return _solution(call, "self", "B", _TRIANGULAR, _TRIANGULAR)


def cholesky_solve(call: Call) -> Reads:
    """As a full system, with a caveat: half of the factor is not read."""
    return _solution(call, "input2", "self", _TRIANGULAR)


def triangular_solve(call: Call) -> PerOutput:
    """The solution, and a copy of the matrix."""
    matrix = call["A"]
    copy = [Read(matrix, broadcast(shape(matrix), call.outs()[1] or ()))]
    return PerOutput((_solution(call, "A", "self", _TRIANGULAR, _TRIANGULAR), copy))


def factor_solve(call: Call) -> Reads:
    """As a full system; the factors and pivots of the matrix stand in its place."""
    name = "LU" if "lu" in str(call.node.target) else "LD"
    pivots = call["pivots"]
    own = Read(pivots, _batched(shape(pivots), call.out, 1, 2), _TRIANGULAR)
    return [*_solution(call, name, "B", _TRIANGULAR), own]


def reflected(call: Call) -> Reads:
    """A matrix times an orthogonal one that reflections give: column by column, or row by row."""
    reflections, scales, other = call["self"], call["input2"], call["input3"]
    rank = len(call.out)
    mixed = rank - 2 if call["left"] else rank - 1
    return [
        Read(other, mixing(rank, (mixed,))),
        Read(reflections, _batched(shape(reflections), call.out, 2, 2), _TRIANGULAR),
        Read(scales, _batched(shape(scales), call.out, 1, 2), _TRIANGULAR),
    ]


def least_squares(call: Call) -> PerOutput:
    """The solution; residuals, rank and singular values per matrix."""
    a, b = call["self"], call["b"]
    batch = len(shape(a)) - 2
    rest: list[Reads] = []
    for out in call.outs()[1:]:
        if out is None or len(out) < batch:
            rest.append(())
            continue
        core = len(out) - batch
        rest.append(
            [
                Read(node, _batched(shape(node), out, len(shape(node)) - batch, core), _TRIANGULAR)
                for node in (a, b)
            ]
        )
    return PerOutput((_solution(call, "self", "b"), *rest))


def cross(call: Call) -> Reads:
    """Each component reads the other two of both vectors."""
    out = call.out
    axis = call["dim"] % len(out)
    others = AxisMap(Finite(tuple(index_set(j for j in range(3) if j != k) for k in range(3))))
    reads = []
    for name in ("self", "other"):
        node = call[name]
        axes = list(broadcast(shape(node), out).reads)
        axes[axis - len(out)] = AxisRead(axis, others)
        reads.append(Read(node, Axes(tuple(axes))))
    return reads


RULES: dict[str, Rule] = {
    **dict.fromkeys(
        [
            "aten._linalg_eigh",
            "aten._linalg_eigvals",
            "aten._linalg_svd",
            "aten.linalg_eig",
            "aten.linalg_inv_ex",
            "aten.linalg_matrix_exp",
            "aten.linalg_matrix_sqrth",
            "aten.linalg_pinv",
            "aten.linalg_polar",
        ],
        _first,
    ),
    **dict.fromkeys(
        [
            "aten._linalg_det",
            "aten._linalg_slogdet",
            "aten.cholesky",
            "aten.cholesky_inverse",
            "aten.geqrf",
            "aten.linalg_cholesky_ex",
            "aten.linalg_householder_product",
            "aten.linalg_ldl_factor_ex",
            "aten.linalg_lu",
            "aten.linalg_lu_factor_ex",
            "aten.linalg_qr",
            "aten.lu_unpack",
        ],
        _first_triangular,
    ),
    "aten._linalg_solve_ex": solve,
    "aten.linalg_solve_triangular": solve_triangular,
    "aten.triangular_solve": triangular_solve,
    "aten.cholesky_solve": cholesky_solve,
    "aten.linalg_ldl_solve": factor_solve,
    "aten.linalg_lu_solve": factor_solve,
    "aten.ormqr": reflected,
    "aten.linalg_lstsq": least_squares,
    "aten.linalg_cross": cross,
}
