"""The receptive fields of every tensor of a model."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import networkx as nx
import numpy as np
import numpy.typing as npt

from rfgraph.analysis.field import Field
from rfgraph.analysis.input_info import InputInfo
from rfgraph.analysis.node import Node
from rfgraph.analysis.origin import seen_from
from rfgraph.analysis.region import state_hull
from rfgraph.analysis.scope import Scope
from rfgraph.analysis.unread import read_by_consumers, read_by_outputs
from rfgraph.errors import InputError, NodeNotFoundError
from rfgraph.propagation.apply import apply
from rfgraph.propagation.backward import Follow
from rfgraph.propagation.note import Status, worst
from rfgraph.propagation.paths import Paths, Step, count_paths, extreme_paths, trace
from rfgraph.propagation.propagate import Subject
from rfgraph.propagation.readout import axis_field
from rfgraph.propagation.state import Layout, Stand, State, batch_axes, spatial_axes
from rfgraph.report import FORMATS, Report, from_analysis, save
from rfgraph.rules.call import Read


@dataclass(frozen=True, eq=False, repr=False)
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

    def __repr__(self) -> str:
        given = ", ".join(f"{i.name} {i.shape}" for i in self.inputs.values())
        return f"Analysis({len(self)} nodes of {given})"

    @cached_property
    def nodes(self) -> tuple[Node, ...]:
        """Every tensor that an input reaches, inputs and outputs included, in execution order."""
        return tuple(Node(name, self) for name in self.graph.nodes)

    @cached_property
    def latest(self) -> dict[tuple[object, ...], tuple[npt.NDArray[np.bool_] | None]]:
        """The last position that was asked for, and what reaches it: mostly it is asked again."""
        return {}

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
            path: tuple(self._by_name[n] for n in names)
            for path, names in self.module_names.items()
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
        _check_name(name)
        if name in self._by_name:
            return self._by_name[name]
        if self.module_names.get(name):
            return self._by_name[self.module_names[name][0]]
        known = [*self._by_name, *self.module_names]
        close = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
        hint = f" Did you mean {' or '.join(close)}?" if close else ""
        message = f"No node or module is named {name!r}.{hint}"
        raise NodeNotFoundError(message)

    def between(self, source: str, target: str) -> Node:
        """The target as seen from another node: its field, region, … in the source's coordinates.

        Args:
            source: Node or module path whose positions are followed along its spatial axes, as if
                it were the model's only input.
            target: Node or module path that depends on it.

        Raises:
            NodeNotFoundError: There is no such node, or the target does not depend on the source.
            InputError: The source has no spatial axis.
        """
        origin, node = self[source], self[target]
        if origin.name not in self._origins:
            self._origins[origin.name] = seen_from(self, origin)
        seen = self._origins[origin.name]
        if node.name not in seen:
            message = f"{node.name} does not depend on {origin.name}, so it sees nothing of it."
            raise NodeNotFoundError(message)
        return seen[node.name]

    @cached_property
    def _origins(self) -> dict[str, Analysis]:
        return {}

    def field_of(self, state: State, input_name: str) -> Field:
        """The field that a state describes with respect to one input."""
        known = self._fields[input_name]
        found = known.get(state)
        if found is None:
            found = known[state] = self._field_of(state, input_name)
        return found

    @cached_property
    def _fields(self) -> dict[str, dict[State, Field]]:
        # Elementwise operators hand their input's state on, and blocks repeat: nodes share states.
        return {name: {} for name in self.inputs}

    def main_input(self, state: State) -> str:
        """The first input that reaches a tensor; the first of all if none does."""
        for k, subject in enumerate(self.subjects):
            if any(part[k] is not None for part in state.parts):
                return subject.source
        return next(iter(self.inputs))

    def position_axes(self, state: State, input_name: str) -> tuple[int, ...]:
        """The tensor axes that a position of a tensor indexes, ascending."""
        found = spatial_axes(state)
        info = self.inputs[input_name]
        if found == info.axes:
            return found
        if len(state.layout) == len(info.shape) and (
            set(found) <= set(info.axes) or set(info.axes) <= set(found)
        ):
            # Axes that a select or a reduction took and a broadcast put back count; channels that
            # are nothing but folded space do not.
            return info.axes
        return found

    def _indexed(self, state: State, input_name: str) -> frozenset[int]:
        """The tensor axes that a position indexes, the batch among them."""
        key = input_name, state.stands, state.layout
        found = self._known_indexed.get(key)
        if found is None:
            axes = (*self.position_axes(state, input_name), *batch_axes(state))
            found = self._known_indexed[key] = frozenset(axes)
        return found

    @cached_property
    def _known_indexed(self) -> dict[tuple[str, frozenset[Stand], Layout], frozenset[int]]:
        return {}

    def _field_of(self, state: State, input_name: str) -> Field:
        info = self.inputs[input_name]
        indexed = self._indexed(state, input_name)
        axes = []
        batch = None
        for k, subject in enumerate(self.subjects):
            if subject.source != input_name:
                continue
            found = axis_field(state, k, subject.length, indexed)
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

    def reads_in(self, scope: Scope) -> Follow | None:
        """Which reads a question about some paths follows; None for all of them.

        Raises:
            InputError: There is no such scope.
        """
        if scope not in ("total", "local"):
            raise InputError(f"There is no scope {scope!r}; use 'total' or 'local'.")
        return self.is_local_read if scope == "local" else None

    @cached_property
    def _sources(self) -> Mapping[str, State]:
        return {name: self.states[name] for name in self.inputs}

    @cached_property
    def _followed(self) -> tuple[Subject, ...]:
        return tuple(s for s in self.subjects if s.axis != self.inputs[s.source].batch)

    @cached_property
    def path_counts(self) -> Mapping[str, int]:
        """The number of paths from the inputs to every node, exact."""
        return count_paths(self.graph, self._sources)

    @cached_property
    def _narrowest(self) -> Mapping[str, Step]:
        return extreme_paths(self.graph, self._sources, self.subjects, lambda a, b: a < b)

    @cached_property
    def _widest(self) -> Mapping[str, Step]:
        return extreme_paths(self.graph, self._sources, self.subjects, lambda a, b: a > b)

    def paths_to(self, name: str) -> Paths:
        """The paths from the inputs to one node."""
        return Paths(
            self.path_counts[name],
            lambda: trace(self._narrowest, name),
            lambda: trace(self._widest, name),
            lambda: self._narrowest[name].state if name in self._narrowest else None,
        )

    def narrowest_field(self, name: str, input: str | None = None) -> Field | None:
        """The field over the path that attains the smallest one; None if no path leads there.

        Args:
            name: A node or module path.
            input: Which input; the one that the node sees first by default.
        """
        state = self.paths_to(self[name].name).find_narrow_state()
        if state is None:
            return None
        return self.field_of(state, self.main_input(state) if input is None else input)

    def unread(self, input: str | None = None) -> npt.NDArray[np.bool_]:
        """True at the input positions that no output of the model depends on.

        Args:
            input: Which input; the first by default.

        Returns:
            A mask over the input's analysed axes, for any channel and sample.

        Raises:
            InputError: There is no such input.
        """
        name = next(iter(self.inputs)) if input is None else input
        if name not in self.inputs:
            message = f"The model has no input {name!r}; its inputs are {', '.join(self.inputs)}."
            raise InputError(message)
        return ~read_by_outputs(self.graph, self.inputs[name], self.output_names.values())

    def skipped(self, name: str) -> npt.NDArray[np.bool_]:
        """True at the elements of a node that nothing reads; none if it is an output itself.

        Returns:
            A mask that broadcasts to the node's shape.

        Raises:
            NodeNotFoundError: There is no such node.
        """
        node = self[name]
        if node.name in self.output_names.values():
            return np.zeros((1,) * len(node.shape), dtype=bool)
        return ~read_by_consumers(self.graph, node.name)

    @property
    def status(self) -> Status:
        """The least certain status of any node."""
        return worst(note for node in self.nodes for note in node.notes)

    def report(self) -> Report:
        """The analysis as plain data."""
        return from_analysis(self)

    def to_yaml(self) -> str:
        """The report as YAML."""
        return FORMATS["yaml"].render(self.report())

    def save(self, path: str | Path) -> None:
        """Write the report to a file, as YAML or JSON by its suffix, whole or not at all."""
        save(self.report(), path)

    def __str__(self) -> str:

        return FORMATS["table"].render(self.report())


def _check_name(name: object) -> None:
    if not isinstance(name, str):
        message = f"Nodes are found by name; {name!r} is none, use .nodes for a sequence."
        raise NodeNotFoundError(message)
