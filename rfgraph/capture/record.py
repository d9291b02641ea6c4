"""Runs a model once and returns its operator graph."""

# ruff: noqa: PLR0917 - the steps of one capture pass its parts along

from __future__ import annotations

import functools
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, fx, nn
from torch.export import ExportedProgram
from torch.nn.parameter import is_lazy
from torch.utils._python_dispatch import _disable_current_modes

from rfgraph.capture.caches import forgetting
from rfgraph.capture.calls import ModuleCalls, watching
from rfgraph.capture.exported import (
    NamedInterpreter,
    module_types,
    program_signature,
    program_tensors,
    run_program,
)
from rfgraph.capture.failures import explain
from rfgraph.capture.flex_attention import follow_flex_attention
from rfgraph.capture.inputs import check_shape, map_tensors, named_arguments, stand_in
from rfgraph.capture.names import FunctionNames, assign_names
from rfgraph.capture.outputs import named_tensors
from rfgraph.capture.preserve import Snapshot, process_state, uncompiled
from rfgraph.capture.recorder import Known, Recorder, allocate, spec_of
from rfgraph.capture.recording import Recording
from rfgraph.capture.threads import noting_threads
from rfgraph.errors import CaptureError, InputError, ModelError

follow_flex_attention(Recorder)


# In inference mode, and on tensors made in it, other operators are seen than outside.
@torch.inference_mode(mode=False)
def record(
    model: Callable[..., Any] | nn.Module | fx.GraphModule | ExportedProgram,
    args: tuple[Any, ...],
    kwargs: Mapping[str, Any] | None = None,
    *,
    training: bool = False,
    real: bool = False,
    opaque: Sequence[type[nn.Module]] = (),
) -> Recording:
    """Return the operator graph of one call of ``model``.

    The model runs once, without gradients, on tensors that hold no data; it, the random
    states and PyTorch's settings are left as they were found, also when the call fails.

    Args:
        model: A module, a function, a bound method of a module, an fx ``GraphModule`` or an
            ``ExportedProgram``.
        args: Positional arguments; of tensors only shape, dtype and strides matter unless
            ``real`` is given.
        kwargs: Keyword arguments.
        training: Put every module in training mode instead of evaluation mode.
        real: Run on real data on the CPU, for models whose control flow depends on it. Data
            that is not given is drawn: normal for floating point, zero for integers.
        opaque: Classes whose modules are recorded as one node each, without their insides.

    Raises:
        ModelError: When ``model`` cannot be called, or lacks the data that ``real`` needs.
        InputError: When the arguments do not fit the model's signature or have no elements.
        CaptureError: When the model itself fails, or needs data in a data-less run.
    """
    if isinstance(model, ExportedProgram):
        if opaque:
            raise ModelError(
                "An exported program holds operators and no modules, so that the rule for "
                f"{opaque[0].__name__} cannot apply; analyse the module that was exported."
            )
        return _record_program(model, args, dict(kwargs or {}), real=real)
    # What torch.compile returns is a wrapper around the module that has the names.
    model = getattr(model, "_orig_mod", model)
    roots = _modules_of(model)
    known, labels, modules = _tensors_of(roots, real=real)
    recorder = Recorder(known, labels, real=real)
    functions = FunctionNames(recorder, interpreted=isinstance(model, fx.GraphModule))
    paths = {id(module): path for path, module in reversed(modules)}
    calls = ModuleCalls(recorder, functions, paths, tuple(opaque))
    run: Callable[..., Any] = model
    source = "real" if real else "meta"
    if isinstance(model, fx.GraphModule):
        interpreter = NamedInterpreter(model, recorder)
        run, source = _interpreted(model, interpreter), "graph_module"
    args, kwargs, inputs = _placeholders(model, recorder, args, dict(kwargs or {}), real=real)
    unique = list({id(module): module for _, module in modules}.values())
    with _prepared(unique, known, training=training):
        out = _run(run, recorder, functions, calls, args, kwargs, modules)
        outputs, nodes = _outputs(recorder, out), calls.nodes
        recorder.restore_data()
    return _finish(
        recorder,
        inputs,
        outputs,
        _all_paths(modules, nodes),
        {path: type(module).__name__ for path, module in modules},
        source,
        calls.opaque,
    )


