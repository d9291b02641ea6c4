"""The answer to the question: which inputs can this neuron see?"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import networkx as nx
import numpy as np
import numpy.typing as npt
import torch
from torch import fx

from rfgraph._version import __version__
from rfgraph.capture import Recording, evaluate, make_inputs, record
from rfgraph.errors import IndexRangeError, InputError, NodeNotFoundError, NoPathError
from rfgraph.geometry.tensor_map import Shape
from rfgraph.propagation.apply import apply
from rfgraph.propagation.field import AxisField, axis_field
from rfgraph.propagation.footprint import pull_back
from rfgraph.propagation.graph import Edge, build_graph
from rfgraph.propagation.note import Note, Status, worst
from rfgraph.propagation.paths import Paths, count_paths, extreme_paths
from rfgraph.propagation.propagate import Subject, propagate, source_state
from rfgraph.propagation.state import State, spatial_axes
from rfgraph.rules.builtin import BUILTIN_RULES
from rfgraph.rules.call import Read
from rfgraph.rules.rule_set import RuleSet

if TYPE_CHECKING:
    from rfgraph.report import Report

Number = int | Fraction
Scope = Literal["total", "local"]


@dataclass(frozen=True, slots=True)
class InputInfo:
    """One tensor input of the model.

    Attributes:
        name: The forward parameter, with the path inside it for nested inputs (``"batch.image"``).
        shape: Its shape.
        dtype: Its type without the ``torch.`` prefix.
        axes: Analysed tensor axes, ascending.
        batch: The batch axis, followed to find samples that mix; None if there is none.
    """

    name: str
    shape: Shape
    dtype: str
    axes: tuple[int, ...]
    batch: int | None


@dataclass(frozen=True)
class Field:
    """The receptive field of a node with respect to one input, axis by axis, in input positions.

    All tuples are in order of the input's analysed axes. Numbers describe interior elements,
    unclipped (padding counts as virtual input), over local paths; they are None on an axis without
    a local path. What global paths add is told apart by ``is_global`` and ``global_origins``.

    Attributes:
        axes: The field along each analysed axis.
        batch: The field along the batch axis; None if the input has none.
    """

    axes: tuple[AxisField, ...]
    batch: AxisField | None

    @property
    def size(self) -> tuple[int | None, ...]:
        """Extent of an interior element's field, first to last inclusive (the literature's r)."""
        return tuple(axis.size for axis in self.axes)

    @property
    def size_min(self) -> tuple[int | None, ...]:
        """The extent of the smallest phase; equals ``size`` for ordinary CNNs."""
        return tuple(axis.size_min for axis in self.axes)

    @property
    def size_max(self) -> tuple[int | None, ...]:
        """The largest extent at any position; differs from ``size`` where borders wrap or join."""
        return tuple(axis.size_max for axis in self.axes)

    @property
    def jump(self) -> tuple[Number | None, ...]:
        """Input positions per step of the output index (effective stride, j)."""
        return tuple(axis.jump for axis in self.axes)

    @property
    def start(self) -> tuple[int | None, ...]:
        """First input position of output element 0: minus the effective padding."""
        return tuple(axis.start for axis in self.axes)

    @property
    def center(self) -> tuple[Number | None, ...]:
        """``start + (size - 1) / 2``; the centre of pixel i is i."""
        return tuple(axis.center for axis in self.axes)

    @property
    def period(self) -> tuple[int | None, ...]:
        """Phases after which the pattern repeats; 1 for ordinary CNNs."""
        return tuple(axis.period for axis in self.axes)

    @property
    def support(self) -> tuple[int | None, ...]:
        """Positions really read inside the hull; fewer than ``size`` means holes."""
        return tuple(axis.support for axis in self.axes)

    @property
    def local(self) -> Field | None:
        """The field over local paths alone; None if no axis has a local path."""
        if all(axis.local is None for axis in self.axes):
            return None
        axes = tuple(
            AxisField(axis.length, axis.local, axis.count, (), axis.resolved) for axis in self.axes
        )
        return Field(axes, self.batch)

    @property
    def is_global(self) -> bool:
        """Whether some path mixes a whole analysed axis."""
        return any(axis.is_global for axis in self.axes)

    @property
    def global_axes(self) -> tuple[bool, ...]:
        """Which axes some path mixes as a whole."""
        return tuple(axis.is_global for axis in self.axes)

    @property
    def global_origins(self) -> tuple[str, ...]:
        """Names of the first nodes that made an axis global."""
        return tuple(dict.fromkeys(o for axis in self.axes for o in axis.origins))

    @property
    def covers_input(self) -> tuple[bool, ...]:
        """Whether an interior element's local hull is at least as long as the axis."""
        return tuple(axis.covers_input for axis in self.axes)

    @property
    def reaches(self) -> bool:
        """Whether the node depends on the input at all."""
        return any(axis.reaches for axis in (*self.axes, *((self.batch,) if self.batch else ())))

    @property
    def mixes_batch(self) -> bool:
        """Whether an element can depend on other samples than its own.

        Structural only for a batch of 2 or more; a batch of 1 has nothing to mix.
        """
        if self.batch is None:
            return False
        return self.batch.is_global or (self.batch.size_max or 0) > 1

    @property
    def resolved(self) -> bool:
        """Whether the numbers describe every local path exactly, not only their hull."""
        return all(axis.resolved for axis in self.axes)


