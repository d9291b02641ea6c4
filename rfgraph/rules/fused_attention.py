"""Attention as one operator, as graphs hold it that were exported for a device.

A model that is run is recorded in smaller operators (see `rfgraph.capture.recorder`), so that
these stand in exported programs only. All take (batch, heads, tokens, channels).
"""

from __future__ import annotations

from rfgraph.geometry.axis_map import SAME, AxisMap
from rfgraph.geometry.index_set import interval
from rfgraph.geometry.periodic import Finite
from rfgraph.geometry.tensor_map import WHOLE, Axes, AxisRead
from rfgraph.rules.axes import broadcast
from rfgraph.rules.call import Call, PerOutput, Read, Reads, Rule, shape

_MASK = "a mask of a fused attention is not followed"


def attention(call: Call) -> PerOutput:
    """Each query reads its own channels, every key, and one channel of every value.

    With ``is_causal`` query i reads keys and values 0 … i. A mask may cut more than is followed.
    The second result sums up the scores of each query; the others say how dropout was drawn.
    """
    query, key, value = call["query"], call["key"], call["value"]
    bias = call.get("attn_bias", call.get("attn_mask"))
    caveat = None if bias is None else _MASK
    gone = AxisRead(None, WHOLE)
    lead = (AxisRead(0, SAME), AxisRead(1, SAME))
    tokens = gone
    if call["is_causal"]:
        tokens = AxisRead(2, _causal(shape(query)[2], shape(key)[2]))
    scores = [
        Read(query, Axes((*lead, AxisRead(2, SAME), gone))),
        Read(key, Axes((*lead, tokens, gone)), caveat),
    ]
    if bias is not None:
        wide = (*call.out[:3], shape(key)[2])
        reads = list(broadcast(shape(bias), wide).reads)
        reads[-1] = gone
        scores.append(Read(bias, Axes(tuple(reads)), caveat))
    mixed = [*scores, Read(value, Axes((*lead, tokens, AxisRead(3, SAME))), caveat)]
    return PerOutput((mixed, scores, *((),) * (len(call.outs()) - 2)))


def _causal(queries: int, keys: int) -> AxisMap:
    """Query i reads keys 0 … i."""
    return AxisMap(Finite(tuple(interval(0, min(i, keys - 1)) for i in range(queries))))


def masked_softmax(call: Call) -> Reads:
    """The axis as a whole; what the mask cuts is not followed."""
    source, mask = call["self"], call["mask"]
    rank = len(shape(source))
    axis = (rank - 1 if call["dim"] is None else call["dim"]) % rank
    mixed = Axes(tuple(AxisRead(k, WHOLE if k == axis else SAME) for k in range(rank)))
    everywhere = Axes((AxisRead(None, WHOLE),) * len(shape(mask)))
    return [Read(source, mixed, _MASK), Read(mask, everywhere, _MASK)]


RULES: dict[str, Rule] = {
    **dict.fromkeys(
        [
            "aten._scaled_dot_product_cudnn_attention",
            "aten._scaled_dot_product_efficient_attention",
            "aten._scaled_dot_product_flash_attention",
            "aten._scaled_dot_product_flash_attention_for_cpu",
            "aten._scaled_dot_product_fused_attention_overrideable",
        ],
        attention,
    ),
    "aten._masked_softmax": masked_softmax,
}