def _run(
    run: Callable[..., Any],
    recorder: Recorder,
    functions: FunctionNames,
    calls: ModuleCalls,
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    modules: Sequence[tuple[str, nn.Module]],
) -> Any:
    """Return what the model returns, with its errors explained."""
    try:
        with (
            _disable_current_modes(),
            torch.no_grad(),
            noting_threads(recorder.uses_threads),
            recorder,
            functions,
            watching(calls),
        ):
            out = run(*args, **kwargs)
    except (CaptureError, InputError):
        recorder.restore_data()
        raise
    except Exception as error:
        recorder.restore_data()
        if recorder.refused is not None:
            raise recorder.refused from error
        path = calls.failed if calls.error is error else ""
        kinds = {name: type(module).__name__ for name, module in modules}
        kind = kinds.get(path, getattr(run, "__name__", type(run).__name__))
        function: str | None = None
        shapes: Sequence[str] = ()
        if functions.error is error and functions.failed is not None:
            function, shapes = functions.failed
        raise CaptureError(explain(error, path, kind, function, shapes)) from error
    except BaseException:
        recorder.restore_data()
        raise
    if recorder.refused is not None:
        recorder.restore_data()
        raise recorder.refused
    return out


def _interpreted(module: fx.GraphModule, interpreter: NamedInterpreter) -> Callable[..., Any]:
    def run(*args: Any, **kwargs: Any) -> Any:
        bound = named_arguments(module, args, kwargs)
        return interpreter.run(*bound.values())

    return run


def _placeholders(
    model: Callable[..., Any],
    recorder: Recorder,
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    *,
    real: bool,
) -> tuple[tuple[Any, ...], dict[str, Any], dict[str, fx.Node]]:
    """Return the arguments to run on, and the placeholders of their tensors by name."""
    made_args = tuple(map_tensors(arg, lambda t: stand_in(t, real=real)) for arg in args)
    made_kwargs = {k: map_tensors(v, lambda t: stand_in(t, real=real)) for k, v in kwargs.items()}
    inputs = {}
    for name, argument in named_arguments(model, made_args, made_kwargs).items():
        for path, tensor in named_tensors(argument, name):
            check_shape(tensor.shape, path)
            inputs[path] = recorder.placeholder(path, tensor)
    if not inputs:
        raise InputError("The inputs hold no tensor, so that there is nothing to analyse.")
    return made_args, made_kwargs, inputs


def _outputs(recorder: Recorder, out: Any) -> dict[str, fx.Node]:
    outputs = {name: recorder.chosen(t) for name, t in named_tensors(out, "output")}
    if not outputs:
        raise CaptureError(f"The model returned no tensor but a {type(out).__name__}.")
    return outputs


def _finish(
    recorder: Recorder,
    inputs: dict[str, fx.Node],
    outputs: dict[str, fx.Node],
    modules: Mapping[str, tuple[fx.Node, ...]],
    types: dict[str, str],
    source: str,
    opaque: tuple[type[nn.Module], ...] = (),
) -> Recording:
    results = list(outputs.values())
    graph = recorder.graph
    graph.output(results[0] if list(outputs) == ["output"] else tuple(results))
    recorder.finish([*results, *(node for nodes in modules.values() for node in nodes)])
    assign_names([node for node in graph.nodes if node.op != "output"])
    escapes = tuple(node for node in graph.nodes if node in recorder.escapes)
    return Recording(graph, inputs, outputs, modules, types, source, escapes, opaque)


# --- models -----------------------------------------------------------------------------------


def _modules_of(model: Callable[..., Any]) -> list[tuple[str, nn.Module]]:
    """Return the modules that a model runs, each with the prefix of its paths."""
    if isinstance(model, nn.Module):
        return [("", model)]
    if not callable(model):
        raise ModelError(
            f"A {type(model).__name__} is not a model; give a torch.nn.Module, a function, "
            f"a GraphModule or an ExportedProgram."
        )
    if isinstance(model, type):
        raise ModelError(f"{model.__name__} is a class, not a model; make an instance of it first.")
    if isinstance(model, functools.partial):
        held = [*model.args, *model.keywords.values()]
        found = [(type(m).__name__, m) for m in held if isinstance(m, nn.Module)]
        return found + _modules_of(model.func)
    owner = getattr(model, "__self__", None)
    if isinstance(owner, nn.Module):
        return [("", owner)]
    code = getattr(model, "__code__", None)
    if code is None:
        attributes = getattr(model, "__dict__", {})
        return [(k, m) for k, m in attributes.items() if isinstance(m, nn.Module)]
    cells = zip(code.co_freevars, model.__closure__ or (), strict=True)
    names = {name: cell.cell_contents for name, cell in cells}
    scope = model.__globals__
    names.update({name: scope[name] for name in code.co_names if name in scope})
    return [(name, m) for name, m in names.items() if isinstance(m, nn.Module)]


_PLAIN = frozenset((bool, int, float, str, type(None), tuple, list, dict, OrderedDict, set))
"""Types of a module's attributes that are no tensors, seen without looking at each."""