@dataclass(frozen=True, slots=True)
class Region:
    """The exact hull of the input positions that reach one position of a node, borders included.

    Attributes:
        hull: (first, last) per analysed axis, inclusive; None when nothing reaches the position.
        unclipped: (first, last) per axis with padding counted as virtual input; None per axis
            without a local path.
        rank: Number of axes of the input tensor.
        axes: The analysed axes among them.
    """

    hull: tuple[tuple[int, int], ...] | None
    unclipped: tuple[tuple[int, int] | None, ...]
    rank: int
    axes: tuple[int, ...]

    @property
    def is_empty(self) -> bool:
        """Whether no input position reaches the element."""
        return self.hull is None

    @property
    def slices(self) -> tuple[slice, ...]:
        """Slices that cut the region out of the input tensor, all of its axes; empty ones if empty."""
        cut = [slice(None)] * self.rank
        for k, axis in enumerate(self.axes):
            cut[axis] = slice(0, 0) if self.hull is None else slice(*_half_open(self.hull[k]))
        return tuple(cut)


def _half_open(pair: tuple[int, int]) -> tuple[int, int]:
    return pair[0], pair[1] + 1


@dataclass(frozen=True, slots=True)
class Branch:
    """One of several tensors that meet in a node, as seen through the meeting alone.

    Attributes:
        source: Name of the node that the branch comes from.
        field: The field of the merge node over this branch only.
        aligned: Whether jump and centre equal those of the first branch with a local field.
    """

    source: str
    field: Field
    aligned: bool

    @property
    def size(self) -> tuple[int | None, ...]:
        """As :attr:`Field.size`."""
        return self.field.size

    @property
    def jump(self) -> tuple[Number | None, ...]:
        """As :attr:`Field.jump`."""
        return self.field.jump

    @property
    def start(self) -> tuple[int | None, ...]:
        """As :attr:`Field.start`."""
        return self.field.start

    @property
    def center(self) -> tuple[Number | None, ...]:
        """As :attr:`Field.center`."""
        return self.field.center


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
        if isinstance(node.target, torch._ops.OpOverload):
            return str(node.target)
        caller = node.args[0] if node.args else None
        return str(caller.target) if isinstance(caller, fx.Node) else str(node.target)

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
        return {
            name: self.analysis.field_of(self.state, name) for name in self.analysis.inputs
        }

    @property
    def field(self) -> Field:
        """The field with respect to the first input that reaches the node, or the first input."""
        return next((f for f in self.fields.values() if f.reaches), next(iter(self.fields.values())))

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
        found = spatial_axes(self.state)
        first = self.analysis.inputs[self._main_input]
        if len(self.shape) == len(first.shape) and (
            set(found) <= set(first.axes) or set(first.axes) <= set(found)
        ):
            # Axes that a select or a reduction took and a broadcast put back count; channels that
            # are nothing but folded space do not.
            return first.axes
        return found

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
                state = apply(
                    self.analysis.states[source], read.map, self.shape, self.name
                )
                found = self.analysis.field_of(state, self._main_input)
                if found.local is not None:
                    seen.append((source, found))
        if len(seen) < 2:  # noqa: PLR2004
            return ()
        first = seen[0][1]
        return tuple(Branch(source, f, _aligned(first, f)) for source, f in seen)

    @property
    def _main_input(self) -> str:
        return next(
            (name for name, f in self.fields.items() if f.reaches), next(iter(self.fields))
        )

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
        name = self._input_name(input)
        info = self.analysis.inputs[name]
        index = self._checked(index)
        mask = self._pulled(index, name, scope)
        hull: tuple[tuple[int, int], ...] | None = None
        if mask is not None and mask.any():
            hull = tuple(
                _extent_of(mask, axis, info.shape[axis]) for axis in info.axes
            )
        return Region(hull, self._unclipped(index, name, hull), len(info.shape), info.axes)

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
        name = self._input_name(input)
        info = self.analysis.inputs[name]
        lengths = tuple(info.shape[axis] for axis in info.axes)
        mask = self._pulled(self._checked(index), name, scope)
        if mask is None:
            return np.zeros(lengths, dtype=bool)
        others = tuple(axis for axis in range(len(info.shape)) if axis not in info.axes)
        return np.array(np.broadcast_to(mask.any(axis=others), lengths))

    def _input_name(self, name: str | None) -> str:
        if name is None:
            return self._main_input
        if name not in self.analysis.inputs:
            known = ", ".join(self.analysis.inputs)
            message = f"The model has no input {name!r}; its inputs are {known}."
            raise InputError(message)
        return name

    def _checked(self, index: Sequence[int] | int) -> tuple[int, ...]:
        given = (index,) if isinstance(index, int) else tuple(index)
        lengths = tuple(self.shape[axis] for axis in self.spatial_axes)
        if len(given) != len(lengths):
            message = (
                f"{self.name} has {len(lengths)} spatial axes of lengths {lengths}, so a position "
                f"needs {len(lengths)} indices; got {given}."
            )
            raise IndexRangeError(message)
        if any(not -n <= i < n for i, n in zip(given, lengths, strict=True)):
            message = f"Position {given} lies outside {self.name}, whose lengths are {lengths}."
            raise IndexRangeError(message)
        return tuple(i % n for i, n in zip(given, lengths, strict=True))

    def _pulled(
        self, index: tuple[int, ...], input_name: str, scope: Scope
    ) -> npt.NDArray[np.bool_] | None:
        lengths = [1] * len(self.shape)
        for axis in self.spatial_axes:
            lengths[axis] = self.shape[axis]
        mask = np.zeros(lengths, dtype=bool)
        place = [slice(None)] * len(self.shape)
        for axis, i in zip(self.spatial_axes, index, strict=True):
            place[axis] = slice(i, i + 1)
        mask[tuple(place)] = True
        follow = self.analysis.is_local_read if scope == "local" else None
        found = pull_back(self.analysis.graph, self.name, mask, {input_name}, follow)
        return found.get(input_name)

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
            here
            if here is None or is_global
            else (min(here[0], seen[0]), max(here[1], seen[1]))
            for here, seen, is_global in zip(local, hull, field.global_axes, strict=True)
        )


