"""The elements that a check looks at, with what the analysis predicts of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

import numpy as np
import numpy.typing as npt

from rfgraph.analysis import Analysis, Node
from rfgraph.analysis.scope import Scope
from rfgraph.checking.finding import Hull
from rfgraph.eager import Place, as_indices, find_place, has_place, is_returned
from rfgraph.errors import IndexRangeError, InputError, NodeNotFoundError

BoolArray = npt.NDArray[np.bool_]
_FLOATING = ("float16", "bfloat16", "float32", "float64")
_MOST_PHASES = 8


@dataclass(frozen=True, eq=False)
class Element:
    """One position of one node, and its predicted field.

    Attributes:
        node: The node.
        position: Index along the node's spatial axes.
        place: Where a run of the model shows the node's tensor.
        input: The input that is looked at.
        axes: That input's analysed axes.
        scope: ``"total"`` or ``"local"``.
        footprint: True where the input is predicted to reach the element; shaped as those axes.
        clipped: Per axis whether the input cuts the predicted field.
    """

    node: Node
    position: tuple[int, ...]
    place: Place
    input: str
    axes: tuple[int, ...]
    scope: Scope
    footprint: BoolArray
    clipped: tuple[bool, ...]

    @property
    def order(self) -> int:
        """Where the node stands in the order of execution."""
        return list(self.node.analysis.graph.nodes).index(self.node.name)

    @property
    def index(self) -> tuple[int | slice, ...]:
        """What picks the element, with all its samples and channels, out of the tensor."""
        at = dict(zip(self.node.spatial_axes, self.position, strict=True))
        return tuple(at.get(axis, slice(None)) for axis in range(len(self.node.shape)))

    @property
    def hulls(self) -> tuple[Hull, ...]:
        """The predicted hull along each analysed axis."""
        return tuple(hull(self.footprint, k) for k in range(self.footprint.ndim))


def hull(mask: BoolArray, k: int) -> Hull:
    """Return the first and last index of the true entries along axis `k`; None without any."""
    hit = np.flatnonzero(mask.any(axis=tuple(a for a in range(mask.ndim) if a != k)))
    return (int(hit[0]), int(hit[-1])) if hit.size else None


def choose_nodes(
    analysis: Analysis, wanted: Sequence[str] | str | None, count: int, *, inner: bool = True
) -> list[Node]:
    """Return the nodes to check, in order of execution.

    Args:
        analysis: Whose.
        wanted: Node or module paths, or patterns over them, which look at what modules return
            first; None for `count` nodes spread over the depth, the last one with a local field
            among them.
        count: See `wanted`.
        inner: Whether what functions return counts as well, where modules return fewer.

    Raises:
        NodeNotFoundError: A name or pattern chooses nothing that a run of the model shows.
        InputError: `wanted` is empty, or nothing can be checked.
    """
    shown = [node for node in analysis if has_place(node) and inputs_of(node)]
    fit = [node for node in shown if is_returned(node)]
    order = {node.name: k for k, node in enumerate(analysis)}
    if wanted is None:
        spread = _with_local_field(fit)
        if inner and len(spread) < count:
            spread = _with_local_field(shown)
        spread = spread or fit
        if not spread:
            raise _unfollowed(analysis, "a tensor that a run of the model shows")
        last = len(spread) - 1
        picked = (
            {round(k * last / max(count - 1, 1)) for k in range(count)} if count > 1 else {last}
        )
        return [spread[k] for k in sorted(picked)]
    names = [wanted] if isinstance(wanted, str) else list(wanted)
    if not names:
        raise InputError("Nothing to check; give node names or patterns, or leave nodes out.")
    chosen: dict[str, Node] = {}
    paths = {path: nodes[0] for path, nodes in analysis.modules.items() if path}
    for name in names:
        if name in analysis:
            node = analysis[name]
            find_place(node)
            found = [node]
        else:
            found = [node for node in fit if fnmatchcase(node.name, name)]
            found += [n for path, n in paths.items() if fnmatchcase(path, name) and n in fit]
            found = found or [node for node in shown if fnmatchcase(node.name, name)]
        if not found:
            analysis[name]  # says what is close
            raise NodeNotFoundError(f"No node that a run of the model shows fits {name!r}.")
        chosen.update({node.name: node for node in found})
    return sorted(chosen.values(), key=lambda node: order[node.name])


def _with_local_field(nodes: Sequence[Node]) -> list[Node]:
    return [node for node in nodes if node.spatial_axes and node.field.local is not None]


def choose_positions(node: Node, wanted: Sequence[Sequence[int]] | None) -> list[tuple[int, ...]]:
    """Return the positions to check: those wanted, or corners, a border and the middle.

    Where fields differ from position to position in turn, as after upsampling, neighbours of the
    middle are added, one for each further phase, up to eight.

    Raises:
        IndexRangeError: A wanted position lies outside the node.
        InputError: None is wanted, or one is no position.
    """
    lengths = [node.shape[axis] for axis in node.spatial_axes]
    if wanted is not None:
        found = []
        if not len(wanted):
            raise InputError("Nothing to check; give positions, or leave positions out.")
        for position in wanted:
            given = as_indices(position)
            if len(given) != len(lengths) or any(
                not -n <= k < n for k, n in zip(given, lengths, strict=False)
            ):
                raise IndexRangeError(
                    f"Position {given} is none of {node.name}, whose spatial axes have lengths "
                    f"{tuple(lengths)}."
                )
            found.append(tuple(k % n for k, n in zip(given, lengths, strict=True)))
        return list(dict.fromkeys(found))
    middle = tuple(n // 2 for n in lengths)
    last = tuple(n - 1 for n in lengths)
    # Not only the diagonal, on which exchanged axes look right, nor only points of symmetry, at
    # which wrong scales can agree.
    top = tuple(0 if k == 0 else n for k, n in enumerate(middle))
    odd = tuple((n - 1) // 3 if k % 2 else 2 * n // 3 for k, n in enumerate(lengths))
    phases = [
        tuple((m + k % p) % n for m, p, n in zip(middle, periods, lengths, strict=True))
        for periods in [_periods(node)]
        for k in range(1, min(max(periods, default=1), _MOST_PHASES + 1))
    ]
    return list(dict.fromkeys([tuple(0 for _ in lengths), top, middle, *phases, odd, last]))


def _periods(node: Node) -> list[int]:
    """Return after how many positions the field repeats, along each of the node's spatial axes."""
    found = [1] * len(node.spatial_axes)
    for name in inputs_of(node):
        field = node.fields[name]
        periods = (field.local or field).period
        if len(periods) == len(found):
            found = [max(a, b or 1) for a, b in zip(found, periods, strict=True)]
    return found