def _tensors_of(
    roots: Sequence[tuple[str, nn.Module]], *, real: bool
) -> tuple[dict[int, Known], dict[int, str], list[tuple[str, nn.Module]]]:
    """Return what stands for each registered tensor, and names of tensors and modules."""
    known: dict[int, Known] = {}
    labels: dict[int, str] = {}
    modules: list[tuple[str, nn.Module]] = []
    for prefix, root in roots:
        for path, module in root.named_modules(prefix=prefix, remove_duplicate=False):
            modules.append((path, module))
            dot = f"{path}." if path else ""
            scripted = isinstance(module, torch.jit.ScriptModule)
            for registered in (module._parameters, module._buffers):
                for name, tensor in registered.items():
                    if tensor is None or id(tensor) in known:
                        continue
                    if scripted:
                        labels[id(tensor)] = dot + name
                        continue
                    entry = _known(tensor, dot + name, real=real)
                    known[id(tensor)] = known[id(entry.seen)] = entry
            attributes = module.__dict__
            if not _PLAIN.issuperset(map(type, attributes.values())):
                for name, value in attributes.items():
                    if isinstance(value, Tensor):
                        labels.setdefault(id(value), dot + name)
    return known, labels, modules


def _known(tensor: Tensor, name: str, *, real: bool) -> Known:
    if type(tensor) is not nn.Parameter and is_lazy(tensor):
        kind = "Parameter" if isinstance(tensor, nn.Parameter) else "Buffer"
        message = (
            f"{kind} {name!r} has no shape yet (a lazy module); run the model once on an input "
            f"first."
        )
        raise ModelError(message)
    if not real:
        spec = spec_of(tensor)
        seen = allocate(spec)
        if isinstance(tensor, nn.Parameter):
            # A forward may ask whether it has a parameter, or one that learns.
            seen = nn.Parameter(seen, requires_grad=tensor.requires_grad)
        return Known(name, tensor, seen, spec)
    if tensor.device.type == "meta":
        raise ModelError(f"{name!r} holds no data, which real=True needs; load weights first.")
    seen = tensor if tensor.device.type == "cpu" else tensor.detach().cpu()
    return Known(name, tensor, seen, spec_of(seen))


def _all_paths(
    modules: Sequence[tuple[str, nn.Module]], nodes: Mapping[str, list[fx.Node]]
) -> dict[str, tuple[fx.Node, ...]]:
    """Return every module path's nodes; a shared module has them under each of its paths."""
    found: dict[str, tuple[fx.Node, ...]] = {}
    first: dict[int, str] = {}
    for path, module in modules:
        named = nodes.get(first.setdefault(id(module), path))
        if named:
            found[path] = tuple(named)
    return found


@contextmanager
def _prepared(
    modules: Sequence[nn.Module], known: Mapping[int, Known], *, training: bool
) -> Iterator[None]:
    """Put the modules in the wanted mode with their stand-ins, and everything back after."""
    snapshot = Snapshot(modules)
    with process_state(), uncompiled(), forgetting(modules):
        try:
            for module in modules:
                if isinstance(module, torch.jit.ScriptModule):
                    module.train(training)
                    continue
                attributes = module.__dict__
                attributes["training"] = training
                attributes.pop("_compiled_call_impl", None)
                for registered in (attributes["_parameters"], attributes["_buffers"]):
                    for name, tensor in registered.items():
                        if tensor is not None:
                            registered[name] = known[id(tensor)].seen
            for found in snapshot.lists:
                # RNNs keep their parameters in a list as well.
                for index, item in enumerate(found):
                    if isinstance(item, Tensor) and id(item) in known:
                        found[index] = known[id(item)].seen
            yield
        finally:
            snapshot.restore()


# --- exported programs -----------------------------------------------------------------------


def _record_program(
    program: ExportedProgram, args: tuple[Any, ...], kwargs: dict[str, Any], *, real: bool
) -> Recording:
    known: dict[int, Known] = {}
    replacements: dict[int, Tensor] = {}
    targets = {s.arg.name: s.target for s in program.graph_signature.input_specs}
    for placeholder, tensor in program_tensors(program).items():
        entry = _known(tensor, str(targets[placeholder]), real=real)
        known[id(tensor)] = known[id(entry.seen)] = entry
        replacements[id(tensor)] = entry.seen
    recorder = Recorder(known, {}, real=real)
    functions = FunctionNames(recorder, interpreted=True)
    calls = ModuleCalls(recorder, functions, {})
    run, interpreter = run_program(program, recorder, replacements)
    forward = program_signature(program)
    args, kwargs, inputs = _placeholders(forward, recorder, args, kwargs, real=real)
    with process_state():
        out = _run(run, recorder, functions, calls, args, kwargs, ())
        outputs = _outputs(recorder, out)
        recorder.restore_data()
    modules = {path: (node,) for path, node in interpreter.returned.items()}
    return _finish(recorder, inputs, outputs, modules, module_types(program), "exported")