def _extent_of(mask: npt.NDArray[np.bool_], axis: int, length: int) -> tuple[int, int]:
    if mask.shape[axis] == 1:
        return (0, length - 1)
    hit = np.flatnonzero(mask.any(axis=tuple(k for k in range(mask.ndim) if k != axis)))
    return int(hit[0]), int(hit[-1])


def _aligned(a: Field, b: Field) -> bool:
    return all(
        x.local is None or y.local is None or (x.jump == y.jump and x.middle == y.middle)
        for x, y in zip(a.axes, b.axes, strict=True)
    )


@dataclass(frozen=True, eq=False)
class Analysis:
    """The receptive fields of every tensor of a model, for given input shapes.

    Attributes:
        graph: The operator graph; see :func:`rfgraph.propagation.graph.build_graph`.
        inputs: The model's tensor inputs by name, in order.
        outputs: The model's tensor outputs by name, in order.
        modules: For every module path the node that each of its calls returned.
        module_types: Class names by module path.
        provenance: Versions and settings that the numbers were made with.
        states: What reaches each node.
        subjects: The followed axes.
    """

    graph: nx.DiGraph[str]
    inputs: Mapping[str, InputInfo]
    module_types: Mapping[str, str]
    provenance: Mapping[str, str]
    states: Mapping[str, State] = field(repr=False)
    subjects: tuple[Subject, ...] = field(repr=False)
    output_names: Mapping[str, str] = field(repr=False)
    module_names: Mapping[str, tuple[str, ...]] = field(repr=False)

    @cached_property
    def nodes(self) -> tuple[Node, ...]:
        """Every tensor that an input reaches, inputs and outputs included, in execution order."""
        return tuple(Node(name, self) for name in self.graph.nodes)

    @cached_property
    def _by_name(self) -> Mapping[str, Node]:
        return {node.name: node for node in self.nodes}

    @cached_property
    def returned(self) -> frozenset[str]:
        """Names of the nodes that some module below the root returned."""
        return frozenset(
            name for path, names in self.module_names.items() if path for name in names
        )

    @cached_property
    def modules(self) -> Mapping[str, tuple[Node, ...]]:
        """For every module path the node that each of its calls returned."""
        return {
            path: tuple(self._by_name[n] for n in names) for path, names in self.module_names.items()
        }

    @cached_property
    def outputs(self) -> Mapping[str, Node]:
        """The model's outputs: ``"output"``, or ``"output.0"``, ``"output.aux"`` if several."""
        return {name: self._by_name[node] for name, node in self.output_names.items()}

    def output(self, name: str | None = None) -> Node:
        """The named output, or the first.

        Raises:
            NodeNotFoundError: The model has no output of that name.
        """
        if name is None:
            return next(iter(self.outputs.values()))
        for candidate in (name, f"output.{name}"):
            if candidate in self.outputs:
                return self.outputs[candidate]
        message = f"The model has no output {name!r}; its outputs are {', '.join(self.outputs)}."
        raise NodeNotFoundError(message)

    def __iter__(self) -> Iterator[Node]:
        return iter(self.nodes)

    def __len__(self) -> int:
        return len(self.graph)

    def __contains__(self, name: object) -> bool:
        return name in self._by_name or name in self.module_names

    def __getitem__(self, name: str) -> Node:
        """The node of that name, or what the first call of the module of that path returned.

        Raises:
            NodeNotFoundError: There is no such node or module; the message names close matches.
        """
        if name in self._by_name:
            return self._by_name[name]
        if self.module_names.get(name):
            return self._by_name[self.module_names[name][0]]
        known = [*self._by_name, *self.module_names]
        close = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
        hint = f" Did you mean {' or '.join(close)}?" if close else ""
        message = f"No node or module is named {name!r}.{hint}"
        raise NodeNotFoundError(message)

    def field_of(self, state: State, input_name: str) -> Field:
        """The field that a state describes with respect to one input."""
        info = self.inputs[input_name]
        axes = []
        batch = None
        for k, subject in enumerate(self.subjects):
            if subject.source != input_name:
                continue
            found = axis_field(state, k, subject.length)
            if subject.axis == info.batch:
                batch = found
            else:
                axes.append(found)
        return Field(tuple(axes), batch)

    def unclipped(
        self, state: State, input_name: str, position: Mapping[int, int]
    ) -> tuple[tuple[int, int] | None, ...]:
        """(first, last) per analysed axis of what one position of a state sees locally, unclipped.

        Args:
            state: The state of the node.
            input_name: Which input.
            position: Index along each spatial axis of the node.
        """
        hulls: list[tuple[int, int] | None] = []
        for k, subject in enumerate(self.subjects):
            if subject.source != input_name or subject.axis == self.inputs[input_name].batch:
                continue
            hulls.append(state_hull(state, k, position))
        return tuple(hulls)

    def is_local_read(self, source: str, name: str, read: Read) -> bool:
        """Whether a read leaves every analysed axis local that was local before."""
        before = self.states[source]
        after = apply(before, read.map, self.graph.nodes[name]["shape"], name)
        for k, subject in enumerate(self.subjects):
            if subject.axis == self.inputs[subject.source].batch:
                continue
            had = any(part[k] is not None and part[k].terms for part in before.parts)  # type: ignore[union-attr]
            has = any(part[k] is not None and part[k].terms for part in after.parts)  # type: ignore[union-attr]
            if had and not has:
                return False
        return True

    @cached_property
    def _sources(self) -> Mapping[str, State]:
        return {name: self.states[name] for name in self.inputs}

    @cached_property
    def _followed(self) -> tuple[Subject, ...]:
        return tuple(s for s in self.subjects if s.axis != self.inputs[s.source].batch)

    @cached_property
    def _path_tables(
        self,
    ) -> tuple[Mapping[str, int], Mapping[str, tuple[str, ...]], Mapping[str, tuple[str, ...]]]:
        def smaller(new: int, old: int) -> bool:
            return new < old

        def larger(new: int, old: int) -> bool:
            return new > old

        # Extents are summed over the analysed axes alone; batch subjects keep their place.
        extremes: list[Callable[[int, int], bool]] = [smaller, larger]
        small, large = (
            extreme_paths(self.graph, self._sources, self.subjects, choose) for choose in extremes
        )
        return count_paths(self.graph, self._sources), small, large

    def paths_to(self, name: str) -> Paths:
        """The paths from the inputs to one node."""
        counts, small, large = self._path_tables
        return Paths(counts[name], small.get(name, ()), large.get(name, ()))

    @property
    def status(self) -> Status:
        """The least certain status of any node."""
        return worst(note for node in self.nodes for note in node.notes)

    def report(self) -> Report:
        """The analysis as plain data."""
        from rfgraph.report import from_analysis

        return from_analysis(self)

    def to_yaml(self) -> str:
        """The report as YAML."""
        from rfgraph.report import FORMATS

        return FORMATS["yaml"].render(self.report())

    def save(self, path: str | Path) -> None:
        """Write the report to a file, as YAML or JSON by its suffix, whole or not at all."""
        from rfgraph.report import save

        save(self.report(), path)

    def __str__(self) -> str:
        from rfgraph.report import FORMATS

        return FORMATS["table"].render(self.report())


