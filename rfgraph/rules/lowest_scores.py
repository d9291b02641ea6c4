"""Scores that are -inf, or the lowest number of their type, whatever the inputs are.

They are found by following constants of -inf through what models do to scores: adding, choosing,
scaling, subtracting a maximum, bounding, joining and viewing. What each of these gives is computed
on the lowest scores themselves, with NaN for all others, so that a negative factor or a bound from
below leaves no -inf behind.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812 -- its usual name
from torch import Tensor, fx

from rfgraph.rules.axes import normal_axes
from rfgraph.rules.call import Call, shape

FARTHEST = 12
"""Operators looked through between a softmax and its mask."""

_MOST_KEPT = 1 << 20
"""Bytes of an answer beyond which it is found again: many heads of long sequences fill memory."""


def lowest_scores(call: Call, scores: fx.Node, farthest: int = FARTHEST) -> Tensor | None:
    """The scores that are lowest for all inputs, and NaN where they are not; None if none is.

    Args:
        call: The call that reads the scores.
        scores: Their node.
        farthest: Operators that are looked through.
    """
    known = scores.meta.get("lowest")
    if known is not None and (known[0] >= farthest or known[1] is not None):
        kept: Tensor | None = known[1]
        return kept
    found = _found(call, scores, farthest)
    if found is None or found.untyped_storage().nbytes() <= _MOST_KEPT:
        scores.meta["lowest"] = (farthest, found)
    return found


def _found(call: Call, scores: fx.Node, farthest: int) -> Tensor | None:
    value = call.value(scores, learned=False)
    if value is not None:
        return _lowest(value)
    if farthest == 0 or scores.op != "call_function":
        return None
    find = _part if scores.target is operator.getitem else _FINDS.get(operator_name(scores))
    # An integer or a condition cannot say NaN, and so not which scores are lowest.
    if find is None or not _dtype(scores).is_floating_point:
        return None
    return find(call, scores, farthest)


def operator_name(node: fx.Node) -> str:
    """The name of an ATen operator without namespace and overload."""
    return _name_of(node.target)


@cache
def _name_of(target: object) -> str:
    return str(getattr(target, "overloadpacket", None)).removeprefix("aten.")


def _lowest(value: Tensor) -> Tensor | None:
    if not value.is_floating_point() or not value.numel():
        return None
    is_lowest = value <= torch.finfo(value.dtype).min / 2
    return value.masked_fill(~is_lowest, math.nan) if bool(is_lowest.any()) else None


def _known(call: Call, source: Any, dtype: torch.dtype) -> Tensor | None:
    """A number, or a tensor that neither an input nor a parameter can change; None otherwise."""
    if isinstance(source, fx.Node):
        value = call.value(source, learned=False)
        return None if value is None else value.to(dtype)
    return torch.tensor(source, dtype=dtype) if isinstance(source, (int, float)) else None


def _term(call: Call, source: Any, dtype: torch.dtype, farthest: int) -> Tensor | None:
    """What is lowest of an operand, which may be a number; broadcastable to it."""
    if isinstance(source, fx.Node):
        lowest = lowest_scores(call, source, farthest - 1)
        return None if lowest is None else _once(lowest).to(dtype)
    return _lowest(torch.tensor(source, dtype=dtype)) if isinstance(source, (int, float)) else None


def _once(lowest: Tensor) -> Tensor:
    """The tensor without the copies that an expansion makes: heads share one mask."""
    for axis, step in enumerate(lowest.stride()):
        if step == 0 and lowest.shape[axis] > 1:
            lowest = lowest.narrow(axis, 0, 1)
    return lowest


def _kept(lowest: Tensor, keep: Tensor, node: fx.Node) -> Tensor | None:
    """The lowest scores where they are kept, as wide as the node; None if none is left."""
    left = lowest.where(keep & ~lowest.isnan(), math.nan)
    return None if bool(left.isnan().all()) else left.expand(shape(node))


def _dtype(node: fx.Node) -> torch.dtype:
    dtype: torch.dtype = node.meta["spec"].dtype
    return dtype


def _pair(node: fx.Node) -> tuple[Any, Any]:
    """The operands of a sum, a difference, a product or a quotient."""
    first, second = node.args[:2]
    return first, second


def _argument(node: fx.Node, place: int, name: str, default: Any = None) -> Any:
    return node.args[place] if len(node.args) > place else node.kwargs.get(name, default)


def _viewed(call: Call, node: fx.Node, farthest: int) -> Tensor | None:
    source = node.args[0]
    assert isinstance(source, fx.Node)
    found = lowest_scores(call, source, farthest - 1)
    if found is None:
        return None
    name = operator_name(node)
    if name == "_to_copy":
        return found.to(_dtype(node))
    if name in ("alias", "clone", "detach"):
        return found
    if name in ("view", "_unsafe_view"):
        # Seen as another type the bits are other numbers.
        return found.reshape(shape(node)) if _dtype(source) is _dtype(node) else None
    assert callable(node.target)
    seen: Tensor = node.target(found, *map(_plain, node.args[1:]), **node.kwargs)
    return seen


def _plain(argument: Any) -> Any:
    return [_plain(a) for a in argument] if isinstance(argument, (list, tuple)) else argument


def _sum(call: Call, node: fx.Node, farthest: int) -> Tensor | None:
    """The lowest terms of a sum, whatever is added to them."""
    found, constants = [], []
    factors: tuple[Any, Any] = (1, node.kwargs.get("alpha", 1))
    for source, factor in zip(_pair(node), factors, strict=True):
        lowest = lowest_scores(call, source, farthest - 1) if isinstance(source, fx.Node) else None
        if lowest is not None and factor != 1:
            lowest = _lowest(lowest * factor)
        if lowest is not None:
            found.append(lowest.to(_dtype(node)))
        elif (known := _known(call, source, _dtype(node))) is not None:
            constants.append(known * factor)
    if not found:
        return None
    if constants:
        # A number as large as the lowest is low lifts it to an ordinary score.
        lifted = _lowest(found[0] + constants[0])
        return None if lifted is None else lifted.expand(shape(node))
    total, *others = found
    for other in others:
        # Twice the lowest number overflows to -inf.
        both = torch.where(other.isnan(), total, total + other)
        total = torch.where(total.isnan(), other, both)
    return total.expand(shape(node))


def _bias(call: Call, node: fx.Node, farthest: int) -> Tensor | None:
    """A mask plus the product of queries and keys; with a factor of zero the mask is not read."""
    mask = node.args[0]
    if node.kwargs.get("beta", 1) != 1 or not isinstance(mask, fx.Node):
        return None
    lowest = lowest_scores(call, mask, farthest - 1)
    return None if lowest is None else lowest.expand(shape(node))


def _difference(call: Call, node: fx.Node, farthest: int) -> Tensor | None:
    """-inf less anything else is -inf, and so is anything less a constant of +inf."""
    minuend, subtrahend = _pair(node)
    if operator_name(node) == "rsub":
        minuend, subtrahend = subtrahend, minuend
    alpha, dtype = _argument(node, 2, "alpha", 1), _dtype(node)
    lowest = _term(call, minuend, dtype, farthest)
    taken = _known(call, subtrahend, dtype)
    if taken is not None:
        dropped = _lowest(-alpha * taken)
        if lowest is not None:
            lowest = _lowest(lowest - alpha * taken)
        if lowest is None or dropped is None:
            found = dropped if lowest is None else lowest
            return None if found is None else found.expand(shape(node))
        return torch.where(lowest.isnan(), dropped, lowest).expand(shape(node))
    if lowest is None:
        return None
    # The lowest finite number less what is as low is an ordinary score.
    keep = lowest.isinf()
    if alpha == 1:
        keep = keep | _rows_with_more(minuend, subtrahend, lowest)
    lower = _term(call, subtrahend, dtype, farthest)
    return _kept(lowest, keep if lower is None else keep & lower.isnan(), node)


def _rows_with_more(scores: Any, subtrahend: Any, lowest: Tensor) -> Tensor:
    """Where the maximum of the scores themselves is subtracted, and is not a lowest score."""
    axes = _maximised(_origin(scores), _origin(subtrahend))
    if axes is None:
        return torch.zeros((), dtype=torch.bool)
    return lowest.isnan().any(normal_axes(axes, lowest.ndim), keepdim=True)


def _maximised(scores: Any, maximum: Any) -> int | Sequence[int] | None:
    """The axes over which ``maximum`` is that of the scores, and still stands; None if it is not.

    No axes stand for all of them.
    """
    if not isinstance(maximum, fx.Node):
        return None
    if maximum.target is operator.getitem:
        found, place = maximum.args
        if place != 0 or not isinstance(found, fx.Node) or operator_name(found) != "max":
            return None
        maximum = found
    elif operator_name(maximum) != "amax":
        return None
    if _origin(maximum.args[0]) is not scores or not _argument(maximum, 2, "keepdim", False):
        return None
    axes: int | Sequence[int] = _argument(maximum, 1, "dim", ())
    return axes


def _origin(source: Any) -> Any:
    """The node that a tensor is a copy of."""
    while isinstance(source, fx.Node) and operator_name(source) in ("alias", "clone", "detach"):
        source = source.args[0]
    return source


def _scaled(call: Call, node: fx.Node, farthest: int) -> Tensor | None:
    """-inf times or over a positive constant.

    The lowest finite number is not: a fraction of it may no longer be, and a multiple of one that
    a score was added to is -inf or not, as the score says.
    """
    first, second = _pair(node)
    orders = [(first, second)]
    if operator_name(node) == "mul":
        orders.append((second, first))
    elif node.kwargs.get("rounding_mode") is not None:
        return None
    for source, factor in orders:
        lowest = _term(call, source, _dtype(node), farthest)
        amount = None if lowest is None else _known(call, factor, _dtype(node))
        if lowest is not None and amount is not None:
            positive = (amount > 0) & amount.isfinite()
            return _kept(lowest, (lowest.isinf() & positive) | (amount == 1), node)
    return None


def _bounded(call: Call, node: fx.Node, farthest: int) -> Tensor | None:
    """-inf bounded from above; a bound from below leaves it only where it is as low."""
    name, dtype = operator_name(node), _dtype(node)
    below = above = None
    if name == "clamp":
        below, above = _argument(node, 1, "min"), _argument(node, 2, "max")
    elif name in ("clamp_min", "maximum"):
        below = node.args[1]
    else:
        above = node.args[1]
    lowest = _term(call, node.args[0], dtype, farthest)
    if below is not None and lowest is not None:
        floor = _known(call, below, dtype)
        if floor is None and name == "maximum":
            floor = _term(call, below, dtype, farthest)  # lowest where both are
        lowest = None if floor is None else _lowest(torch.maximum(lowest, floor))
    ceiling = None if above is None else _term(call, above, dtype, farthest)
    if lowest is None or ceiling is None:
        found = ceiling if lowest is None else lowest
        return None if found is None else found.expand(shape(node))
    return torch.fmin(lowest, ceiling).expand(shape(node))


def _joined(call: Call, node: fx.Node, farthest: int) -> Tensor | None:
    """The lowest scores of tensors side by side."""
    out, dtype = shape(node), _dtype(node)
    # A legacy empty tensor of shape (0,) joins anything and supplies nothing.
    tensors: Any = node.args[0]
    sources = [source for source in tensors if len(shape(source)) == len(out)]
    found = [_term(call, source, dtype, farthest) for source in sources]
    if all(lowest is None for lowest in found):
        return None
    nowhere = torch.full((), math.nan, dtype=dtype)
    parts = [
        (nowhere if lowest is None else lowest).expand(shape(source))
        for source, lowest in zip(sources, found, strict=True)
    ]
    axis = _argument(node, 1, "dim", 0)
    joined = torch.cat(parts, axis)
    beside = [call.value(s) for s, lowest in zip(sources, found, strict=True) if lowest is None]
    if not beside or any(value is not None for value in beside) or not joined.isfinite().any():
        # A number of the model's own, such as a sink, is an ordinary score.
        return joined
    if axis % len(out) != len(out) - 1:
        return joined  # other queries, beside whose scores a query's own do not stand
    # What is computed may be as low as the lowest number, if it is of a row of nothing else: then
    # all have equal weights.
    known = [part for part, lowest in zip(parts, found, strict=True) if lowest is not None]
    spared = torch.cat(known, axis).isnan().any(axis, keepdim=True)
    return _kept(joined, joined.isinf() | spared, node)


def _padded(call: Call, node: fx.Node, farthest: int) -> Tensor | None:
    """The lowest scores beside a constant, which may be lowest itself."""
    source, amounts = node.args[:2]
    assert isinstance(source, fx.Node)
    lowest = lowest_scores(call, source, farthest - 1)
    beside = _term(call, _argument(node, 2, "value", 0), _dtype(node), farthest)
    if lowest is None:
        return None
    fill = math.nan if beside is None else beside.item()
    return F.pad(lowest, _plain(amounts), value=fill)


def _log_softmax(call: Call, node: fx.Node, farthest: int) -> Tensor | None:
    """-inf stays -inf, and the lowest number as low in a row that has other scores."""
    lowest = _term(call, node.args[0], _dtype(node), farthest)
    if lowest is None:
        return None
    axis = node.args[1]
    assert isinstance(axis, int)
    return _kept(lowest, lowest.isinf() | lowest.isnan().any(axis, keepdim=True), node)


def _made_finite(call: Call, node: fx.Node, farthest: int) -> Tensor | None:
    """-inf becomes the lowest finite number, or the one that is given."""
    dtype = _dtype(node)
    lowest = _term(call, node.args[0], dtype, farthest)
    given = _argument(node, 3, "neginf")
    finite = torch.finfo(dtype).min if given is None else given
    return None if lowest is None else _lowest(lowest.masked_fill(lowest.isinf(), finite))


def _put(call: Call, node: fx.Node, farthest: int) -> Tensor | None:
    """Scores of which some are written, at places that are known."""
    source, indices, values = node.args[:3]
    known = [i if i is None else call.value(i, learned=False) for i in indices]  # type: ignore[union-attr, arg-type]
    if _argument(node, 3, "accumulate", False) or any(
        index is not None and value is None
        for index, value in zip(indices, known, strict=True)  # type: ignore[arg-type]
    ):
        return None
    sides = [_term(call, each, _dtype(node), farthest) for each in (source, values)]
    if sides == [None, None]:
        return None
    nowhere = torch.full((), math.nan, dtype=_dtype(node))
    before, written = (nowhere if side is None else side for side in sides)
    put: Tensor = torch.ops.aten.index_put.default(before.expand(shape(node)), known, written)
    return put


def _moved(call: Call, node: fx.Node, farthest: int) -> Tensor | None:
    """Scores that are only moved: found by moving what is lowest of them, at known places."""
    if "reduce" in str(node.target):
        return None  # a sum or a product with what is there
    marks: dict[fx.Node, Tensor | None] = {}
    for source in node.all_input_nodes:
        if _dtype(source).is_floating_point:
            marks[source] = lowest_scores(call, source, farthest - 1)
        else:
            place = call.value(source, learned=False)
            if place is None:
                return None
            marks[source] = place
    written = any(
        _term(call, number, _dtype(node), farthest) is not None
        for number in node.args
        if isinstance(number, float)
    )
    if not written and all(mark is None or not mark.is_floating_point() for mark in marks.values()):
        return None

    def mark(source: fx.Node) -> Any:
        found = marks[source]
        nowhere = torch.full((), math.nan, dtype=_dtype(source)) if found is None else found
        return nowhere.expand(shape(source))

    args: Any = fx.node.map_arg(node.args, mark)
    assert callable(node.target)
    seen: Tensor = node.target(*map(_plain, args), **node.kwargs)
    return _lowest(seen)


def _all_one(call: Call, node: fx.Node, farthest: int) -> Tensor | None:
    """A number everywhere, which may be lowest."""
    lowest = _term(call, node.args[1], _dtype(node), farthest)
    return None if lowest is None else lowest.expand(shape(node))


def _part(call: Call, node: fx.Node, farthest: int) -> Tensor | None:
    """One of the tensors that scores are cut into."""
    cut, place = node.args
    assert isinstance(cut, fx.Node)
    if operator_name(cut) not in ("unbind", "split", "split_with_sizes"):
        return None
    source = cut.args[0]
    assert isinstance(source, fx.Node)
    lowest = lowest_scores(call, source, farthest - 1)
    if lowest is None:
        return None
    assert callable(cut.target)
    found: Tensor = cut.target(lowest, *map(_plain, cut.args[1:]), **cut.kwargs)[place]
    return _lowest(found)


def _filled(call: Call, node: fx.Node, farthest: int) -> Tensor | None:
    source, mask, fill = node.args
    return _chosen(call, node, mask, (fill, source), farthest)


def _selected(call: Call, node: fx.Node, farthest: int) -> Tensor | None:
    condition, source, other = node.args
    return _chosen(call, node, condition, (source, other), farthest)


def _chosen(
    call: Call, node: fx.Node, condition: Any, sources: tuple[Any, Any], farthest: int
) -> Tensor | None:
    """Those of the first source where the condition holds, else the second's."""
    decided = call.value(condition, learned=False)
    sides = [_term(call, source, _dtype(node), farthest) for source in sources]
    if decided is None:
        # Whichever it is, it is lowest only if both are.
        if sides[0] is None or sides[1] is None:
            return None
        return torch.maximum(sides[0], sides[1]).expand(shape(node))
    if sides == [None, None]:
        return None
    nowhere = torch.full((), math.nan, dtype=_dtype(node))
    yes, no = (nowhere if side is None else side for side in sides)
    return torch.where(decided.cpu(), yes, no).expand(shape(node))


