"""Human names of nodes, as ``torchvision.models.feature_extraction`` gives them."""

# Functions that stand for one of PyTorch share a signature, which not all of them need.
# ruff: noqa: ARG001

from __future__ import annotations

import operator
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, fx
from torch.overrides import TorchFunctionMode

from rfgraph.capture.outputs import unwrapped
from rfgraph.capture.recorder import CPU, Recorder
from rfgraph.capture.recurrent import LAYERS, recurrent_layer
from rfgraph.capture.values import draw

_SYNONYMS = {
    "iadd": "add",
    "isub": "sub",
    "imul": "mul",
    "itruediv": "div",
    "radd": "add",
    "rsub": "sub",
    "rmul": "mul",
    "rdiv": "div",
    "truediv": "div",
    "rtruediv": "div",
    "rpow": "pow",
    "rmatmul": "matmul",
    "rfloordiv": "floordiv",
}


class FunctionNames(TorchFunctionMode):
    """Gives operators the name of the Python function that ran them, ``flatten`` over ``view``.

    The operator that made the returned tensor gets the function's name, the others
    ``flatten.view``. Inside leaf modules, where the module's own name is the better one,
    nothing is renamed.

    A node that a function returned keeps in ``meta["function"]`` where a run of the model meets
    it: the module, the function's name, and how many such calls come before. A graph that is
    interpreted has none, as its modules do not run.

    The mode also keeps the values of ``torch.tensor`` data, records recurrent layers whole, and
    answers the few questions that never reach an ATen operator (``tolist``, ``numpy``, ``device``).
    """

    def __init__(self, recorder: Recorder, *, interpreted: bool = False) -> None:
        super().__init__()
        self.recorder = recorder
        self.interpreted = interpreted
        self.in_leaf = False
        self._calls: Counter[tuple[str, str]] = Counter()
        self.error: BaseException | None = None
        self.failed: tuple[str, list[str]] | None = None

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        """Return the result of ``func`` after naming the operators that it ran."""
        recorder = self.recorder
        kwargs = kwargs or {}
        if func in _DATA:
            kwargs = {**kwargs, "device": CPU}
        elif kwargs and kwargs.get("device") is not None:
            kwargs = {**kwargs, "device": recorder.device}
        if self.in_leaf:
            return self._ran(func, args, kwargs)
        nodes = recorder.nodes
        start = len(nodes)
        name = function_name(func)
        call = (recorder.module, name)
        number = self._calls.get(call, 0)
        self._calls[call] = number + 1
        out = self._ran(func, args, kwargs)
        if len(nodes) > start:
            main = self._rename(name, start, args[0] if out is None else out)
            # A wrapper of vmap, grad or jvp is shaped like one of the tensors that it stands for.
            is_shown = isinstance(out, Tensor) and unwrapped(out) is out and not self.interpreted
            if main is not None and is_shown:
                main.meta["function"] = (*call, number)
        return out

    def _ran(self, func: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Return the result of ``func``; of what it raises, note where it came from."""
        special = _SPECIAL.get(func)
        try:
            return special(self.recorder, func, args, kwargs) if special else func(*args, **kwargs)
        except Exception as error:
            if self.error is not error:
                self.error = error
                self.failed = (function_name(func), _shapes((*args, *kwargs.values())))
            raise

    def _rename(self, name: str, start: int, out: Any) -> fx.Node | None:
        """Return the node that is named by the function alone, if it is a new one."""
        recorder = self.recorder
        if isinstance(out, Tensor):
            main: fx.Node | None = recorder.find(unwrapped(out))
        elif isinstance(out, (tuple, list)) and out and isinstance(out[0], Tensor):
            main = recorder.source_of(unwrapped(out[0]))
        else:
            main = None
        made = recorder.nodes[start:]
        named: fx.Node | None = None
        for node in made:
            if node is main:
                node.meta["label"] = name
                named = node
            elif node.op == "call_function" and not _reads_earlier(node, made):
                node.meta["label"] = f"{name}.{node.meta['label']}"
        return named


def _reads_earlier(node: fx.Node, made: Sequence[fx.Node]) -> bool:
    """Return True for a result that this function is only the first to read."""
    return node.target is operator.getitem and node.args[0] not in made


_FUNCTION_NAMES: dict[Any, str] = {}


def function_name(func: Callable[..., Any]) -> str:
    """Return the name that operators run by ``func`` are called by."""
    name = _FUNCTION_NAMES.get(func)
    if name is None:
        raw = getattr(func, "__name__", type(func).__name__)
        if raw in ("__get__", "__set__"):
            raw = func.__self__.__name__  # type: ignore[attr-defined]
        bare = raw.partition(".")[0].strip("_")  # an overload called itself: add.Tensor
        name = _FUNCTION_NAMES[func] = _SYNONYMS.get(bare, bare)
    return name


def _shapes(values: Sequence[Any]) -> list[str]:
    shapes = []
    for value in values:
        if isinstance(value, Tensor):
            dtype = str(value.dtype).removeprefix("torch.")
            shapes.append(f"{tuple(value.shape)} {dtype}")
        elif isinstance(value, (list, tuple)):
            shapes += _shapes(value)
    return shapes


# --- functions that need more than their operators --------------------------------------------


def _to_list(
    recorder: Recorder, func: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Any:
    return func(_data(recorder, func, args[0]), *args[1:], **kwargs)


def _data(recorder: Recorder, func: Callable[..., Any], tensor: Tensor) -> Tensor:
    if recorder.real:
        if func == Tensor.tolist:
            recorder.escaped(tensor)
        else:
            recorder.exposed(tensor)
        return tensor
    if tensor.device.type != "meta":
        return tensor
    value = draw(recorder.find(tensor))
    if value is None:
        message = (
            f"{recorder.where()} calls Tensor.{function_name(func)} on a tensor that depends on "
            f"the input, and a data-less capture has no values; pass real=True to record with data."
        )
        raise recorder.refuse(message)
    return value


def _by_python(
    recorder: Recorder, func: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Any:
    # map_ and apply_ run a Python function on every number; a DLPack capsule is the memory itself.
    for tensor in args:
        if isinstance(tensor, Tensor):
            if not recorder.real:
                message = (
                    f"{recorder.where()} calls Tensor.{function_name(func)}, which reads values, "
                    f"and a data-less capture has none; pass real=True to record with data."
                )
                raise recorder.refuse(message)
            recorder.escaped(tensor)
    out = func(*args, **kwargs)
    recorder.exposed(args[0])
    return out


def _split_at(
    recorder: Recorder, func: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Any:
    # Places in a tensor are read by the function itself, with no operator.
    places = next((a for a in (*args[1:], *kwargs.values()) if isinstance(a, Tensor)), None)
    if places is not None:
        known = _data(recorder, Tensor.tolist, places)
        args = tuple(known if a is places else a for a in args)
        kwargs = {key: known if a is places else a for key, a in kwargs.items()}
    return func(*args, **kwargs)


def _move(
    recorder: Recorder, func: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Any:
    tensor, rest = args[0], args[1:]
    if rest and isinstance(rest[0], (torch.device, str, int)):
        rest = (recorder.device, *rest[1:])
    return func(tensor, *rest, **kwargs)


def _stay(
    recorder: Recorder, func: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Any:
    return args[0]


def _read_data(
    recorder: Recorder, func: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Any:
    # Tensor.data makes an alias that no dispatch mode ever sees.
    return args[0].detach()


def _set_data(
    recorder: Recorder, func: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Any:
    if recorder.real:
        message = (
            f"{recorder.where()} assigns to Tensor.data, which would change the model; "
            f"replace it by copy_()."
        )
        raise recorder.refuse(message)
    func(*args, **kwargs)
    recorder.become(args[0], args[1])


def _device(
    recorder: Recorder, func: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Any:
    # Where the tensor lies in the eager run that is analysed.
    return CPU


def _is_on_cpu(
    recorder: Recorder, func: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> bool:
    return True


def _is_elsewhere(
    recorder: Recorder, func: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> bool:
    return False


def _device_index(
    recorder: Recorder, func: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> int:
    return -1


def _type(
    recorder: Recorder, func: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Any:
    """Return the legacy name of a tensor's type, or the tensor as another one."""
    tensor, *rest = args
    wanted = rest[0] if rest else kwargs.get("dtype")
    if wanted is None:
        return str(func(tensor)).replace("torch.meta.", "torch.")
    if isinstance(wanted, str):
        wanted = getattr(torch, wanted.rpartition(".")[2], wanted)
    return tensor.to(getattr(wanted, "dtype", wanted))


def _index(
    recorder: Recorder, func: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Any:
    # The index lists of x[:, [0, 2]] would become tensors on the data-less device, values lost.
    tensor, key, *rest = args
    keys = tuple(_listed(k) for k in key) if isinstance(key, tuple) else _listed(key)
    return func(tensor, keys, *rest, **kwargs)


def _listed(key: Any) -> Any:
    if isinstance(key, (list, np.ndarray)) and np.asarray(key).dtype.kind in "biu":
        return torch.tensor(key, device=CPU)
    return key


_DATA = frozenset((torch.tensor, torch.as_tensor, torch.asarray, Tensor.new_tensor))
_SPECIAL: dict[Any, Callable[..., Any]] = {
    Tensor.__getitem__: _index,
    Tensor.__setitem__: _index,
    Tensor.tolist: _to_list,
    Tensor.numpy: _to_list,
    Tensor.__array__: _to_list,
    Tensor.apply_: _by_python,
    Tensor.map_: _by_python,
    Tensor.map2_: _by_python,
    Tensor.__dlpack__: _by_python,
    Tensor.tensor_split: _split_at,
    torch.tensor_split: _split_at,
    Tensor.to: _move,
    Tensor.cuda: _stay,
    Tensor.cpu: _stay,
    Tensor.data.__get__: _read_data,  # type: ignore[attr-defined]
    Tensor.data.__set__: _set_data,  # type: ignore[attr-defined]
    Tensor.device.__get__: _device,
    Tensor.is_cpu.__get__: _is_on_cpu,  # type: ignore[attr-defined]
    Tensor.is_meta.__get__: _is_elsewhere,  # type: ignore[attr-defined]
    Tensor.get_device: _device_index,
    Tensor.type: _type,
    **dict.fromkeys(LAYERS, recurrent_layer),
}


# --- final names --------------------------------------------------------------------------------


def assign_names(nodes: Sequence[fx.Node]) -> None:
    """Set ``meta["name"]`` of every node: module path and label, ``_1``, ``_2`` on repetition.

    A label of None is an operator named by its module alone. First uses are settled before
    repetitions, so that no repeated operator can take the name of a module.
    """
    taken: set[str] = set()
    repeated: list[tuple[fx.Node, str]] = []
    for node in nodes:
        meta = node.meta
        label, base = meta.pop("label"), meta["module"]
        if node.op != "call_function" or meta.pop("own_name", False):
            base = label
        elif label is not None:
            base = f"{base}.{label}" if base else label
        if base in taken:
            repeated.append((node, base))
        else:
            taken.add(base)
            meta["name"] = base
    counts: dict[str, int] = {}
    for node, base in repeated:
        count = counts.get(base, 0) + 1
        while f"{base}_{count}" in taken:
            count += 1
        counts[base] = count
        name = f"{base}_{count}"
        taken.add(name)
        node.meta["name"] = name
