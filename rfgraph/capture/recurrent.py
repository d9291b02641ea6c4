"""Recurrent layers as one operator: PyTorch takes them apart, step by step, before modes see them.

``nn.LSTM``, ``nn.GRU`` and ``nn.RNN`` call functions that a function mode does see. There the layer
is recorded as the ATen operator that it is. Scripted modules call it where nothing is seen, and
their steps are recorded.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, fx
from torch._ops import OpOverload, OpOverloadPacket
from torch.nn import Parameter
from torch.utils._pytree import tree_leaves

from rfgraph.capture.recorder import Recorder

aten = torch.ops.aten

_PACKETS: dict[Any, OpOverloadPacket] = {
    torch.lstm: aten.lstm,
    torch.gru: aten.gru,
    torch.rnn_tanh: aten.rnn_tanh,
    torch.rnn_relu: aten.rnn_relu,
}

LAYERS: tuple[Callable[..., Any], ...] = (
    *_PACKETS,
    *_PACKETS.values(),
    *(packet.input for packet in _PACKETS.values()),
    *(packet.data for packet in _PACKETS.values()),
)
"""The functions that run a recurrent layer, as `nn.LSTM`, exported programs and users call them."""

_ARGUMENTS = 9
_WEIGHTS, _PACKED_WEIGHTS = 2, 3


def recurrent_layer(
    recorder: Recorder, func: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Any:
    """Return the results of a recurrent layer, recorded as one operator where that is exact.

    Recorded step by step are layers whose weights are computed from the input, as there alone it
    is seen which step reads which weight; and calls on tensor subclasses or inside the transforms
    of ``torch.func``.
    """
    if kwargs or len(args) != _ARGUMENTS:
        return func(*args, **kwargs)
    # Elsewhere it says here whether there are biases.
    packed = isinstance(args[_PACKED_WEIGHTS], (list, tuple))
    # Interpreted graphs give lists of their own kind.
    given = tuple(list(arg) if isinstance(arg, (list, tuple)) else arg for arg in args)
    if not all(map(_is_plain, tree_leaves(given))):
        return func(*args)
    weights = _PACKED_WEIGHTS if packed else _WEIGHTS
    if _depends_on_input([recorder.find(weight) for weight in given[weights]]):
        return func(*args)
    return recorder.whole(_overload(func, packed=packed), given)


def _overload(func: Callable[..., Any], *, packed: bool) -> OpOverload:
    """The operator on packed or on padded sequences."""
    if isinstance(func, OpOverload):
        return func
    packet = func if isinstance(func, OpOverloadPacket) else _PACKETS[func]
    overload: OpOverload = packet.data if packed else packet.input
    return overload


def _is_plain(arg: Any) -> bool:
    if not isinstance(arg, Tensor):
        return True
    wrapped = torch._C._functorch.is_functorch_wrapped_tensor(arg)
    return type(arg) in (Tensor, Parameter) and not wrapped


def _depends_on_input(nodes: Sequence[fx.Node]) -> bool:
    seen: set[fx.Node] = set()
    pending = list(nodes)
    while pending:
        node = pending.pop()
        if node.op == "placeholder":
            return True
        if node not in seen:
            seen.add(node)
            pending.extend(node.all_input_nodes)
    return False
