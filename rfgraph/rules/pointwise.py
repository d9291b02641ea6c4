"""Elementwise operators, with broadcasting; also what only copies, fills or relabels."""

from __future__ import annotations

from rfgraph.geometry.axis_map import SAME
from rfgraph.geometry.tensor_map import Axes, AxisRead
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


def per_channel(call: Call) -> PerOutput:
    """Rounded with a scale and a zero point per position of one axis; also a mask."""
    source, axis = call["self"], call["axis"]
    reads = [Read(source, broadcast(shape(source), call.out))]
    settings = Axes((AxisRead(axis, SAME),))
    reads += [Read(call[name], settings) for name in ("scale", "zero_point")]
    return PerOutput((reads, reads))


RULES: dict[str, Rule] = {
    **dict.fromkeys(
        [
            "aten.clone",
            "aten.alias",
            "aten.detach",
            "aten.lift_fresh",
            "aten.contiguous",
            "aten._to_copy",
            "aten.to",
            "aten.expand",
            "aten.broadcast_to",
            "aten._conj",
            "aten.conj",
            "aten.prelu",
            "aten._prelu_kernel",
            "aten.glu_jvp",
            "aten.nan_to_num",
            "aten.clamp",
            "aten.bernoulli.p",
            "aten.lerp",
            "aten.hardswish",
            "aten.floor_divide",
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
    "aten.rrelu_with_noise_functional": both,
    "aten.fake_quantize_per_tensor_affine_cachemask": both,
    "aten._fake_quantize_per_tensor_affine_cachemask_tensor_qparams": both,
    "aten.fake_quantize_per_channel_affine_cachemask": per_channel,
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
            "aten.new_zeros",
            "aten.new_ones",
            "aten.new_full",
            "aten.new_empty",
            "aten.new_empty_strided",
            "aten._assert_async",
        ],
        shape_only,
    ),
}
