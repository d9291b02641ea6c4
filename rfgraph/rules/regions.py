"""The operators of torchvision whose sampling positions are themselves computed: sound bounds."""

from __future__ import annotations

from rfgraph.geometry.axis_map import SAME
from rfgraph.geometry.movement import blocks
from rfgraph.geometry.tensor_map import WHOLE, Axes, AxisRead
from rfgraph.rules.axes import vector
from rfgraph.rules.call import Call, PerOutput, Read, Reads, Rule, shape

_OFFSETS = "where a deformable convolution samples is computed"
_BOXES = "which region is pooled is computed"
_KEPT = "which boxes are kept is computed"


def deform_conv2d(call: Call) -> Reads:
    """Anywhere in the image; offsets and modulation at the output's own position."""
    image, weight = call["input"], call["weight"]
    groups = shape(image)[1] // shape(weight)[1]
    out_channels = shape(weight)[0]
    channel = (
        AxisRead(None, WHOLE)
        if groups == 1
        else AxisRead(1, blocks(shape(weight)[1], out_channels // groups))
    )
    here = Axes((AxisRead(0, SAME), AxisRead(None, WHOLE), AxisRead(2, SAME), AxisRead(3, SAME)))
    reads = [
        Read(
            image,
            Axes((AxisRead(0, SAME), channel, AxisRead(2, WHOLE), AxisRead(3, WHOLE))),
            _OFFSETS,
        ),
        Read(weight, Axes((AxisRead(1, SAME), *(AxisRead(None, WHOLE),) * 3))),
        Read(call["offset"], here),
        Read(call["bias"], vector(1)),
    ]
    return [*reads, Read(call["mask"], here)] if call["use_mask"] else reads


def pooled_regions(call: Call) -> Reads | PerOutput:
    """(N, C, H, W) and boxes (K, 5) to (K, C, h, w): any sample, anywhere in it."""
    image, boxes = call["input"], call["rois"]
    count = shape(image)[1] // call.out[1] if call.out[1] else 1
    channel = AxisRead(1, SAME) if count == 1 else AxisRead(1, blocks(count, 1))
    somewhere = (AxisRead(2, WHOLE), AxisRead(3, WHOLE))
    reads = [
        Read(image, Axes((AxisRead(None, WHOLE), channel, *somewhere)), _BOXES),
        Read(boxes, Axes((AxisRead(0, SAME), AxisRead(None, WHOLE)))),
    ]
    outs = call.outs()
    return reads if len(outs) == 1 else PerOutput((reads,) * len(outs))


def nms(call: Call) -> Reads:
    """Every box and score has a say in which are kept."""
    return [
        Read(node, Axes((AxisRead(None, WHOLE),) * len(shape(node))), _KEPT)
        for node in call.tensors()
    ]


def overlaps(call: Call) -> Reads:
    """(n, 5) and (m, 5) boxes to (n, m): each of the first with each of the second."""
    return [
        Read(call["boxes1"], Axes((AxisRead(0, SAME), AxisRead(None, WHOLE)))),
        Read(call["boxes2"], Axes((AxisRead(1, SAME), AxisRead(None, WHOLE)))),
    ]


RULES: dict[str, Rule] = {
    "torchvision.box_iou_rotated": overlaps,
    "torchvision.deform_conv2d": deform_conv2d,
    "torchvision.roi_align": pooled_regions,
    "torchvision.roi_pool": pooled_regions,
    "torchvision.ps_roi_align": pooled_regions,
    "torchvision.ps_roi_pool": pooled_regions,
    "torchvision.nms": nms,
}
