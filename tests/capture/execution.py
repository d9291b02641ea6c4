"""Runs a recorded graph on real tensors: what capture must be equivalent to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, fx

from rfgraph.capture import Recording
from rfgraph.capture.values import run_operator


def plain(value: Any) -> Any:
    """Return ``value`` with ordinary lists, which operators demand."""
    if isinstance(value, list):
        return [plain(item) for item in value]
    return tuple(plain(item) for item in value) if isinstance(value, tuple) else value


def execute(recording: Recording, inputs: Sequence[Tensor]) -> dict[str, Tensor]:
    """Return output name to value, from the operators of the graph and nothing else."""
    values: dict[fx.Node, Any] = dict(zip(recording.inputs.values(), inputs, strict=True))
    with torch.no_grad():
        for node in recording.graph.nodes:
            if node.op == "get_attr":
                values[node] = node.meta["value"].detach().clone()
            elif node.op == "call_function":
                args, kwargs = fx.node.map_arg((node.args, node.kwargs), values.__getitem__)
                values[node] = run_operator(node.target, plain(args), kwargs)
    return {name: values[node] for name, node in recording.outputs.items()}


def assert_functional(recording: Recording) -> None:
    """Check that no operator of the graph writes to its arguments and that it is in order."""
    seen: set[fx.Node] = set()
    for node in recording.graph.nodes:
        assert all(source in seen for source in node.all_input_nodes), node
        seen.add(node)
        schema = getattr(node.target, "_schema", None)
        if schema is not None:
            written = [a for a in schema.arguments if a.alias_info and a.alias_info.is_write]
            assert not written, node.target


def assert_specs(recording: Recording, values: Mapping[str, Tensor]) -> None:
    """Check recorded output layouts against real ones."""
    for name, value in values.items():
        spec = recording.outputs[name].meta["spec"]
        assert spec.shape == tuple(value.shape)
        assert spec.dtype is value.dtype
