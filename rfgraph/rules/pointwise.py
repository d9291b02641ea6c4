"""Elementwise operators, with broadcasting; also what only copies, fills or relabels."""

from __future__ import annotations

import numpy as np
from torch import fx

from rfgraph.geometry.axis_map import SAME
from rfgraph.geometry.tensor_map import Axes, AxisRead, Chain, Masked
from rfgraph.rules.axes import broadcast
from rfgraph.rules.call import Call, PerOutput, Read, Reads, Rule, shape


def pointwise(call: Call) -> Reads:
    """Each output element reads the element of every operand at its own position."""
    out = call.out
    return [Read(node, broadcast(shape(node), out)) for node in call.tensors()]


def overwritten(call: Call) -> Reads:
    """The output is a copy of the source; the target gives only its shape."""
    source = call["src"]
    return [Read(source, broadcast(shape(source), call.out))]


def filled(call: Call) -> Reads:
    """The output is the fill value everywhere."""
    value = call["value"]
    return [Read(value, broadcast(shape(value), call.out))] if hasattr(value, "meta") else ()


def shape_only(call: Call) -> Reads:
    """The output takes its shape from the input and none of its values."""
    del call
    return ()


def dropout(call: Call) -> PerOutput:
    """Output and mask; the mask is random, not computed from the input."""
    source = call["input"]
    return PerOutput(([Read(source, broadcast(shape(source), call.out))], ()))


def two_outputs(call: Call) -> PerOutput:
    """An elementwise result and a buffer that serves its gradient."""
    return PerOutput((pointwise(call), ()))


def both(call: Call) -> PerOutput:
    """An elementwise result and an elementwise mask of it."""
    reads = pointwise(call)
    return PerOutput((reads, reads))


def per_channel(call: Call) -> Reads:
    """Rounded with a scale and a zero point per position of one axis."""
    source, axis = call["self"], call["axis"]
    settings = Axes((AxisRead(axis % len(call.out), SAME),))
    return [
        Read(source, broadcast(shape(source), call.out)),
        *(Read(call[name], settings) for name in ("scale", "zero_point")),
    ]


def per_channel_with_mask(call: Call) -> PerOutput:
    """As :func:`per_channel`; also a mask of what was not cut off."""
    reads = per_channel(call)
    return PerOutput((reads, reads))


def between(call: Call) -> Reads:
    """Steps from one number to another: the first is the start alone, the last the end alone."""
    (count,) = call.out
    reads = []
    for name, gone in (("start", count - 1 if count > 1 else None), ("end", 0)):
        node = call[name]
        if not isinstance(node, fx.Node):
            continue
        keep = np.array([place != gone for place in range(count)])
        spread = broadcast(shape(node), call.out)
        reads.append(Read(node, Chain(((spread, call.out), (Masked(keep), call.out)))))
    return reads


def drawn_with(call: Call) -> Reads:
    """Draws with the probabilities ``p``; the tensor itself gives only its shape."""
    source = call["p"]
    return [Read(source, broadcast(shape(source), call.out))]


RULES: dict[str, Rule] = {
    **dict.fromkeys(
        [
            "aten.clone",
            "aten.alias",
            "aten.detach",
            "aten.lift_fresh",
            "aten.lift_fresh_copy",
            "aten._lazy_clone",
            "aten._pin_memory",
            "aten.contiguous",
            "aten._to_copy",
            "aten.to",
            "aten.expand",
            "aten.broadcast_to",
            "aten._conj",
            "aten._neg_view",
            "aten.conj",
            "aten.prelu",
            "aten._prelu_kernel",
            "aten.nan_to_num",
            "aten.clamp",
            "aten._add_relu",
            "aten._fake_quantize_learnable_per_tensor_affine",
            "aten.rsub",
            "aten.hardswish",
            "aten.floor_divide",
            "aten._conj_physical",  # without the tag until PyTorch 2.9, as the next
            "aten.leaky_relu",
            "aten.rrelu_with_noise",
            "aten.polar",
            "aten.real",
            "aten.imag",
            "aten.complex",
            "aten.bernoulli.default",
            "aten.binomial",
            "aten.normal",
            "aten.poisson",
            "aten._standard_gamma",
        ],
        pointwise,
    ),
    "aten.copy": overwritten,
    "aten.fill": filled,
    "aten.native_dropout": dropout,
    "aten._fused_dropout": dropout,
    "aten.rrelu_with_noise_functional": both,
    "aten.rrelu_with_noise_": both,
    "aten.fake_quantize_per_tensor_affine_cachemask": both,
    "aten._fake_quantize_per_tensor_affine_cachemask_tensor_qparams": both,
    "aten.fake_quantize_per_channel_affine_cachemask": per_channel_with_mask,
    "aten._fake_quantize_learnable_per_channel_affine": per_channel,
    "aten.bernoulli.Tensor": drawn_with,
    "aten.linspace": between,
    "aten.logspace": between,
    "aten.log_sigmoid_forward": two_outputs,
    **dict.fromkeys(
        [
            "aten.zero",
            "aten.zeros_like",
            "aten.ones_like",
            "aten.full_like",
            "aten.empty_like",
            "aten.rand_like",
            "aten.randn_like",
            "aten.randint_like",
            "aten.bernoulli.p",
            "aten.cauchy",
            "aten.exponential",
            "aten.geometric",
            "aten.log_normal",
            "aten.normal_functional",
            "aten.random",
            "aten.uniform",
            "aten.new_zeros",
            "aten.new_ones",
            "aten.new_full",
            "aten.new_empty",
            "aten.new_empty_strided",
            "aten._assert_async",
            "aten._functional_assert_async",
            "aten._functional_assert_scalar",
        ],
        shape_only,
    ),
}