def elements_of(node: Node, position: tuple[int, ...]) -> list[Element]:
    """Return the element at one position, on each input and in each scope that says its own."""
    names = inputs_of(node)
    if not names:
        raise _unfollowed(node.analysis, node.name)
    return [element for name in names for element in _elements_on(node, position, name)]


def _elements_on(node: Node, position: tuple[int, ...], name: str) -> list[Element]:
    info = node.analysis.inputs[name]
    field = node.fields[name]
    scopes: list[Scope] = ["total"]
    if field.is_global and field.local is not None:
        scopes.append("local")
    place = find_place(node)
    found = []
    for scope in scopes:
        region = node.region(position, input=name, scope=scope)
        clipped = tuple(
            seen is not None and (seen[0] < 0 or seen[1] >= n)
            for seen, n in zip(region.unclipped, info.lengths, strict=True)
        )
        mask = node.footprint(position, input=name, scope=scope)
        found.append(Element(node, position, place, name, info.axes, scope, mask, clipped))
    return found


def inputs_of(node: Node) -> list[str]:
    """Return the floating point inputs that reach the node; those with analysed axes, if any."""
    inputs = node.analysis.inputs
    found = [
        name
        for name, field in node.fields.items()
        if field.reaches and inputs[name].dtype in _FLOATING
    ]
    return [name for name in found if inputs[name].axes] or found


def complex_inputs(analysis: Analysis) -> list[str]:
    """Return the inputs that hold complex numbers, which no method follows."""
    return [name for name, info in analysis.inputs.items() if info.dtype.startswith("complex")]


def _unfollowed(analysis: Analysis, reached: str) -> InputError:
    """Return why nothing can be followed to what is to be reached."""
    if names := complex_inputs(analysis):
        return InputError(
            f"Complex inputs are not followed, and only {', '.join(names)} reaches {reached}; give "
            "the model real and imaginary parts, as with torch.view_as_real."
        )
    return InputError(
        f"No floating point input reaches {reached}, so neither gradients nor NaN can be followed; "
        "give the model embeddings instead of indices."
    )
