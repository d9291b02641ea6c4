"""Graphs that already exist: fx GraphModules and ExportedPrograms, under their own names."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, fx
from torch.export.graph_signature import InputKind, OutputKind
from torch.utils import _pytree as pytree

from rfgraph.capture.outputs import first_tensor
from rfgraph.capture.recorder import Recorder
from rfgraph.errors import InputError


class NamedInterpreter(fx.Interpreter):
    """Runs a graph node by node and gives what each records the name of that fx node."""

    def __init__(self, module: fx.GraphModule, recorder: Recorder) -> None:
        super().__init__(module, garbage_collect_values=False)
        self.recorder = recorder
        self.returned: dict[str, fx.Node] = {}

    def run_node(self, n: fx.Node) -> Any:
        """Return the value of ``n``, naming the operators that ran."""
        recorder = self.recorder
        start, outer = len(recorder.nodes), recorder.module
        path = _module_path(n)
        if path is not None:
            recorder.module = path
        try:
            out = super().run_node(n)
            tensor = first_tensor(out)
            if n.op in ("call_function", "call_method", "call_module") and tensor is not None:
                self._name(n, start, out, tensor)
        finally:
            recorder.module = outer
        return out

    def call_function(self, target: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Return what an operator returns; views fit other layouts than those of the export.

        An export holds a view where the kernels of its device gave a layout that allows one,
        fused attention for instance; the elements are those of a reshape.
        """
        if target is torch.ops.aten.view.default:
            target = torch.ops.aten.reshape.default
        return super().call_function(target, args, kwargs)

    def _name(self, n: fx.Node, start: int, out: Any, tensor: Tensor) -> None:
        recorder = self.recorder
        node = recorder.find(tensor)
        main = node if isinstance(out, Tensor) else recorder.source_of(tensor)
        for made in recorder.nodes[start:]:
            if made.op != "call_function" or "own_name" in made.meta:
                continue
            label = made.meta["label"]
            inner = label or getattr(made.target, "_opname", "getitem")
            made.meta["label"] = n.name if made is main else f"{n.name}.{inner}"
            made.meta["own_name"] = True
        for path in _module_paths(n):
            self.returned[path] = node


def _module_path(n: fx.Node) -> str | None:
    paths = _module_paths(n)
    return paths[-1] if paths else None


def _module_paths(n: fx.Node) -> list[str]:
    stack = n.meta.get("nn_module_stack") or {}
    return [str(entry[0]) for entry in stack.values()]


def module_types(program: torch.export.ExportedProgram) -> dict[str, str]:
    """Return module path to class name, as far as the program still knows its modules."""
    types: dict[str, str] = {}
    for n in program.graph.nodes:
        for path, kind in (n.meta.get("nn_module_stack") or {}).values():
            name = kind if isinstance(kind, str) else kind.__name__
            types.setdefault(str(path), name.rpartition(".")[2])
    return types


def program_tensors(program: torch.export.ExportedProgram) -> dict[str, Tensor]:
    """Return placeholder name to the parameter, buffer or constant that it stands for."""
    tensors: dict[str, Tensor] = {}
    for spec in program.graph_signature.input_specs:
        if spec.kind is InputKind.USER_INPUT or spec.target is None:
            continue
        if spec.target in program.state_dict:
            tensors[spec.arg.name] = program.state_dict[spec.target]
        else:
            tensors[spec.arg.name] = program.constants[spec.target]
    return tensors


def run_program(
    program: torch.export.ExportedProgram,
    recorder: Recorder,
    replacements: Mapping[int, Tensor],
) -> tuple[Callable[..., Any], NamedInterpreter]:
    """Return a callable with the program's own signature, and the interpreter behind it."""
    interpreter = NamedInterpreter(program.graph_module, recorder)
    tensors = program_tensors(program)

    def run(*args: Any, **kwargs: Any) -> Any:
        flat, spec = pytree.tree_flatten((args, kwargs))
        if spec != program.call_spec.in_spec:
            raise InputError(
                f"The inputs do not fit the exported program: it was exported for "
                f"{program.call_spec.in_spec}, not {spec}."
            )
        given = iter(flat)
        values = []
        for entry in program.graph_signature.input_specs:
            if entry.kind is InputKind.USER_INPUT:
                values.append(next(given))
            else:
                tensor = tensors[entry.arg.name]
                values.append(replacements.get(id(tensor), tensor))
        out = interpreter.run(*values, enable_io_processing=False)
        kinds = [entry.kind for entry in program.graph_signature.output_specs]
        user = [o for o, kind in zip(out, kinds, strict=True) if kind is OutputKind.USER_OUTPUT]
        return pytree.tree_unflatten(user, program.call_spec.out_spec)

    return run, interpreter


def program_signature(program: torch.export.ExportedProgram) -> Callable[..., Any]:
    """Return a stand-in for the program's forward: it only has its argument names."""
    entry = program.module_call_graph[0].signature
    names = list(entry.forward_arg_names or ()) if entry is not None else []
    spec = program.call_spec.in_spec
    positional, keywords = (0, []) if spec is None else _counts(spec)
    names = [*names, *(f"input_{i}" for i in range(len(names), positional))]
    kind = inspect.Parameter
    parameters = [kind(n, kind.POSITIONAL_OR_KEYWORD) for n in names[:positional]]
    parameters += [kind(n, kind.KEYWORD_ONLY) for n in keywords if n not in names[:positional]]

    def forward(*args: Any, **kwargs: Any) -> None:
        """Stand for the program's forward."""

    forward.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    return forward


def _counts(spec: pytree.TreeSpec) -> tuple[int, list[str]]:
    args, kwargs = pytree.tree_unflatten([None] * spec.num_leaves, spec)
    return len(args), list(kwargs)
