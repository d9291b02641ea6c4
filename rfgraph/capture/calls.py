"""Which module is executing, and what each call of a module returned."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import Any

from torch import Tensor, fx, nn
from torch.utils._pytree import tree_flatten, tree_unflatten

from rfgraph.capture.names import FunctionNames
from rfgraph.capture.outputs import first_tensor, unwrapped
from rfgraph.capture.patch import Patch
from rfgraph.capture.recorder import Recorder
from rfgraph.errors import CaptureError


class ModuleCalls:
    """Follows the calls of the modules in ``paths``.

    Attributes:
        nodes: Module path to the nodes of the first tensors that its calls returned.
        error, failed: The exception under way, and the path of the module that raised it.
    """

    def __init__(
        self,
        recorder: Recorder,
        functions: FunctionNames,
        paths: Mapping[int, str],
        opaque: tuple[type[nn.Module], ...] = (),
    ) -> None:
        self.recorder = recorder
        self.functions = functions
        self.paths = paths
        self.opaque = opaque
        self.inside = False
        self.nodes: dict[str, list[fx.Node]] = {}
        self.error: BaseException | None = None
        self.failed = ""

    def call(self, module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Return what ``module`` returns, noting which node that is."""
        plain: Callable[..., Any] = module._call_impl
        recorder, functions = self.recorder, self.functions
        if self.inside:
            return plain(*args, **kwargs)
        path = self.paths.get(id(module))
        if isinstance(module, self.opaque):
            return self._whole(module, path, args, kwargs)
        if path is None:
            return plain(*args, **kwargs)
        outer, outer_leaf = recorder.module, functions.in_leaf
        leaf = path != "" and is_leaf(type(module))
        start = len(recorder.nodes)
        recorder.module, functions.in_leaf = path, leaf
        try:
            out = plain(*args, **kwargs)
            tensor = out if type(out) is Tensor else first_tensor(out)
            if tensor is not None:
                inner = unwrapped(tensor)
                node = recorder.chosen(inner, start)
                if inner is tensor:
                    # Under vmap a call returns no tensor of the graph's shape.
                    self.nodes.setdefault(path, []).append(node)
                if leaf and len(recorder.nodes) > start and node.meta["label"] is not None:
                    self._claim(node, start)
        except BaseException as error:
            if self.error is not error:
                self.error, self.failed = error, path
            raise
        finally:
            recorder.module, functions.in_leaf = outer, outer_leaf
        return out

    def _whole(
        self, module: nn.Module, path: str | None, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        """Return what ``module`` returns, recorded as one call.

        Its insides are recorded as well, and dropped in the end unless something else reads
        them: a tensor that it keeps for another module, or a write to one of its inputs.
        """
        plain: Callable[..., Any] = module._call_impl
        recorder = self.recorder
        outer, start = recorder.module, len(recorder.nodes)
        inputs, options = recorder.lowered(args, kwargs)
        recorder.module = path if path is not None else outer
        self.inside = True
        try:
            out = plain(*args, **kwargs)
            leaves, structure = tree_flatten(out)
            _check_results(leaves, module, path)
            made = recorder.opaque(module, inputs, options, leaves, start)
            first = next(tensor for tensor in made if tensor is not None)
            if path is not None:
                self.nodes.setdefault(path, []).append(recorder.find(first))
        except BaseException as error:
            if self.error is not error:
                self.error, self.failed = error, path or ""
            raise
        finally:
            self.inside = False
            recorder.module = outer
        return tree_unflatten(made, structure)

    def _claim(self, node: fx.Node, start: int) -> None:
        """Name ``node`` by the leaf module alone, if it was made during this call of it."""
        if node.op != "call_function":
            return
        if node in self.recorder.nodes[start:]:
            node.meta["label"] = None
            node.meta["module"] = self.recorder.module


def _check_results(leaves: list[Any], module: nn.Module, path: str | None) -> None:
    strange = [leaf for leaf in leaves if not isinstance(leaf, Tensor | None)]
    if strange or not any(isinstance(leaf, Tensor) for leaf in leaves):
        found = type(strange[0]).__name__ if strange else "no tensor"
        message = (
            f"Module {path!r} ({type(module).__name__}) has a rule and returned {found}; a module "
            "with a rule returns a tensor or a tuple of tensors."
        )
        raise CaptureError(message)


_LEAVES: dict[type, bool] = {}


def is_leaf(kind: type) -> bool:
    """Return True for the layers of ``torch.nn``, which fx and torchvision do not look into."""
    leaf = _LEAVES.get(kind)
    if leaf is None:
        home = kind.__module__
        inside = home.startswith(("torch.nn", "torch.ao.nn"))
        leaf = _LEAVES[kind] = inside and not issubclass(kind, nn.Sequential)
    return leaf


def _watched_call(module: nn.Module, *args: Any, **kwargs: Any) -> Any:
    calls = _patch.listener()
    if calls is None:
        # Another thread's call: whatever it found, a compiled module's too.
        return _patch.found["__call__"](module, *args, **kwargs)
    return calls.call(module, args, kwargs)


_patch: Patch[ModuleCalls] = Patch((nn.Module, "__call__", _watched_call))


def watching(calls: ModuleCalls) -> AbstractContextManager[None]:
    """Let ``calls`` see every module call of this thread."""
    return _patch.heard_by(calls)
