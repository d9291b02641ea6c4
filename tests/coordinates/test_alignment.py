"""Grids are where fields are; anchors and branches are compared with them."""

from fractions import Fraction

import pytest
import torch
import torchvision
from torch import nn
from torch.nn import functional
from torchvision.models.detection.anchor_utils import AnchorGenerator
from torchvision.models.detection.image_list import ImageList

import rfgraph
from rfgraph.errors import AlignmentError

MODELS = {
    "odd": nn.Sequential(nn.Conv1d(1, 1, 3, 2, 1), nn.Conv1d(1, 1, 5, 3, 2)),
    "even": nn.Sequential(nn.Conv1d(1, 1, 2, 2), nn.Conv1d(1, 1, 4, 2, 1)),
    "transposed": nn.Sequential(nn.Conv1d(1, 1, 3, 2, 1), nn.ConvTranspose1d(1, 1, 4, 4, 1)),
    "linear": nn.Sequential(nn.Conv1d(1, 1, 3, 3), nn.Upsample(scale_factor=2, mode="linear")),
    "nearest": nn.Upsample(scale_factor=3, mode="nearest"),
}


@pytest.mark.parametrize("name", MODELS)
def test_grid_is_where_the_fields_are(name):
    """The centre of every inner element is the middle of its exact region; maps invert."""
    analysis = rfgraph.analyze(MODELS[name], (1, 1, 96))
    node = analysis.output()
    grid = rfgraph.alignment(analysis).levels[0].axes[0]
    inner = range(node.shape[2] // 3, 2 * node.shape[2] // 3)
    for o in inner:
        ((first, last),) = node.region(o).hull
        assert grid.center_of(o) == Fraction(first + last, 2)
        assert grid.to_feature(grid.to_input(o)) == o
    assert sum(grid.phases) == 0


def test_half_pixel_shifts():
    """Even windows keep cells on cells; odd windows keep element 0 on pixel 0."""
    even = rfgraph.alignment(rfgraph.analyze(nn.Conv1d(1, 1, 2, 2), (1, 1, 16))).levels[0].axes[0]
    assert (even.shift_from_edges, even.shift_from_corner) == (0, Fraction(1, 2))
    odd = rfgraph.alignment(rfgraph.analyze(nn.Conv1d(1, 1, 3, 2, 1), (1, 1, 16))).levels[0].axes[0]
    assert (odd.shift_from_edges, odd.shift_from_corner) == (Fraction(-1, 2), 0)
    corners = nn.Upsample(scale_factor=2, mode="linear", align_corners=True)
    grid = rfgraph.alignment(rfgraph.analyze(corners, (1, 1, 5))).levels[0].axes[0]
    assert (grid.stride, grid.to_input(9)) == (Fraction(4, 9), grid.offset + 4)


def anchors_of(levels, size):
    """The centres (x) of the first row of torchvision's anchors on feature maps of these shapes."""
    generator = AnchorGenerator(((32,),) * len(levels), ((1.0,),) * len(levels))
    maps = [torch.zeros(level.shape) for level in levels]
    images = ImageList(torch.zeros(1, 3, size, size), [(size, size)])
    boxes = generator(images, maps)[0].split([m.shape[2] * m.shape[3] for m in maps])
    return [((b[:, 0] + b[:, 2]) / 2)[: m.shape[3]] for b, m in zip(boxes, maps, strict=True)]


def test_anchors_of_retinanet():
    """RetinaNet's levels against the anchors that torchvision puts on them.

    Strides agree. torchvision centres the anchor of element o on ``stride * o`` in box coordinates:
    half a pixel before the centre of the field in the backbone's own levels, P5, P6 and P7. In P4
    and P3 the nearest upsampling of the coarser level reads ``floor(o / 2)``, so fields reach
    further left: by 8 and 12 pixels on average, 16 for one element of two in P4.
    """
    detector = torchvision.models.detection.retinanet_resnet50_fpn(
        weights=None, weights_backbone=None
    )
    analysis = rfgraph.analyze(detector.backbone, (1, 3, 256, 256))
    pyramid = rfgraph.alignment(analysis)
    own = rfgraph.alignment(analysis, ["body.layer2", "body.layer3", "body.layer4"])
    assert [level.stride for level in pyramid.levels] == [(s, s) for s in (8, 16, 32, 64, 128)]
    halves = [Fraction(-23, 2), Fraction(-15, 2), *[Fraction(1, 2)] * 3]
    assert [level.box_offset for level in pyramid.levels] == [(h, h) for h in halves]
    assert pyramid.levels[1].axes[0].phases == (-8, 8)
    for level, anchors in zip(pyramid.levels, anchors_of(pyramid.levels, 256), strict=True):
        expected = [float(level.axes[1].stride * o) for o in range(level.shape[3])]
        assert anchors.tolist() == expected
    for level in own.levels:
        assert level.box_offset == (Fraction(1, 2), Fraction(1, 2))
    assert {shift.source for shift in pyramid.shifts} == {"fpn.interpolate", "fpn.interpolate_1"}


class Skip(nn.Module):
    """A valid convolution and a skip that was cropped on one side only, until it is fixed."""

    def __init__(self, pad=0):
        super().__init__()
        self.conv = nn.Conv1d(1, 1, 5)
        self.skip = nn.Conv1d(1, 1, 1)
        self.pad = pad

    def forward(self, x):
        skip = self.skip(x[:, :, : x.shape[2] - 4])
        return self.conv(x) + functional.pad(skip, (self.pad, -self.pad))


def test_the_fix_aligns():
    """The padding that is suggested, applied, leaves no shift."""
    (shift,) = rfgraph.alignment(rfgraph.analyze(Skip(), (1, 1, 40))).shifts
    assert (shift.pixels, shift.pad) == (-2, -2)
    assert "crop it by 2 before and pad 2 after" in shift.fix
    assert rfgraph.alignment(rfgraph.analyze(Skip(shift.pad), (1, 1, 40))).shifts == ()


def test_half_an_element_has_no_padding_that_fixes_it():
    """Strided windows of kernel 1 and 3 without padding lie half an element apart."""

    class Strided(nn.Module):
        def __init__(self):
            super().__init__()
            self.one, self.three = nn.Conv1d(1, 1, 1, 2), nn.Conv1d(1, 1, 3, 2)

        def forward(self, x):
            return self.one(x[:, :, :-2]) + self.three(x)

    (shift,) = rfgraph.alignment(rfgraph.analyze(Strided(), (1, 1, 41))).shifts
    assert (shift.pixels, shift.elements, shift.pad) == (1, Fraction(1, 2), None)
    assert "1/2 of an element, which no whole padding makes up" in shift.fix


def test_misuse():
    """A global node has no grid; an unknown level is named with the known ones."""
    model = nn.Sequential(nn.Conv1d(1, 1, 3), nn.AdaptiveAvgPool1d(1))
    analysis = rfgraph.analyze(model, (1, 1, 20))
    with pytest.raises(AlignmentError, match="1 has no grid along input axis 2"):
        rfgraph.alignment(analysis)
    with pytest.raises(AlignmentError, match="the levels are 0"):
        rfgraph.alignment(analysis, "0")["nobody"]
