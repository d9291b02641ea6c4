"""The recorder: sees every ATen operator of a forward pass and writes the functional graph.

A plain ``TorchDispatchMode`` on data-less tensors. Writes are made functional here rather than
by ``torch.func.functionalize``, which costs three times as much: an in-place operator is
recorded as its functional counterpart and rebinds its tensor; views remember their base (see
`rfgraph.capture.aliasing`).

Scaled dot product attention is recorded as its mathematical decomposition (two ``bmm`` around
``_safe_softmax``): that is what PyTorch runs for data-less tensors, whatever the device.
"""

# The handlers of all kinds of operators share a signature, which not all of them need.
# ruff: noqa: ARG002, PLR0917

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, fx, nn
from torch._ops import OpOverload
from torch.fx.immutable_collections import immutable_dict
from torch.nn import Parameter
from torch.utils._python_dispatch import TorchDispatchMode, _disable_current_modes
from torch.utils._pytree import tree_map

from rfgraph.capture.aliasing import SAME, View, one_of_many, put_back
from rfgraph.capture.guards import may_be_handled, way_without_raise
from rfgraph.capture.operators import (
    Kind,
    Operator,
    argument_behind,
    describe,
    given,
    results_of,
    tensors_in,
)
from rfgraph.capture.recording import TensorSpec
from rfgraph.capture.values import draw
from rfgraph.errors import CaptureError

aten = torch.ops.aten

META = torch.device("meta")
CPU = torch.device("cpu")
_NO_OPTIONS: dict[str, Any] = immutable_dict()
_LOCAL_OPTIONS = frozenset(("device", "pin_memory", "non_blocking"))
_TRUTHS = frozenset((aten._local_scalar_dense.default, aten.equal.default, aten.allclose.default))
"""What gives Python a value of which it may ask no more than whether it is true."""

_INDEXING = frozenset((aten.index.Tensor, aten._unsafe_index.Tensor))
_OF_LAYOUTS = frozenset((aten.is_same_size.default, aten._has_same_storage_numel.default))
_EMPTY = frozenset((aten.empty.memory_format, aten.empty_strided.default))


class Memory:
    """The aliases of one piece of memory; ``version`` counts the writes to it."""

    __slots__ = ("version",)

    def __init__(self) -> None:
        self.version = 0


class Value:
    """What a tensor seen by the model stands for in the graph.

    Attributes:
        tensor: The tensor; held so that its id stays its own.
        node: Its node, or None while it is result ``index`` of ``source`` that nobody read.
        data_less: The tensor to give to meta kernels, when ``tensor`` itself holds data.
        base, view: The value that it is a view of, and how.
        memory, version: Shared by all aliases; the version that ``node`` is valid for.
        adopted: True for tensors of the user (parameters, buffers, constants).
    """

    __slots__ = (
        "adopted",
        "base",
        "data_less",
        "index",
        "memory",
        "node",
        "source",
        "spec",
        "tensor",
        "version",
        "view",
    )

    def __init__(self, tensor: Tensor, node: fx.Node | None, spec: TensorSpec) -> None:
        self.tensor = tensor
        self.node = node
        self.spec = spec
        self.data_less: Tensor | None = None
        self.source: fx.Node | None = None
        self.index = 0
        self.base: Value | None = None
        self.view: View = SAME
        self.memory: Memory | None = None
        self.version = 0
        self.adopted = False


def _root(value: Value) -> Value:
    """The value whose memory all views of it share."""
    while value.base is not None:
        value = value.base
    return value


def spec_of(tensor: Tensor) -> TensorSpec:
    """Return the layout of ``tensor``."""
    stride = tensor.stride() if tensor.layout is torch.strided else ()
    return TensorSpec(tuple(tensor.shape), tensor.dtype, stride)


class Known(NamedTuple):
    """A tensor of the user's model: its name, itself, what the model sees instead, its layout."""

    name: str
    user: Tensor
    seen: Tensor
    spec: TensorSpec


