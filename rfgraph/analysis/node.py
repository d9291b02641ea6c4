"""One tensor of the model and everything that can be asked of it."""

from __future__ import annotations

import operator
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from torch import fx
from torch._ops import OpOverload

from rfgraph.analysis.branch import Branch, are_aligned
from rfgraph.analysis.field import Field
from rfgraph.analysis.input_info import InputInfo
from rfgraph.analysis.position import checked_index, over_axes, position_mask
from rfgraph.analysis.region import Region
from rfgraph.analysis.scope import Scope
from rfgraph.analysis.window import Window, window_of
from rfgraph.errors import InputError
from rfgraph.geometry.tensor_map import Shape
from rfgraph.propagation.apply import apply
from rfgraph.propagation.density import count_back
from rfgraph.propagation.footprint import pull_back
from rfgraph.propagation.graph import Edge
from rfgraph.propagation.note import Note, Status, worst
from rfgraph.propagation.paths import Paths
from rfgraph.propagation.projection import push_forward
from rfgraph.propagation.state import State

if TYPE_CHECKING:
    from rfgraph.analysis.analysis import Analysis


@dataclass(frozen=True, eq=False)
class Node:
    """One tensor of the model, by the operator that made it.

    Attributes:
        name: Unique name: the module path, or the path of the innermost module and the function.
        analysis: The analysis that the node belongs to.
    """

    name: str
    analysis: Analysis = field(repr=False)

    def __repr__(self) -> str:
        return f"Node({self.name!r}, shape={self.shape})"

    @property
    def fx(self) -> fx.Node:
        """The recorded node."""
        node: fx.Node = self.analysis.graph.nodes[self.name]["fx"]
        return node

    @property
    def shape(self) -> Shape:
        """The tensor's shape."""
        shape: Shape = self.analysis.graph.nodes[self.name]["shape"]
        return shape

    @property
    def dtype(self) -> str:
        """The tensor's type without the ``torch.`` prefix."""
        return str(self.fx.meta["spec"].dtype).removeprefix("torch.")

    @property
    def operator(self) -> str:
        """The ATen operator, such as ``aten.convolution.default``; ``input`` for an input."""
        node = self.fx
        if node.op == "placeholder":
            return "input"
        if "opaque" in node.meta:
            return type(node.meta["opaque"]).__name__
        if isinstance(node.target, OpOverload):
            return str(node.target)
        caller = node.args[0] if node.args else None
        return str(caller.target) if isinstance(caller, fx.Node) else str(node.target)

    @property
    def window(self) -> Window | None:
        """The settings of a convolution or a pooling; None for every other operator."""
        node = self.fx
        caller = node.args[0] if node.target is operator.getitem else node
        return window_of(caller) if isinstance(caller, fx.Node) else None

    @property
    def sources(self) -> tuple[str, ...]:
        """Names of the nodes that the operator reads, as far as an input reaches them."""
        return tuple(self.analysis.graph.pred[self.name])

    @property
    def module(self) -> str:
        """Path of the innermost module that ran the operator; empty for the root."""
        return str(self.fx.meta.get("module", ""))

    @property
    def module_type(self) -> str:
        """Class name of that module; empty if unknown."""
        return self.analysis.module_types.get(self.module, "")

    @property
    def is_module(self) -> bool:
        """Whether the tensor is what some module below the root returned."""
        return self.name in self.analysis.returned

    @property
    def state(self) -> State:
        """All that is known of what reaches the tensor."""
        return self.analysis.states[self.name]

    @cached_property
    def fields(self) -> Mapping[str, Field]:
        """The field with respect to each input, by input name."""
        return {name: self.analysis.field_of(self.state, name) for name in self.analysis.inputs}

    @property
    def field(self) -> Field:
        """The field with respect to the first input that reaches the node, or the first input."""
        if len(self.analysis.inputs) == 1:
            (only,) = self.analysis.inputs
            return self.analysis.field_of(self.state, only)
        found = self.fields
        return next((f for f in found.values() if f.reaches), next(iter(found.values())))

    @property
    def notes(self) -> tuple[Note, ...]:
        """What keeps the field from being exact, in node order."""
        notes = set(self.state.notes)
        if not all(f.resolved for f in self.fields.values()):
            reason = "local paths along different axes are bounded by their common hull"
            notes.add(Note(Status.BOUND, self.name, reason))
        return tuple(sorted(notes, key=lambda n: (n.node, n.reason)))

    @property
    def status(self) -> Status:
        """How sure the field is."""
        return worst(self.notes)

    @property
    def reasons(self) -> tuple[str, ...]:
        """The notes as sentences."""
        return tuple(map(str, self.notes))

    @property
    def spatial_axes(self) -> tuple[int, ...]:
        """The node's tensor axes that a position indexes."""
        return self.analysis.position_axes(self.state, self._main_input)

    @property
    def paths(self) -> Paths:
        """How many paths lead here, and the nodes along a narrowest and a widest one."""
        return self.analysis.paths_to(self.name)

    @cached_property
    def branches(self) -> tuple[Branch, ...]:
        """The tensors that meet here, if two or more with a local field do; otherwise empty."""
        graph = self.analysis.graph
        seen: list[tuple[str, Field]] = []
        for source, data in graph.pred[self.name].items():
            edge: Edge = data["edge"]
            for read in edge.reads[:1]:
                state = apply(self.analysis.states[source], read.map, self.shape, self.name)
                found = self.analysis.field_of(state, self._main_input)
                if found.local is not None:
                    seen.append((source, found))
        if len(seen) < 2:
            return ()
        first = seen[0][1]
        return tuple(Branch(source, f, are_aligned(first, f)) for source, f in seen)

    @property
    def _main_input(self) -> str:
        return next((name for name, f in self.fields.items() if f.reaches), next(iter(self.fields)))

    def region(
        self, index: Sequence[int] | int, *, input: str | None = None, scope: Scope = "total"
    ) -> Region:
        """The exact hull of what reaches one position, over all channels and samples.

        Args:
            index: The position along the node's spatial axes; negative counts from the end.
            input: Which input; the main one by default.
            scope: ``"total"`` for the structural truth, ``"local"`` for local paths alone.

        Raises:
            IndexRangeError: The position has the wrong number of axes or lies outside the node.
            InputError: There is no such input.
        """
        info = self._input(input)
        place = self._position(index)
        mask = self._pulled(place, info.name, scope)
        hull: tuple[tuple[int, int], ...] | None = None
        if mask is not None and mask.any():
            hull = tuple(_extent_of(mask, axis, info.shape[axis]) for axis in info.axes)
        return Region(hull, self._unclipped(place, info.name, hull), len(info.shape), info.axes)

    def footprint(
        self, index: Sequence[int] | int, *, input: str | None = None, scope: Scope = "total"
    ) -> npt.NDArray[np.bool_]:
        """The exact set of input positions that reach one position of the node.

        Args:
            index: The position along the node's spatial axes; negative counts from the end.
            input: Which input; the main one by default.
            scope: ``"total"`` for the structural truth, ``"local"`` for local paths alone.

        Returns:
            True where the input position reaches the element, for any channel and sample; shaped
            as the input's analysed axes.

        Raises:
            IndexRangeError: The position has the wrong number of axes or lies outside the node.
            InputError: There is no such input.
        """
        info = self._input(input)
        mask = self._pulled(self._position(index), info.name, scope)
        if mask is None:
            return np.zeros(info.lengths, dtype=bool)
        return np.array(over_axes(mask, info.shape, info.axes))

    def density(
        self, index: Sequence[int] | int, *, input: str | None = None, scope: Scope = "total"
    ) -> npt.NDArray[np.float64]:
        """The share of all paths to one position that start at each input position.

        What the gradient would be if every weight were one and nothing were nonlinear: the
        receptive field under uniform weights (Luo et al., *Understanding the Effective Receptive
        Field in Deep Convolutional Neural Networks*, NeurIPS 2016, section 2.1), Gaussian-like
        around the centre for plain stacks of convolutions.

        Args:
            index: The position along the node's spatial axes; negative counts from the end.
            input: Which input; the main one by default.
            scope: ``"total"`` for all paths, ``"local"`` for local paths alone.

        Returns:
            Non-negative weights that sum to 1, all zero where no input reaches the position;
            shaped as the input's analysed axes, summed over channels and samples. Positive exactly
            where :meth:`footprint` is true, except for shares too small for a float.

        Raises:
            IndexRangeError: The position has the wrong number of axes or lies outside the node.
            InputError: There is no such input.
        """
        info = self._input(input)
        marked = position_mask(self.shape, self.spatial_axes, self._position(index))
        graph, follow = self.analysis.graph, self.analysis.reads_in(scope)
        counted = count_back(graph, self.name, marked, {info.name}, follow).get(info.name)
        if counted is None:
            return np.zeros(info.lengths)
        weights = over_axes(counted, info.shape, info.axes)
        return np.array(weights / weights.sum())

    def projection(
        self, index: Sequence[int] | int, *, input: str | None = None, scope: Scope = "total"
    ) -> npt.NDArray[np.bool_]:
        """The positions of the node that one input position can reach: the forward question.

        Args:
            index: The position along the input's analysed axes; negative counts from the end.
            input: Which input; the main one by default.
            scope: ``"total"`` for the structural truth, ``"local"`` for local paths alone.

        Returns:
            True where some channel and sample of the position depends on the input position;
            shaped as the node's spatial axes.

        Raises:
            IndexRangeError: The position has the wrong number of axes or lies outside the input.
            InputError: There is no such input.
        """
        info = self._input(input)
        place = checked_index(index, info.lengths, f"input {info.name}")
        marked = position_mask(info.shape, info.axes, place)
        graph, follow = self.analysis.graph, self.analysis.reads_in(scope)
        mask = push_forward(graph, info.name, marked, self.name, follow)
        if mask is None:
            return np.zeros([self.shape[axis] for axis in self.spatial_axes], dtype=bool)
        return np.array(over_axes(mask, self.shape, self.spatial_axes))

    def _input(self, name: str | None) -> InputInfo:
        if name is None:
            name = self._main_input
        if name not in self.analysis.inputs:
            known = ", ".join(self.analysis.inputs)
            message = f"The model has no input {name!r}; its inputs are {known}."
            raise InputError(message)
        return self.analysis.inputs[name]

    def _position(self, index: Sequence[int] | int) -> tuple[int, ...]:
        lengths = tuple(self.shape[axis] for axis in self.spatial_axes)
        return checked_index(index, lengths, self.name)

    def _pulled(
        self, index: tuple[int, ...], input_name: str, scope: Scope
    ) -> npt.NDArray[np.bool_] | None:
        latest, asked = self.analysis.latest, (self.name, index, input_name, scope)
        known: tuple[npt.NDArray[np.bool_] | None] | None = latest.get(asked)
        if known is not None:
            return known[0]
        mask = position_mask(self.shape, self.spatial_axes, index)
        follow = self.analysis.reads_in(scope)
        pulled = pull_back(self.analysis.graph, self.name, mask, {input_name}, follow)
        found = pulled.get(input_name)
        latest.clear()
        latest[asked] = (found,)
        return found

    def _unclipped(
        self,
        index: tuple[int, ...],
        input_name: str,
        hull: tuple[tuple[int, int], ...] | None,
    ) -> tuple[tuple[int, int] | None, ...]:
        position = dict(zip(self.spatial_axes, index, strict=True))
        local = self.analysis.unclipped(self.state, input_name, position)
        field = self.fields[input_name]
        if hull is None:
            return local
        # Padding that moves real pixels makes border elements see more than the pattern says.
        return tuple(
            here if is_global else _around(here, seen)
            for here, seen, is_global in zip(local, hull, field.global_axes, strict=True)
        )


def _around(a: tuple[int, int] | None, b: tuple[int, int]) -> tuple[int, int]:
    return b if a is None else (min(a[0], b[0]), max(a[1], b[1]))


def _extent_of(mask: npt.NDArray[np.bool_], axis: int, length: int) -> tuple[int, int]:
    if mask.shape[axis] == 1:
        return (0, length - 1)
    hit = np.flatnonzero(mask.any(axis=tuple(k for k in range(mask.ndim) if k != axis)))
    return int(hit[0]), int(hit[-1])