_FINDS: dict[str, Callable[[Call, fx.Node, int], Tensor | None]] = {
    **dict.fromkeys(
        [
            "_to_copy",
            "_unsafe_view",
            "alias",
            "clone",
            "detach",
            "expand",
            "flip",
            "permute",
            "select",
            "slice",
            "squeeze",
            "t",
            "transpose",
            "unsqueeze",
            "view",
        ],
        _viewed,
    ),
    **dict.fromkeys(["clamp", "clamp_max", "clamp_min", "maximum", "minimum"], _bounded),
    **dict.fromkeys(
        [
            "copy",
            "gather",
            "index",
            "index_select",
            "repeat",
            "roll",
            "scatter",
            "select_scatter",
            "slice_scatter",
            "stack",
        ],
        _moved,
    ),
    **dict.fromkeys(["_log_softmax", "log_softmax"], _log_softmax),
    **dict.fromkeys(["_unsafe_index_put", "index_put"], _put),
    "add": _sum,
    "addmm": _bias,
    "baddbmm": _bias,
    "cat": _joined,
    "constant_pad_nd": _padded,
    "fill": _all_one,
    "full_like": _all_one,
    "div": _scaled,
    "masked_fill": _filled,
    "mul": _scaled,
    "nan_to_num": _made_finite,
    "rsub": _difference,
    "sub": _difference,
    "where": _selected,
}
"""What follows the lowest scores through an operator, by its name."""