class Recorder(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Writes every operator that runs under it into ``graph``.

    Attributes:
        graph: The functional graph so far.
        module: Path of the innermost module executing.
        nodes: The nodes of ``graph``, in the order in which they were made.
        refused: Why the model cannot be recorded; kept as the model may catch what is raised.
    """

    def __init__(
        self, known: Mapping[int, Known], labels: Mapping[int, str], *, real: bool
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.graph = fx.Graph()
        self.module = ""
        self.nodes: list[fx.Node] = []
        self.real = real
        self.device = CPU if real else META
        self._known = known
        self._labels = labels
        self._values: dict[int, Value] = {}
        self._optional: set[fx.Node] = set()
        self._kept: list[Tensor] = []
        self._tails: dict[fx.Node, fx.Node] = {}
        self._saved: dict[int, tuple[Tensor, Tensor]] = {}
        self._foreign = False
        self._constants = 0
        self.escapes: dict[fx.Node, None] = {}
        self._read_at = 0
        self.refused: CaptureError | None = None

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        # Dynamo never sees this mode; its guard around every call costs more than recording.
        return False

    # --- what the rest of the package asks -------------------------------------------------

    def placeholder(self, name: str, tensor: Tensor) -> fx.Node:
        """Return the new graph input that ``tensor`` stands for."""
        spec = spec_of(tensor)
        target = identifier(name)
        node = self._node("placeholder", target, (), _NO_OPTIONS, spec, target=target)
        node.meta["label"] = name
        self._values[id(tensor)] = Value(tensor, node, spec)
        return node

    def find(self, tensor: Tensor) -> fx.Node:
        """Return the node whose value ``tensor`` is now."""
        return self._read(self._value(tensor))

    def chosen(self, tensor: Tensor, since: int = 0) -> fx.Node:
        """Return the node that stands for ``tensor`` as what Python code chose to return.

        Values that Python read after the tensor was made may have decided that it is this one:
        then it is another node, made after they were read.

        Args:
            tensor: What is returned.
            since: Number of nodes before the code ran that chose.
        """
        value = self._value(tensor)
        node = self._read(value)
        if self._read_at <= since or node in self.nodes[self._read_at :]:
            return node
        value.node = self._call(aten.alias.default, "alias", (node,), _NO_OPTIONS, value.spec)
        return value.node

    def source_of(self, tensor: Tensor) -> fx.Node:
        """Return the operator that ``tensor`` comes from, before any ``getitem``."""
        value = self._value(tensor)
        return value.source if value.source is not None else self._read(value)

    def escaped(self, tensor: Tensor) -> None:
        """Note that the values of ``tensor`` left for Python, where no operator is recorded."""
        self._escape(self.find(tensor))

    def exposed(self, tensor: Tensor) -> None:
        """Note that Python has the memory of ``tensor``, to read and to write."""
        self.escaped(tensor)
        value = self._value(tensor)
        node = self._call(
            aten.alias.default, "alias", (self._read(value),), _NO_OPTIONS, value.spec
        )
        self._rebind(value, node)

    def uses_threads(self) -> None:
        """Note that the model runs some of its code in other threads, where nothing is recorded.

        What follows may depend on any input: on tensors made there, and on whether it raised.
        """
        for node in self.nodes:
            if node.op == "placeholder":
                self._escape(node)

    def _escape(self, node: fx.Node) -> fx.Node:
        self.escapes[node] = None
        self._read_at = len(self.nodes)
        return node

    def lowered(
        self, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Return the arguments of a module with nodes in place of tensors."""
        lower: Callable[[Any], Any] = self._lower
        return tuple(map(lower, args)), {key: lower(value) for key, value in kwargs.items()}

    def opaque(
        self,
        module: nn.Module,
        inputs: tuple[Any, ...],
        options: dict[str, Any],
        results: Sequence[Tensor | None],
        start: int,
    ) -> list[Tensor | None]:
        """Return new tensors for the results of a module that becomes one node.

        Args:
            module: The module; it has run, and its insides are the nodes from ``start`` on.
            inputs: Its positional arguments, with nodes in place of tensors.
            options: Its keyword arguments, likewise.
            results: What it returned.
            start: Number of nodes before it ran.
        """
        # What nothing reads from outside is dropped by `finish`.
        self._optional.update(self.nodes[start:])
        with _disable_current_modes():
            # A pass-through module returns its argument, which keeps its own node.
            made = [
                None if tensor is None else self._data_less(tensor).clone() for tensor in results
            ]
        specs = tuple(None if tensor is None else spec_of(tensor) for tensor in made)
        spec = specs[0] if len(specs) == 1 else specs
        node = self._call(_module_call, type(module).__name__, inputs, options, spec)
        node.meta["opaque"] = module
        for index, (tensor, each) in enumerate(zip(made, specs, strict=True)):
            if tensor is None or each is None:
                continue
            if len(specs) == 1:
                node.meta["label"] = None
                self._made(tensor, node, each)
            else:
                self._made_item(tensor, node, index, each)
        return made

    def whole(self, func: OpOverload, args: tuple[Any, ...]) -> Any:
        """Return the results of an operator that others define, recorded as one node."""
        self._foreign = False
        with _disable_current_modes():
            return self._pure(describe(func), func, args, {})

    def become(self, tensor: Tensor, other: Tensor) -> None:
        """Let ``tensor`` mean the same memory as ``other`` from now on (``x.data = y``)."""
        self._values[id(tensor)] = self._value(other)
        self._kept.append(tensor)

    def restore_data(self) -> None:
        """Undo what a real run wrote to tensors of the user."""
        for tensor, copy in self._saved.values():
            tensor.data.copy_(copy)
        self._saved.clear()

    def finish(self, results: Sequence[fx.Node]) -> None:
        """Drop the nodes that only kept aliases up to date and that nothing read."""
        self._register()
        wanted = set(results)
        for node in reversed(self.nodes):
            idle = node in self._optional or node.target in _EMPTY
            if idle and not node.users and node not in wanted:
                self.graph.erase_node(node)

    # --- operators ---------------------------------------------------------------------------

    def __torch_dispatch__(
        self,
        func: OpOverload,
        types: Sequence[type],
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        """Return the result of ``func`` after recording it."""
        op = describe(func)
        self._foreign = False
        if op.kind is Kind.PURE:
            return self._pure(op, func, args, kwargs or {})
        return _HANDLERS[op.kind](self, op, func, args, kwargs or {})

    def _pure(
        self, op: Operator, func: OpOverload, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        inputs = tuple([self._lower(arg) for arg in args])
        options = self._options(op, kwargs) if kwargs else _NO_OPTIONS
        direct = op.direct
        if direct is not None and not self.real:
            specs = direct(*args, **kwargs)
            if specs is not None:
                node = self._call(func, op.name, inputs, options, specs)
                if isinstance(specs, TensorSpec):
                    return self._made(allocate(specs), node, specs)
                return tuple(
                    self._made_item(allocate(spec), node, index, spec)
                    for index, spec in enumerate(specs)
                )
        out = self._run(op, func, args, kwargs)
        if self.real and torch.Tag.dynamic_output_shape in func.tags:
            self._escape_into_shape(func, args, inputs)
        return self._returned(func, op.name, inputs, options, out)

    def _returned(
        self,
        func: OpOverload,
        name: str,
        inputs: tuple[Any, ...],
        options: dict[str, Any],
        out: Any,
    ) -> Any:
        """Return ``out`` after recording the operator that made it."""
        if isinstance(out, Tensor):
            if id(out) in self._values:
                # A kernel may hand back its argument; a new tensor needs a new identity.
                out = out.view_as(out)
            spec = spec_of(out)
            return self._made(out, self._call(func, name, inputs, options, spec), spec)
        specs = tuple(spec_of(t) if isinstance(t, Tensor) else None for t in out)
        node = self._call(func, name, inputs, options, specs)
        for index, (tensor, each) in enumerate(zip(out, specs, strict=True)):
            if each is not None:
                self._made_item(tensor, node, index, each)
        return out

    def _view(
        self, op: Operator, func: OpOverload, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        inputs = tuple([self._lower(arg) for arg in args])
        options = self._options(op, kwargs) if kwargs else _NO_OPTIONS
        base = self._values[id(args[0])]
        out = self._run(op, func, args, kwargs)
        if func is aten.as_strided.default and base.base is not None:
            # Strides count from the start of the memory, which holds more than the view.
            base = _root(base)
            inputs = (self._read(base), *inputs[1:3], out.storage_offset())
        if (
            func is aten.as_strided.default
            and _same_elements(spec_of(out), base.spec)
            and (out.storage_offset() == self._data_less(base.tensor).storage_offset())
        ):
            return self._identity(out, inputs[0], base)
        out = self._returned(func, op.name, inputs, options, out)
        view = View(func, inputs[1:], options)
        for tensor in (out,) if isinstance(out, Tensor) else out:
            self._alias(self._values[id(tensor)], base, view)
        return out

    def _same(
        self, op: Operator, func: OpOverload, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Tensor:
        node = self._lower(args[0])
        base = self._values[id(args[0])]
        return self._identity(self._run(op, func, args, kwargs), node, base)

    def _identity(self, out: Tensor, node: fx.Node, base: Value) -> Tensor:
        """Return ``out`` as another name for all of ``base``."""
        if id(out) in self._values:
            out = out.view_as(out)
        self._made(out, node, spec_of(out))
        self._alias(self._values[id(out)], base, SAME)
        return out

    def _write(
        self, op: Operator, func: OpOverload, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Tensor:
        inputs = tuple([self._lower(arg) for arg in args])
        options = self._options(op, kwargs) if kwargs else _NO_OPTIONS
        functional = op.functional
        assert functional is not None
        target: Tensor = args[0]
        value = self._values[id(target)]
        direct = op.direct(*args, **kwargs) if op.direct and not self.real else None
        if isinstance(direct, TensorSpec) and direct.shape == value.spec.shape:
            dtype = direct.dtype
        else:
            dtype = self._promoted(functional, args, kwargs)
            self._protect(value)
            self._run(op, func, args, kwargs)
        if functional is aten.copy.default:
            inputs, options = inputs[:2], _NO_OPTIONS
        spec = value.spec
        if dtype is not spec.dtype:
            wide = TensorSpec(spec.shape, dtype, spec.stride)
            node = self._call(functional, op.name, inputs, options, wide)
            node = self._call(aten._to_copy.default, "to", (node,), {"dtype": spec.dtype}, spec)
        else:
            node = self._call(functional, op.name, inputs, options, spec)
        self._rebind(value, node)
        return target

    def _promoted(
        self, functional: OpOverload, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> torch.dtype:
        """Return the dtype of the functional result, which may be wider than what is written."""
        target: Tensor = args[0]
        if functional is aten.copy.default or all(
            not isinstance(arg, Tensor) or arg.dtype is target.dtype for arg in args[1:]
        ):
            return target.dtype
        args, kwargs = tree_map(self._data_less, (args, kwargs))
        out: Tensor = functional(*args, **kwargs)
        return out.dtype

    def _write_list(
        self, op: Operator, func: OpOverload, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        inputs = tuple([self._lower(arg) for arg in args])
        options = self._options(op, kwargs) if kwargs else _NO_OPTIONS
        assert op.functional is not None
        targets = [self._values[id(tensor)] for tensor in args[0]]
        for value in targets:
            self._protect(value)
        out = self._run(op, func, args, kwargs)
        specs = tuple(value.spec for value in targets)
        node = self._call(op.functional, op.name, inputs, options, specs)
        for index, value in enumerate(targets):
            self._rebind(value, self._item(node, index, value.spec))
        return out

    def _review(
        self, op: Operator, func: OpOverload, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Tensor:
        inputs = tuple([self._lower(arg) for arg in args])
        options = self._options(op, kwargs) if kwargs else _NO_OPTIONS
        assert op.functional is not None
        target: Tensor = args[0]
        old = self._values[id(target)]
        self._run(op, func, args, kwargs)
        seen = self._data_less(target)
        spec = spec_of(seen)
        if op.functional is aten.as_strided.default and _same_elements(spec, old.spec):
            # Adaptive pooling to 1x1 only corrects strides of axes of size 1 this way.
            old.spec = spec
            return target
        node = self._call(op.functional, op.name, inputs, options, spec)
        new = Value(target, node, spec)
        new.data_less, new.adopted = old.data_less, old.adopted
        self._alias(new, old, View(op.functional, inputs[1:], options))
        self._values[id(target)] = self._values[id(seen)] = new
        return target

    def _out(
        self, op: Operator, func: OpOverload, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        functional = op.functional
        assert functional is not None
        inputs = tuple([self._lower(arg) for arg in args])
        reading = {key: value for key, value in kwargs.items() if key not in op.written}
        options = self._options(op, reading) if reading else _NO_OPTIONS
        targets: list[Tensor] = [kwargs[name] for name in op.written]
        for target in targets:
            self._lower(target)
            self._protect(self._values[id(target)])
        plain_args, plain = tree_map(self._data_less, (args, reading))
        results = functional(*plain_args, **plain)
        self._foreign = True
        returned = self._run(op, func, args, kwargs)
        single = isinstance(results, Tensor)
        made = (results,) if single else tuple(results)
        specs = tuple(spec_of(result) for result in made)
        node = self._call(functional, op.name, inputs, options, specs[0] if single else specs)
        for index, (target, spec) in enumerate(zip(targets, specs, strict=True)):
            result = node if single else self._item(node, index, spec)
            self._receive(target, result, spec)
        return targets[0] if single else returned if self.real else tuple(targets)

    def _receive(self, target: Tensor, node: fx.Node, spec: TensorSpec) -> None:
        """Let an ``out=`` argument hold the result ``node``."""
        value = self._values[id(target)]
        held = spec_of(self._data_less(target))
        if held.dtype is not spec.dtype:
            node = self._call(aten._to_copy.default, "to", (node,), {"dtype": held.dtype}, held)
        if held.shape != value.spec.shape:
            # The operator resized its out= argument, which therefore left its old memory.
            value.memory, value.base, value.spec = None, None, held
        self._rebind(value, node)

    def _batch_norm(
        self, op: Operator, func: OpOverload, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        pure = describe(aten.native_batch_norm.default)
        mean, var, training = args[3], args[4], args[5]
        if not training or mean is None or var is None:
            return self._pure(pure, aten.native_batch_norm.default, args, kwargs)
        inputs = tuple([self._lower(arg) for arg in args])
        statistics = [self._values[id(mean)], self._values[id(var)]]
        for value in statistics:
            self._protect(value)
        out = self._run(op, func, args, kwargs)
        specs = tuple(spec_of(t) for t in out) + tuple(value.spec for value in statistics)
        functional = aten._native_batch_norm_legit_functional.default
        node = self._call(functional, "native_batch_norm", inputs, _NO_OPTIONS, specs)
        for index, tensor in enumerate(out):
            self._made_item(tensor, node, index, specs[index])
        for index, value in enumerate(statistics, start=3):
            item = self._item(node, index, value.spec)
            self._optional.add(item)
            self._rebind(value, item)
        return out

    def _noise(
        self, op: Operator, func: OpOverload, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        inputs = tuple([self._lower(arg) for arg in args])
        noise = self._values[id(args[1])]
        self._protect(noise)
        out = self._run(op, func, args, kwargs)
        spec = spec_of(out)
        assert op.functional is not None
        node = self._call(op.functional, op.name, inputs, _NO_OPTIONS, (spec, noise.spec))
        self._made_item(out, node, 0, spec)
        written = self._item(node, 1, noise.spec)
        self._optional.add(written)
        self._rebind(noise, written)
        return out

    def _composite(
        self, op: Operator, func: OpOverload, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        with self:
            return func.decompose(*args, **kwargs)

    def _scalar(
        self, op: Operator, func: OpOverload, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        inputs = tuple([self._lower(arg) for arg in args])
        if func in _OF_LAYOUTS:
            return func(*args, **kwargs)
        way = way_without_raise() if func in _TRUTHS else None
        if self.real:
            if way is None:
                fx.node.map_arg(inputs, self._escape)
            return func(*args, **kwargs)
        values = fx.node.map_arg(inputs, draw)
        if all(value is not None for value in values):
            return func(*values, **kwargs)
        if way is None:
            raise self._data_dependent(func)
        return way

    def _effect(
        self, op: Operator, func: OpOverload, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> None:
        inputs = tuple([self._lower(arg) for arg in args])
        # An assertion whose failure may be handled decides what follows.
        decides = may_be_handled()
        if self.real:
            if decides:
                fx.node.map_arg(inputs, self._escape)
            func(*args, **kwargs)
        elif decides:
            values = fx.node.map_arg(inputs, draw)
            if any(value is None for value in values):
                raise self._data_dependent(func)
            func(*values, **kwargs)

    def _mutate(
        self, op: Operator, func: OpOverload, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        """Record an operator as one that returns what it writes, after what it returns."""
        inputs = tuple([self._lower(arg) for arg in args])
        options = self._options(op, kwargs) if kwargs else _NO_OPTIONS
        by_name = given(func, args, kwargs)
        written = [tensor for name in op.written for tensor in tensors_in(by_name.get(name))]
        targets = [self._values[id(tensor)] for tensor in written]
        for value in targets:
            self._protect(value)
        returns = func._schema.returns
        makes = [result.alias_info is None for result in returns]
        # Libraries seldom bring a kernel without data where there is nothing new to return.
        out = self._run(op, func, args, kwargs) if any(makes) or self.real else None
        results = results_of(func, out) if out is not None else [None] * len(returns)
        fresh = [t for t, new in zip(results, makes, strict=True) if new]
        specs = (*map(spec_of, fresh), *(value.spec for value in targets))
        node = self._call(func, op.name, inputs, options, specs if len(specs) > 1 else specs[0])
        for index, tensor in enumerate(fresh):
            self._made_item(tensor, node, index, specs[index])
        for index, value in enumerate(targets, start=len(fresh)):
            item = self._item(node, index, value.spec) if len(specs) > 1 else node
            self._rebind(value, item)
        for index, result in enumerate(returns):
            if result.alias_info is not None:
                results[index] = by_name[argument_behind(func, result)]
        return tuple(results) if len(results) > 1 else (results or [None])[0]

    def _unsupported(
        self, op: Operator, func: OpOverload, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        message = (
            f"{self.where()} calls {func}, which changes the shape of an argument in place and has "
            f"no functional counterpart; replace it by an operator that returns its result."
        )
        raise self.refuse(message)

    # --- running -------------------------------------------------------------------------------

    def _run(
        self, op: Operator, func: OpOverload, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        """Return the result of ``func`` on the tensors that stand for the user's."""
        if op.has_device and "device" in kwargs:
            kwargs = {k: v for k, v in kwargs.items() if k != "pin_memory"}
            kwargs["device"] = self.device
        if self._foreign:
            args, kwargs = tree_map(self._data_less, (args, kwargs))
        if self.real:
            return func(*args, **kwargs)
        if "generator" in kwargs:
            kwargs = {**kwargs, "generator": None}
        try:
            return func(*args, **kwargs)
        except (RuntimeError, NotImplementedError) as error:
            if torch.Tag.dynamic_output_shape not in func.tags:
                raise
            return self._run_on_values(func, args, kwargs, error)

    def _escape_into_shape(
        self, func: OpOverload, args: tuple[Any, ...], inputs: tuple[Any, ...]
    ) -> None:
        """Note that values decide how many elements there are, which Python code may count."""
        if func in _INDEXING:
            kinds = [None if t is None else t.dtype for t in args[1]]
            masks = [
                node
                for node, kind in zip(inputs[1], kinds, strict=True)
                if kind in (torch.bool, torch.uint8)
            ]
            fx.node.map_arg(masks, self._escape)
        elif func is aten.masked_select.default:
            fx.node.map_arg(inputs[1], self._escape)
        elif func is aten.bincount.default:
            fx.node.map_arg(inputs[0], self._escape)
        elif func is not aten.linalg_lstsq.default:  # of its results only the rank's depend
            fx.node.map_arg(inputs, self._escape)

    def _run_on_values(
        self,
        func: OpOverload,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        error: Exception,
    ) -> Any:
        """Return the data-less result of an operator whose result's shape depends on values."""

        def value_of(arg: Any) -> Any:
            return draw(self.find(arg)) if isinstance(arg, Tensor) else arg

        if func in _INDEXING:
            # Only the indices decide the shape: integer indices in place of boolean masks.
            indices: list[Tensor | None] = []
            for index in args[1]:
                if index is None or index.dtype not in (torch.bool, torch.uint8):
                    indices.append(index)
                    continue
                mask = value_of(index)
                if mask is None:
                    raise self._data_dependent(func) from error
                indices += [place.to(META) for place in mask.nonzero().unbind(1)]
            return func(args[0], indices)
        if func is aten.masked_select.default:
            # Only the mask decides how many there are.
            mask = value_of(args[1])
            if mask is None:
                raise self._data_dependent(func) from error
            # Each mask element counts once for every element that it is broadcast to.
            both: Tensor = args[0] + mask.to(META)
            count = int(mask.sum()) * both.numel() // max(mask.numel(), 1)
            return args[0].new_empty(count)
        values = [value_of(arg) for arg in args]
        if any(value is None and arg is not None for value, arg in zip(values, args, strict=True)):
            raise self._data_dependent(func) from error
        return tree_map(
            lambda out: out.to(META) if isinstance(out, Tensor) else out, func(*values, **kwargs)
        )

    def _data_dependent(self, func: OpOverload) -> CaptureError:
        message = (
            f"{self.where()} runs {func}, which needs the values of a tensor that depends on "
            f"the input, and a data-less capture has none; pass real=True to record with data."
        )
        return self.refuse(message)

    def refuse(self, message: str) -> CaptureError:
        """Return the error to raise, after noting it."""
        self.refused = CaptureError(message)
        return self.refused

    def where(self) -> str:
        """Return the module that is executing, for messages."""
        return f"module {self.module!r}" if self.module else "the model's forward"

    def _protect(self, value: Value) -> None:
        """Keep a copy of a tensor of the user that a real run is about to write to."""
        if not self.real:
            return
        value = _root(value)
        if value.adopted and id(value.tensor) not in self._saved:
            self._saved[id(value.tensor)] = (value.tensor, value.tensor.clone())

    def _data_less(self, arg: Any) -> Any:
        if isinstance(arg, Tensor):
            value = self._values.get(id(arg))
            if value is not None and value.data_less is not None:
                return value.data_less
        return arg

    # --- values ----------------------------------------------------------------------------------

    def _lower(self, arg: Any) -> Any:
        """Return ``arg`` with nodes in place of tensors."""
        kind = type(arg)
        if kind is Tensor or kind is Parameter:
            value = self._values.get(id(arg))
            if value is None:
                value = self._adopt(arg)
            if value.data_less is not None and value.data_less is not arg:
                self._foreign = True
            memory = value.memory
            if value.node is not None and (memory is None or value.version == memory.version):
                return value.node
            return self._read(value)
        if kind is int or kind is float or kind is bool or arg is None:
            return arg
        if kind is list or kind is tuple:
            return [item if type(item) is int else self._lower(item) for item in arg]
        if isinstance(arg, Tensor):
            value = self._value(arg)
            self._foreign = self._foreign or value.data_less is not None
            return self._read(value)
        return arg

    def _options(self, op: Operator, kwargs: dict[str, Any]) -> dict[str, Any]:
        return {
            # Some overloads cannot be called without one, but which it was is nobody's business.
            key: None if key == "generator" else self._lower(value)
            for key, value in kwargs.items()
            if key not in _LOCAL_OPTIONS and not (key == "layout" and op.has_device)
        }

    def _value(self, tensor: Tensor) -> Value:
        value = self._values.get(id(tensor))
        return value if value is not None else self._adopt(tensor)

    def _read(self, value: Value) -> fx.Node:
        memory = value.memory
        if memory is not None and value.version != memory.version:
            self._refresh(value)
        node = value.node
        if node is None:
            assert value.source is not None
            node = value.node = self._item(value.source, value.index, value.spec)
        return node

    def _adopt(self, tensor: Tensor) -> Value:
        """Return the value of a tensor that was not made by a recorded operator."""
        with torch._C.DisableTorchFunction():  # or devices are what the model is told
            return self._adopted(tensor)

    def _adopted(self, tensor: Tensor) -> Value:
        known = self._known.get(id(tensor))
        if known is None:
            hidden = None if self.real or tensor.device.type != "meta" else self._hidden(tensor)
            if hidden is not None:
                return hidden
            seen = tensor
            if self.real:
                # A tensor that the model holds without registering it, beside inputs on the CPU.
                seen = tensor if tensor.device.type == "cpu" else tensor.detach().to(CPU)
            elif tensor.device.type != "meta":
                seen = allocate(spec_of(tensor))
            name = self._labels.get(id(tensor))
            if name is None:
                name = f"constant_{self._constants}"
                self._constants += 1
            known = Known(name, tensor, seen, spec_of(seen))
        name, user, seen, spec = known
        node = self._node("get_attr", identifier(name), (), _NO_OPTIONS, spec, target=name)
        node.meta["label"] = name
        node.meta["module"] = name.rpartition(".")[0]
        node.meta["value"] = None if user.is_meta else user
        value = Value(user, node, spec)
        value.adopted = True
        value.data_less = seen
        self._values[id(user)] = self._values[id(seen)] = value
        return value

    def _hidden(self, tensor: Tensor) -> Value | None:
        """Return the value of an alias that was made behind the recorder's back."""
        storage = tensor.untyped_storage()._cdata
        for value in list(self._values.values()):
            other = value.data_less if value.data_less is not None else value.tensor
            if other.device.type == "meta" and other.untyped_storage()._cdata == storage:
                spec = spec_of(tensor)
                if spec != value.spec or tensor.storage_offset() != other.storage_offset():
                    continue
                alias = Value(tensor, self._read(value), spec)
                self._alias(alias, value, SAME)
                self._values[id(tensor)] = alias
                return alias
        return None

    def _made(self, tensor: Tensor, node: fx.Node, spec: TensorSpec) -> Tensor:
        self._values[id(tensor)] = Value(tensor, node, spec)
        return tensor

    def _made_item(self, tensor: Tensor, node: fx.Node, index: int, spec: TensorSpec) -> Tensor:
        value = Value(tensor, None, spec)
        value.source, value.index = node, index
        self._values[id(tensor)] = value
        return tensor

    def _alias(self, value: Value, base: Value, view: View) -> None:
        if base.memory is None:
            base.memory = Memory()
            base.version = 0
        value.base, value.view, value.memory = base, view, base.memory
        value.version = base.memory.version

    def _rebind(self, value: Value, node: fx.Node) -> None:
        """Let ``value`` be ``node`` after a write, and its bases hold what was written."""
        value.node = node
        memory = value.memory
        if memory is None:
            return
        memory.version += 1
        value.version = memory.version
        while value.base is not None:
            base = value.base
            view = self._view_of(value)
            assert base.node is not None or base.source is not None
            old = base.node if base.node is not None else self._item_of(base)
            assert value.node is not None
            base.node = put_back(self._upkeep, view, (old, base.spec), (value.node, value.spec))
            base.version = memory.version
            value = base

    def _item_of(self, value: Value) -> fx.Node:
        assert value.source is not None
        return self._item(value.source, value.index, value.spec)

    def _view_of(self, value: Value) -> View:
        view = value.view
        if value.source is None:
            return view
        assert value.base is not None
        view = one_of_many(view, value.base.spec, value.index)
        value.view, value.source = view, None
        return view

    def _refresh(self, value: Value) -> None:
        """Make a view again from its base, which was written to since."""
        assert value.base is not None
        assert value.memory is not None
        base = self._read(value.base)
        view = self._view_of(value)
        if view.operator is None:
            value.node = base
        else:
            value.node = self._upkeep(view.operator, (base, *view.rest), value.spec, view.options)
        value.version = value.memory.version

    # --- nodes -----------------------------------------------------------------------------------

    def _upkeep(
        self,
        target: OpOverload,
        args: tuple[Any, ...],
        spec: TensorSpec,
        options: dict[str, Any] = _NO_OPTIONS,
    ) -> fx.Node:
        node = self._call(target, target._opname, args, options, spec)
        self._optional.add(node)
        return node

    def _item(self, source: fx.Node, index: int, spec: TensorSpec) -> fx.Node:
        """Return result ``index`` of ``source``, placed right behind it."""
        node = self._node(
            "call_function",
            "getitem",
            (source, index),
            _NO_OPTIONS,
            spec,
            operator.getitem,
            after=self._tails.get(source, source),
        )
        self._tails[source] = node
        node.meta["module"] = source.meta["module"]
        return node

    def _call(
        self,
        target: Callable[..., Any],
        name: str,
        args: tuple[Any, ...],
        options: dict[str, Any],
        spec: object,
    ) -> fx.Node:
        return self._node("call_function", name, args, options, spec, target)

    def _node(
        self,
        op: str,
        name: str,
        args: tuple[Any, ...],
        options: dict[str, Any],
        spec: object,
        target: Any,
        after: fx.Node | None = None,
    ) -> fx.Node:
        """Return a new node of the graph.

        ``Graph.create_node`` does the same but takes 10 to 20 microseconds, most of them for a
        unique name; here the position makes it unique. What the graph notes of each node,
        ``_register`` adds for all at once.
        """
        graph, nodes = self.graph, self.nodes
        unique = f"{name}_{len(nodes)}"
        node = fx.Node(graph, unique, op, target, args, options)
        if after is None:
            graph._insert(node)
        else:
            after.append(node)
        meta = node.meta
        meta["spec"] = spec
        meta["module"] = self.module
        meta["label"] = name
        nodes.append(node)
        return node

    def _register(self) -> None:
        """Enter all nodes where the graph looks them up."""
        graph = self.graph
        graph._graph_namespace._used_names.update([node.name for node in self.nodes])
        graph._len += len(self.nodes)
        table = graph._find_nodes_lookup_table.table
        for node in self.nodes:
            op = node.op
            table[op, node.target if op == "call_function" else None][node] = None


def _module_call(*_args: Any, **_kwargs: Any) -> Any:
    """Stands as the target of modules that are kept whole; nothing runs it."""
    message = "A module that is kept whole has no value outside a capture."
    raise CaptureError(message)


def identifier(name: str) -> str:
    """Return ``name`` as a Python identifier."""
    text = name.replace(".", "_")
    if text.isidentifier():
        return text
    text = re.sub(r"\W", "_", name)
    return text if text and not text[0].isdigit() else f"_{text}"


def _same_elements(new: TensorSpec, old: TensorSpec) -> bool:
    """Return True when the layouts differ at most in the strides of axes of size 1."""
    return new.shape == old.shape and all(
        a == b or size == 1 for size, a, b in zip(new.shape, new.stride, old.stride, strict=True)
    )


def allocate(spec: TensorSpec) -> Tensor:
    """Return a new tensor of that layout without data."""
    return torch.empty_strided(spec.shape, spec.stride, dtype=spec.dtype, device=META)


_HANDLERS: dict[Kind, Callable[..., Any]] = {
    Kind.VIEW: Recorder._view,
    Kind.SAME: Recorder._same,
    Kind.WRITE: Recorder._write,
    Kind.WRITE_LIST: Recorder._write_list,
    Kind.REVIEW: Recorder._review,
    Kind.OUT: Recorder._out,
    Kind.BATCH_NORM: Recorder._batch_norm,
    Kind.NOISE: Recorder._noise,
    Kind.COMPOSITE: Recorder._composite,
    Kind.SCALAR: Recorder._scalar,
    Kind.EFFECT: Recorder._effect,
    Kind.MUTATE: Recorder._mutate,
    Kind.UNSUPPORTED: Recorder._unsupported,
}
