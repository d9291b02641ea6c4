"""What a capture returns: the operator graph and the names that lead into it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import fx, nn


class TensorSpec(NamedTuple):
    """Everything known about a tensor that holds no data."""

    shape: tuple[int, ...]
    dtype: torch.dtype
    stride: tuple[int, ...]


@dataclass(frozen=True)
class Recording:
    """The functional operator graph of one call of a model.

    Nodes are ``placeholder``, ``get_attr``, ``call_function`` (an ``OpOverload`` or
    ``operator.getitem``) and one ``output``. Each of them but ``output`` carries in ``meta``:

    - ``spec``: a `TensorSpec`, or a tuple of `TensorSpec | None` for an operator with
      several results (their users are ``operator.getitem`` nodes),
    - ``name``: the unique human name (``layer1.0.conv1``),
    - ``module``: path of the innermost module that was executing (``""`` is the root),
    - ``value`` (``get_attr`` only): the user's own tensor, or None when it holds no data.

    Attributes:
        graph: The operators in execution order; no operator writes or aliases.
        inputs: Input name to placeholder, in the order of the forward signature.
        outputs: Flattened output name to node; ``"output"`` when there is a single tensor.
        modules: Module path to the node of the first tensor each call of it returned. The
            node may lie outside the module (pass-through modules) and may be shared.
        module_types: Module path to class name, for every registered module.
        source: How it was captured: ``meta``, ``real``, ``exported`` or ``graph_module``.
        escapes: Nodes whose values Python code read (``item``, ``tolist``, ``numpy``, ``if``) in
            a real capture; what was recorded after them may depend on them unseen.
        opaque: Classes whose modules were recorded as one node each.
    """

    graph: fx.Graph
    inputs: Mapping[str, fx.Node]
    outputs: Mapping[str, fx.Node]
    modules: Mapping[str, tuple[fx.Node, ...]]
    module_types: Mapping[str, str]
    source: str
    escapes: tuple[fx.Node, ...] = ()
    opaque: tuple[type[nn.Module], ...] = ()