def state_hull(
    state: State, subject: int, position: Mapping[int, int]
) -> tuple[int, int] | None:
    """(first, last) of what one position sees locally of one followed axis, over all parts."""
    first: int | None = None
    last: int | None = None
    for k, part in enumerate(state.parts):
        reach = part[subject]
        if reach is None or not _present(state, k, position):
            continue
        for term in reach.terms:
            v = 0
            for axis, digit, step in term.carrier:
                inner = 1
                for size in state.layout[axis][digit + 1 :]:
                    inner *= size
                v += step * (position.get(axis, 0) // inner % state.layout[axis][digit])
            seen = term.field.at(v)
            if seen:
                first = seen.first if first is None else min(first, seen.first)
                last = seen.last if last is None else max(last, seen.last)
    return None if first is None or last is None else (first, last)


def _present(state: State, part: int, position: Mapping[int, int]) -> bool:
    if state.labels is None:
        return True
    key = tuple(
        slice(None) if axis not in position or n == 1 else position[axis]
        for axis, n in enumerate(state.labels.shape)
    )
    return bool((state.labels[key] == part).any())


def analyze(
    model: Any,
    inputs: Any = None,
    *,
    kwargs: Mapping[str, Any] | None = None,
    axes: Sequence[int] | Mapping[str, Sequence[int]] | None = None,
    layout: str | Mapping[str, str] | None = None,
    rules: RuleSet | None = None,
    strict: bool = False,
    training: bool = False,
    real: bool = False,
) -> Analysis:
    """The receptive fields of every tensor that the model computes.

    The model runs once on tensors without data, in eval mode, and is left as it was found.

    Args:
        model: An ``nn.Module``, any callable on tensors, a ``GraphModule`` or an
            ``ExportedProgram``.
        inputs: A shape such as ``(1, 3, 224, 224)``, several shapes or tensors, or a mapping from
            forward parameters to shapes or tensors.
        kwargs: Further keyword arguments of forward, tensors or plain values.
        axes: The analysed tensor axes; by default all after batch and channel, or axis 1 of a
            two-dimensional input. A mapping gives them per input.
        layout: A letter per axis instead, such as ``"NHWC"`` or ``"NLC"``: N is the batch, C the
            channels, all others are analysed.
        rules: The operator rules; the built-in ones by default.
        strict: Raise on an operator without a rule instead of treating it as global.
        training: Analyse the model in training mode (batch statistics).
        real: Run on real tensors, for models whose control flow needs data.

    Raises:
        InputError: The inputs do not fit the model, or the axes do not fit the inputs.
        ModelError: The model is no module or callable.
        CaptureError: The model raised; the message says where.
        UnknownOperatorError: ``strict`` and an operator has no rule.
        NoPathError: No output depends on any input.
    """
    args, keywords = ((), {}) if inputs is None else make_inputs(model, inputs)
    recording = record(
        model, args, {**keywords, **(kwargs or {})}, training=training, real=real
    )
    return analyze_recording(
        recording, axes=axes, layout=layout, rules=rules, strict=strict, training=training
    )


def analyze_recording(
    recording: Recording,
    *,
    axes: Sequence[int] | Mapping[str, Sequence[int]] | None = None,
    layout: str | Mapping[str, str] | None = None,
    rules: RuleSet | None = None,
    strict: bool = False,
    training: bool = False,
) -> Analysis:
    """As :func:`analyze`, for a model that has been recorded already."""
    infos = {
        name: _describe(name, node, axes, layout) for name, node in recording.inputs.items()
    }
    module_nodes = {n for nodes in recording.modules.values() for n in nodes}
    graph = build_graph(
        recording.graph.nodes,
        {name: node for name, node in recording.inputs.items()},
        [*recording.outputs.values()],
        rules or BUILTIN_RULES,
        evaluate,
        strict=strict,
    )
    del module_nodes
    subjects = tuple(
        Subject(name, axis, info.shape[axis])
        for name, info in infos.items()
        for axis in ((info.batch, *info.axes) if info.batch is not None else info.axes)
    )
    sources = {
        name: source_state(info.shape, name, subjects, info.batch) for name, info in infos.items()
    }
    states = propagate(graph, sources, len(subjects))
    name_of = {attributes["fx"]: name for name, attributes in graph.nodes.items()}
    outputs = {
        name: name_of[node] for name, node in recording.outputs.items() if node in name_of
    }
    if not any(states[name].reaches for name in outputs.values()):
        message = (
            "No output of the model depends on any of its inputs; check that forward uses "
            f"{', '.join(infos) or 'an input'} and returns what it computes."
        )
        raise NoPathError(message)
    modules = {
        path: found
        for path, nodes in recording.modules.items()
        if (found := tuple(name_of[n] for n in nodes if n in name_of))
    }
    provenance = {
        "rfgraph": __version__,
        "torch": str(torch.__version__),
        "capture": recording.source,
        "training": str(training).lower(),
    }
    return Analysis(
        graph, infos, recording.module_types, provenance, states, subjects, outputs, modules
    )


def _describe(
    name: str,
    node: fx.Node,
    axes: Sequence[int] | Mapping[str, Sequence[int]] | None,
    layout: str | Mapping[str, str] | None,
) -> InputInfo:
    spec = node.meta["spec"]
    rank = len(spec.shape)
    wanted = axes.get(name) if isinstance(axes, Mapping) else axes
    letters = layout.get(name) if isinstance(layout, Mapping) else layout
    dtype = str(spec.dtype).removeprefix("torch.")
    if letters is not None:
        if len(letters) != rank or len(set(letters.upper())) != rank:
            message = (
                f"Layout {letters!r} does not fit input {name} of shape {spec.shape}; give one "
                "distinct letter per axis, N for the batch and C for channels."
            )
            raise InputError(message)
        upper = letters.upper()
        chosen = tuple(k for k, letter in enumerate(upper) if letter not in "NC")
        return InputInfo(name, spec.shape, dtype, chosen, upper.find("N") if "N" in upper else None)
    if wanted is None:
        default = tuple(range(2, rank)) if rank > 2 else tuple(range(max(rank - 1, 0), rank))  # noqa: PLR2004
        return InputInfo(name, spec.shape, dtype, default, 0 if rank > 1 else None)
    if any(not -rank <= axis < rank for axis in wanted) or not wanted:
        message = (
            f"Axes {tuple(wanted)} do not fit input {name} of shape {spec.shape}; "
            f"they must lie in 0 … {rank - 1}."
        )
        raise InputError(message)
    chosen = tuple(sorted({axis % rank for axis in wanted}))
    return InputInfo(name, spec.shape, dtype, chosen, 0 if 0 not in chosen else None)
