"""What an analysis says of sampled elements of a model, against the eager model itself.

The claims are footprints at sampled modules and positions, the witness is the NaN taint of
`tests.oracle`, which shares no code with the package: `refutations` of the probe, with a dispatch
mode that carries NaN through the operators that would drop it (comparisons, resampling weights of
zero, masks of -inf).

Local paths are seen with global mixers *held*: a forward hook on each module of a listed class
takes the dependence that its global paths carry out of what it returns. Four ways suffice:

* `"constant"`: NaN in the result become a number. For modules whose every path is global:
  attention over all tokens, a token mixer, a global pool.
* `"identity"`: the result is NaN exactly where the argument is. For modules that scale each
  position of their argument by something global: squeeze-and-excite and its kin, group norm.
* `"contraction"`: inside the module, NaN become a number in what a product, sum, norm or softmax
  gives that runs over as many elements as the argument has positions. For modules that have local
  paths of their own beside the global ones: linear attention, convolutions of the values.
* `"attention"`: the same for a softmax and the product that runs over as many elements. For
  attention to pooled keys with local paths beside it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import _disable_current_modes
from torch.utils._pytree import tree_leaves, tree_map_only

import rfgraph
from tests.models.probe import BoolArray, Position, poisons
from tests.oracle.taint import TaintMode, _plain_eager

CONSTANT, IDENTITY = "constant", "identity"
CONTRACTION, ATTENTION = "contraction", "attention"

Held = Mapping[str, str]
"""Class name, or pattern of module paths, to the way in which these modules are held."""


@dataclass(frozen=True)
class Element:
    """One position of what one module returns.

    Attributes:
        path: The module; `""` is the model itself.
        index: The position along `axes`.
        axes: The axes of the tensor that are positions; all others but the first are channels.
    """

    path: str
    index: Position
    axes: tuple[int, ...]


@dataclass(frozen=True)
class Contradiction:
    """A footprint that the eager model does not bear out.

    Attributes:
        element: Whose.
        scope: `"total"` or `"local"`.
        kind: `"unsound"` if something outside the footprint reaches it, `"loose"` if part of the
            footprint does not.
    """

    element: Element
    scope: str
    kind: str

    def __str__(self) -> str:
        return f"{self.element.path}{list(self.element.index)} {self.scope} {self.kind}"


def disagreements(
    model: nn.Module,
    shapes: Sequence[tuple[int, ...]],
    held: Held,
    *,
    modules: int,
    axes: tuple[int, ...] | None = None,
) -> list[Contradiction]:
    """What the model contradicts of its own analysis: sampled elements, both scopes.

    Args:
        model: In eval mode, with data.
        shapes: Of its inputs; the first is the one whose reach is compared.
        held: The global mixers, for the local scope.
        modules: How many modules to sample.
        axes: The analysed axes of the first input; all from 2 on by default.
    """
    analysis = rfgraph.analyze(model, shapes[0] if len(shapes) == 1 else list(shapes), axes=axes)
    elements = sampled_elements(analysis, sampled_paths(analysis, modules))
    assert len(elements) >= 2 * modules, "too few modules have positions"
    generator = torch.Generator().manual_seed(0)
    inputs = [torch.rand(shape, generator=generator) for shape in shapes]
    first = next(iter(analysis.inputs))
    found = []
    for scope in ("total", "local"):
        holding = held if scope == "local" else {}
        claims = {
            element: analysis[element.path].footprint(element.index, input=first, scope=scope)
            for element in elements
            if not is_inside(model, holding, element.path)
        }
        assert claims, "every sampled module is inside a held one"
        found += contradictions(model, inputs, claims, scope=scope, held=holding, axes=axes)
    return found


def sampled_paths(analysis: Any, count: int) -> list[str]:
    """Modules spread over the depth, each called once, whose result has positions and one sample.

    The last one is among them, because errors add up with the depth.
    """
    order = {node.name: k for k, node in enumerate(analysis)}
    fit: dict[str, str] = {}
    for path, nodes in analysis.modules.items():
        node = nodes[0]
        if not path or len(nodes) > 1 or len(node.shape) < 3 or node.shape[0] != 1:
            continue
        if node.spatial_axes and 0 not in node.spatial_axes:
            fit.setdefault(node.name, path)
    names = sorted(fit, key=order.__getitem__)
    if len(names) <= count:
        return [fit[name] for name in names]
    chosen = {round(k * (len(names) - 1) / (count - 1)) for k in range(count)}
    return [fit[names[k]] for k in sorted(chosen)]


def sampled_elements(analysis: Any, paths: Sequence[str]) -> list[Element]:
    """The first corner, a border and about the middle of what each module returns."""
    found = []
    for path in paths:
        node = analysis[path]
        lengths = [node.shape[axis] for axis in node.spatial_axes]
        middle = [n // 2 for n in lengths]
        places = {tuple(0 for _ in lengths), tuple(middle), (*middle[:-1], lengths[-1] - 1)}
        found += [Element(path, place, node.spatial_axes) for place in sorted(places)]
    return found


def contradictions(
    model: nn.Module,
    inputs: Sequence[Tensor],
    claims: Mapping[Element, BoolArray],
    *,
    scope: str,
    held: Held | None = None,
    source: int = 0,
    axes: tuple[int, ...] | None = None,
    batch: int = 8,
) -> list[Contradiction]:
    """All claims that the eager model contradicts.

    Args:
        model: In eval mode, with data.
        inputs: Its tensors, each of one sample.
        claims: The footprint over the axes of input `source`, for each element.
        scope: What the footprints are: `"total"`, or `"local"` with the mixers of `held` held.
        held: See the module's docstring.
        source: The input that is poisoned.
        axes: Its axes that the footprints run over; all from 2 on by default.
        batch: Poisons per forward pass.
    """
    axes = axes or tuple(range(2, inputs[source].ndim))
    masks = {
        mask.tobytes(): mask
        for footprint in claims.values()
        for mask in poisons(footprint, singles=1)
    }
    runs = list(masks.values())
    seen: dict[Element, list[bool]] = {element: [] for element in claims}
    mode = HoldingMode()
    with ExitStack() as stack:
        stack.enter_context(torch.no_grad())
        stack.enter_context(_plain_eager(torch.float32))
        stack.enter_context(_holding(model, mode, held or {}))
        everything = [tensor.clone() for tensor in inputs]
        everything[source].fill_(math.nan)
        mode.begin(model, everything, learning=True)
        with (
            mode,
            _looking(model, mode, {element: [] for element in seen}, 1),
            suppress(_AllSeenError),
        ):
            model(*everything)
        for begin in range(0, len(runs), batch):
            group = [np.zeros_like(runs[0]), *runs[begin : begin + batch]]
            given = [t.repeat(len(group), *(1 for _ in t.shape[1:])) for t in inputs]
            _poison(given[source], group, axes)
            mode.begin(model, given, learning=False)
            with mode, _looking(model, mode, seen, len(group)), suppress(_AllSeenError):
                model(*given)
        mode.end()
    return [
        Contradiction(element, scope, kind)
        for element, footprint in claims.items()
        for kind in sorted(_kinds(footprint, runs, seen[element]))
    ]


def _kinds(footprint: BoolArray, runs: Sequence[BoolArray], seen: Sequence[bool]) -> set[str]:
    assert len(seen) == len(runs), "an element was not seen in every run"
    return {
        "unsound" if nan else "loose"
        for mask, nan in zip(runs, seen, strict=True)
        if nan != bool((footprint & mask).any())
    }


def _poison(x: Tensor, masks: Sequence[BoolArray], axes: tuple[int, ...]) -> None:
    shape = [len(masks), *(n if a in axes else 1 for a, n in enumerate(x.shape) if a)]
    x.masked_fill_(torch.from_numpy(np.stack(masks)).reshape(shape), math.nan)


class _AllSeenError(Exception):
    """Ends a forward pass after the last module of interest."""


@contextmanager
def _looking(
    model: nn.Module, mode: TaintMode, seen: dict[Element, list[bool]], runs: int
) -> Iterator[None]:
    """Append, for each element, which runs but the first reach it; end the pass after the last.

    A single run is the one in which everything is poisoned, and all sound.
    """
    wanted: dict[str, list[Element]] = {}
    missing = {element.path for element in seen}
    for element in seen:
        wanted.setdefault(element.path, []).append(element)

    def look(path: str) -> Callable[[nn.Module, Any, Any], None]:
        def hook(_module: nn.Module, _args: Any, output: Any) -> None:
            tensor = next(leaf for leaf in tree_leaves(output) if isinstance(leaf, Tensor))
            with _disable_current_modes():
                mask = mode.taint(tensor)
                mask = torch.zeros_like(tensor, dtype=torch.bool) if mask is None else mask
                assert len(mask) == runs, f"{path!r} returns {len(mask)} samples of {runs}"
                assert runs == 1 or not mask[0].any(), f"{path!r}: a clean sample is tainted"
                for element in wanted[path]:
                    place: list[Any] = [slice(None)] * mask.ndim
                    for axis, at in zip(element.axes, element.index, strict=True):
                        place[axis] = at
                    hit = mask[tuple(place)].flatten(1).any(1)
                    seen[element] += hit[1:].tolist()
            missing.discard(path)
            if not missing:
                raise _AllSeenError

        return hook

    handles = [model.get_submodule(p).register_forward_hook(look(p)) for p in wanted]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


@contextmanager
def _holding(model: nn.Module, mode: HoldingMode, held: Held) -> Iterator[None]:
    """Hold the modules of the listed classes and paths; each of them must occur."""
    for key in held:
        assert any(_held_modules(model, {key: held[key]})), f"the model has no {key}"
    handles = [
        handle
        for _, module, way in _held_modules(model, held)
        for handle in _hold(module, mode, way)
    ]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def is_inside(model: nn.Module, held: Held, path: str) -> bool:
    """Whether a module is part of a held one, where a local path means nothing."""
    return any(path.startswith(f"{outer}.") for outer, _, _ in _held_modules(model, held))


def _held_modules(model: nn.Module, held: Held) -> Iterator[tuple[str, nn.Module, str]]:
    for path, module in model.named_modules():
        for key, way in held.items():
            if key == type(module).__name__ or ("." in key and fnmatchcase(path, key)):
                yield path, module, way


def _hold(module: nn.Module, mode: HoldingMode, way: str) -> list[Any]:
    if way == CONSTANT:
        return [module.register_forward_hook(_constant)]
    if way == IDENTITY:
        return [module.register_forward_hook(_identity)]
    assert way in {CONTRACTION, ATTENTION}
    return [
        module.register_forward_pre_hook(lambda _module, args: mode.enter(way, args[0])),
        module.register_forward_hook(lambda _module, _args, _output: mode.leave()),
    ]


def _constant(_module: nn.Module, _args: tuple[Any, ...], output: Any) -> Any:
    with _disable_current_modes():
        return tree_map_only(Tensor, _without_nan, output)


def _identity(module: nn.Module, args: tuple[Any, ...], output: Tensor) -> Tensor:
    assert output.shape == args[0].shape
    with _disable_current_modes():
        # The module's own values keep what follows finite.
        return module.forward(_without_nan(args[0])).masked_fill(args[0].isnan(), math.nan)


def _without_nan(tensor: Tensor) -> Tensor:
    return tensor.masked_fill(tensor.isnan(), 0.5)


class HoldingMode(TaintMode):
    """The taint, and what contracts all positions of a module's argument held."""

    def __init__(self) -> None:
        super().__init__()
        self._lengths: list[tuple[str, set[int]]] = []

    def enter(self, way: str, argument: Tensor) -> None:
        """Hold what contracts the positions of `argument`, (N, L, C) or (N, C, H, W)."""
        shape = argument.shape
        positions = shape[1] if len(shape) == 3 else math.prod(shape[2:])
        self._lengths.append((way, {positions} if way == CONTRACTION else set()))

    def leave(self) -> None:
        """Hold no more than before."""
        self._lengths.pop()

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        out = super().__torch_dispatch__(func, types, args, kwargs)
        if not self._lengths:
            return out
        way, lengths = self._lengths[-1]
        contracted = _contracted(func, args)
        if way == ATTENTION and "softmax" in func._schema.name:
            lengths.add(contracted)
        if contracted in lengths:
            with _disable_current_modes():
                return _without_nan(out)
        return out


def _contracted(func: Any, args: tuple[Any, ...]) -> int | None:
    """How many elements each element of the result runs over; None for other operators."""
    name = func._schema.name.removeprefix("aten::")
    if name in {"mm", "bmm"}:
        return args[0].shape[-1]
    if name in {"addmm", "baddbmm"}:
        return args[1].shape[-1]
    if name in {"_softmax", "_safe_softmax", "mean", "sum", "linalg_vector_norm"}:
        axes = args[2 if name == "linalg_vector_norm" else 1]
        return math.prod(args[0].shape[a] for a in ([axes] if isinstance(axes, int) else axes))
    return None
