"""Losses: elementwise, or one number of everything, as their ``reduction`` says."""

from __future__ import annotations

from rfgraph.geometry.axis_map import SAME
from rfgraph.geometry.tensor_map import WHOLE, Axes, AxisRead
from rfgraph.rules.axes import reduced
from rfgraph.rules.call import Call, PerOutput, Read, Reads, Rule, shape
from rfgraph.rules.pointwise import pointwise

_CHOSEN = "the target chooses the class"
_LENGTHS = "how long each sequence is is not followed"


def _everything(call: Call) -> Reads:
    return [
        Read(node, reduced(len(shape(node)), tuple(range(len(shape(node)))), keepdim=False))
        for node in call.tensors()
    ]


def elementwise(call: Call) -> Reads:
    """A loss per element (``reduction`` 0), or their mean or sum."""
    return pointwise(call) if call.get("reduction", 1) == 0 else _everything(call)


def distance(call: Call) -> Reads:
    """One number of all elements of both."""
    return _everything(call)


def negative_likelihood(call: Call) -> PerOutput:
    """The class that the target names: axis 1 of (N, C, …), or axis 0 of (C)."""
    source, target, weight = call["self"], call["target"], call["weight"]
    everything = _everything(call)
    total = [Read(n, r.map) for r in everything for n in [r.source] if n is not source]
    if call["reduction"] != 0 or len(shape(source)) == 1:
        return PerOutput((everything, total))
    reads = [
        AxisRead(None, WHOLE) if k == 1 else AxisRead(k - (k > 1), SAME)
        for k in range(len(shape(source)))
    ]
    own = [
        Read(source, Axes(tuple(reads)), _CHOSEN),
        Read(target, Axes(tuple(AxisRead(k, SAME) for k in range(len(shape(target)))))),
    ]
    if weight is not None:
        own.append(Read(weight, Axes((AxisRead(None, WHOLE),)), _CHOSEN))
    return PerOutput((own, total))


def per_sample(call: Call) -> Reads | PerOutput:
    """A loss per row of (N, C): whole over the classes."""
    if call["reduction"] != 0 or len(shape(call["self"])) == 1:
        reads: Reads = _everything(call)
    else:
        reads = [
            Read(
                call[name],
                Axes(
                    tuple(
                        AxisRead(0, SAME) if k == 0 else AxisRead(None, WHOLE)
                        for k in range(len(shape(call[name])))
                    ),
                ),
            )
            for name in ("self", "target")
        ]
    outs = call.outs()
    return reads if len(outs) == 1 else PerOutput((reads,) * len(outs))


def alignment(call: Call) -> PerOutput:
    """A loss per sequence of (T, N, C), and the (N, T, S) sums of its alignments up to t.

    Steps after a sequence's own length are not read; which those are is not followed. Targets may
    stand one behind the other, so that all of them count.
    """
    source = call["log_probs"]
    batched = len(shape(source)) == 3
    own = [AxisRead(None, WHOLE), AxisRead(0, SAME), AxisRead(None, WHOLE)]
    reads = [Read(source, Axes(tuple(own if batched else own[::2])), _LENGTHS)]
    reads += [
        Read(node, Axes((AxisRead(None, WHOLE),) * len(shape(node))), _LENGTHS)
        for node in call.tensors()
        if node is not source
    ]
    return PerOutput((reads,) * 2)


RULES: dict[str, Rule] = {
    **dict.fromkeys(
        [
            "aten.binary_cross_entropy",
            "aten.binary_cross_entropy_with_logits",
            "aten.huber_loss",
            "aten.mse_loss",
            "aten.smooth_l1_loss",
            "aten.soft_margin_loss",
        ],
        elementwise,
    ),
    "aten._ctc_loss": alignment,
    "aten.dist": distance,
    "aten.nll_loss_forward": negative_likelihood,
    "aten.nll_loss2d_forward": negative_likelihood,
    "aten.multi_margin_loss": per_sample,
    "aten.multilabel_margin_loss_forward": per_sample,
}
