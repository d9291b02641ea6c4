"""The published receptive fields of well-known networks.

Sources: the specification's section 7, and the table of Araujo, Norris and Sim (Distill 2019) for
TF-Slim networks, in `tests/data/published-fields.yaml`.

Slim pads as TensorFlow's SAME does: of an odd total, the extra pixel goes behind, so a window of
3 with stride 2 starts at an even input's first pixel. PyTorch's layers pad both sides alike. Sizes
and strides never differ for that reason; effective paddings do, and each test says by how much.
"""

from __future__ import annotations

from functools import cache

import pytest
from torch import nn
from torchvision.models.resnet import Bottleneck

import rfgraph
from tests.models.inception_v2 import InceptionV2
from tests.models.zoo import PUBLISHED, timm_model, torchvision_model, without_data

EXACT = rfgraph.Status.EXACT
IMAGE = (1, 3, 224, 224)
IMAGE_299 = (1, 3, 299, 299)


@cache
def torchvision_analysis(name, shape=IMAGE):
    return rfgraph.analyze(torchvision_model(name), shape)


def square(node):
    """Size, jump and effective padding of a node whose field is exact and alike along H and W."""
    field = node.field
    assert node.status is EXACT
    assert len(set(field.size)) == len(set(field.jump)) == len(set(field.start)) == 1
    assert field.center[0] == field.start[0] + (field.size[0] - 1) / 2
    return field.size[0], field.jump[0], -field.start[0]


def published(network, endpoint):
    """The tabulated size, effective stride and effective padding of an end-point."""
    return tuple(PUBLISHED[network][endpoint])


def rows(network):
    """The end-points of a network, as a test's parameters."""
    return list(PUBLISHED[network])


# name, node, size, effective stride, effective padding
LAST_MAPS = [
    ("alexnet", "features", 195, 32, 66),
    ("vgg16", "features", 212, 32, 90),
    ("resnet18", "layer1", 43, 4, 21),
    ("resnet18", "layer2", 99, 8, 49),
    ("resnet18", "layer3", 211, 16, 105),
    ("resnet18", "layer4", 435, 32, 217),
    ("resnet34", "layer1", 59, 4, 29),
    ("resnet34", "layer2", 179, 8, 89),
    ("resnet34", "layer3", 547, 16, 273),
    ("resnet34", "layer4", 899, 32, 449),
    ("resnet50", "layer1", 35, 4, 17),
    ("resnet50", "layer2", 91, 8, 45),
    ("resnet50", "layer3", 267, 16, 133),
    ("resnet50", "layer4", 427, 32, 213),
    ("resnet101", "layer1", 35, 4, 17),
    ("resnet101", "layer2", 91, 8, 45),
    ("resnet101", "layer3", 811, 16, 405),
    ("resnet101", "layer4", 971, 32, 485),
    ("resnet152", "layer4", 1451, 32, 725),
    ("densenet121", "features", 2071, 32, 1021),
    ("densenet201", "features", 3863, 32, 1917),
    ("googlenet", "inception5b", 379, 32, 167),
    ("mobilenet_v2", "features", 491, 32, 245),
]


@pytest.mark.parametrize(("name", "node", "size", "stride", "padding"), LAST_MAPS)
def test_torchvision_feature_map(name, node, size, stride, padding):
    """A feature map of a torchvision CNN has the published size, and its stride and padding.

    ResNet-50 and deeper are smaller than in the literature (427 for 483) because torchvision puts
    the stride in the 3x3 and the paper in the 1x1 before it; see the Slim ResNets below. Paddings
    are the architecture's own: `(size - 1) / 2`, less where layers do not pad by half their window
    (the pools of AlexNet, VGG and GoogLeNet, the 2x2 pools of DenseNet's transitions).
    """
    node = torchvision_analysis(name)[node]
    assert not node.field.is_global
    assert square(node) == (size, stride, padding)


@pytest.mark.parametrize("side", [224, 448])
def test_sizes_do_not_depend_on_the_input(side):
    """Padding counts as virtual input: ResNet-50 is 427 on any image."""
    analysis = torchvision_analysis("resnet50", (1, 3, side, side))
    assert square(analysis["layer4"]) == (427, 32, 213)


def test_efficientnet_b0():
    """EfficientNet-B0 is 851 locally, and global from the first squeeze-and-excite on."""
    analysis = torchvision_analysis("efficientnet_b0")
    assert square(analysis["features"]) == (851, 32, 425)
    squeeze = "features.1.0.block.1.avgpool"
    assert analysis["features"].field.global_origins[0] == squeeze
    names = [node.name for node in analysis]
    first = names.index(squeeze)
    assert not any(node.field.is_global for node in analysis.nodes[:first])
    assert next(node for node in analysis if node.field.is_global).name == squeeze
    assert analysis["features.1"].field.is_global


def test_convnext_tiny():
    """ConvNeXt-Tiny's last feature map has a local field of 1688, by even patches of 4 and 2.

    LayerNorm over channels is local; the effective padding is that of the 7x7 windows alone,
    3 pixels of each of the strides 4, 8, 16 and 32 for 3, 3, 9 and 3 blocks.
    """
    node = torchvision_analysis("convnext_tiny")["features"]
    assert square(node) == (1688, 32, 3 * (3 * 4 + 3 * 8 + 9 * 16 + 3 * 32))
    assert not node.field.is_global


def test_deeplabv3_resnet50():
    """DeepLabv3's ASPP sees 1003 and its head 1019 besides the image pooling, which is global.

    The four local branches grow the backbone's 427 by their dilations at stride 8.
    """
    analysis = torchvision_analysis("deeplabv3_resnet50", (1, 3, 520, 520))
    branches = [square(analysis[f"classifier.0.convs.{k}"]) for k in range(4)]
    assert branches == [(427 + 16 * d, 8, 213 + 8 * d) for d in (0, 12, 24, 36)]
    assert analysis["classifier.0.convs.4"].field.local is None
    assert square(analysis["classifier.0.project"]) == (1003, 8, 501)
    head = analysis["classifier"]
    assert square(head) == (1019, 8, 509)
    assert head.field.global_origins == ("classifier.0.convs.4.0",)


# Slim's `pool` follows an activation here, and its convolutions carry theirs.
ALEXNET = {
    "alexnet_v2/conv1": "features.0",
    "alexnet_v2/pool1": "features.2",
    "alexnet_v2/conv2": "features.3",
    "alexnet_v2/conv3": "features.6",
    "alexnet_v2/conv4": "features.8",
    "alexnet_v2/conv5": "features.10",
    "alexnet_v2/pool5": "features.12",
}


@pytest.mark.parametrize("endpoint", rows("alexnet_v2"))
def test_alexnet_endpoint(endpoint):
    """AlexNet's end-points have Slim's sizes and strides, and 2 more pixels of padding.

    torchvision pads the first convolution by 2, Slim's is VALID: without that padding, the
    effective paddings agree as well.
    """
    size, stride, padding = published("alexnet_v2", endpoint)
    node = torchvision_analysis("alexnet")[ALEXNET[endpoint]]
    assert square(node) == (size, stride, padding + 2)
    valid = torchvision_model("alexnet")
    valid.features[0].padding = (0, 0)
    assert square(rfgraph.analyze(valid, IMAGE)[ALEXNET[endpoint]]) == (size, stride, padding)


def vgg_layer(model, endpoint):
    """The path in `features` of `vgg_16/conv3/conv3_1` or `vgg_16/pool3`."""
    stage, index = 1, 0
    for path, layer in model.features.named_children():
        index += isinstance(layer, nn.Conv2d)
        if isinstance(layer, nn.Conv2d) and endpoint.endswith(f"conv{stage}_{index}"):
            return f"features.{path}"
        if isinstance(layer, nn.MaxPool2d):
            if endpoint.endswith(f"pool{stage}"):
                return f"features.{path}"
            stage, index = stage + 1, 0
    raise LookupError(endpoint)


@pytest.mark.parametrize("endpoint", rows("vgg_16"))
def test_vgg_16_endpoint(endpoint):
    """VGG-16's end-points agree in size, stride and padding: SAME is symmetric here."""
    analysis = torchvision_analysis("vgg16")
    path = vgg_layer(torchvision_model("vgg16"), endpoint)
    assert square(analysis[path]) == published("vgg_16", endpoint)


INCEPTION_V3 = {
    "MaxPool_3a_3x3": "maxpool1",
    "MaxPool_5a_3x3": "maxpool2",
    "Conv2d_3b_1x1": "Conv2d_3b_1x1",
    "Mixed_5b": "Mixed_5b",
    "Mixed_5c": "Mixed_5c",
    "Mixed_5d": "Mixed_5d",
}


@pytest.mark.parametrize("endpoint", rows("inception_v3"))
def test_inception_v3_endpoint(endpoint):
    """Inception v3's end-points agree in size, stride and padding: its strided layers are VALID."""
    node = torchvision_analysis("inception_v3", IMAGE_299)[INCEPTION_V3.get(endpoint, endpoint)]
    assert square(node) == published("inception_v3", endpoint)


def test_inception_v4():
    """Inception v4's last feature map is 2071, stride 32, padding 998."""
    analysis = rfgraph.analyze(timm_model("inception_v4"), IMAGE_299)
    assert square(analysis["features"]) == (2071, 32, 998)


def test_inception_resnet_v2():
    """Inception-ResNet v2's last feature map is 3039, stride 32, padding 1482."""
    analysis = rfgraph.analyze(timm_model("inception_resnet_v2"), IMAGE_299)
    assert square(analysis["conv2d_7b"]) == (3039, 32, 1482)


def test_inception_v2():
    """Inception v2's last feature map is 699, stride 32, padding 318 with SAME padding.

    The network is written out beside this file, because no installed package has it.
    """
    with without_data():
        model = InceptionV2()
    analysis = rfgraph.analyze(model, (1, 1, 224, 224))
    assert square(analysis["mixed_5c"]) == (699, 32, 318)


# timm numbers the pairs of depthwise and pointwise layers by stage and block.
STAGES = (1, 2, 2, 6, 2)
MOBILENET = {
    f"Conv2d_{sum(STAGES[:stage]) + block + 1}_pointwise": f"blocks.{stage}.{block}"
    for stage, blocks in enumerate(STAGES)
    for block in range(blocks)
} | {"Conv2d_0": "conv_stem"}


@cache
def mobilenet(padding):
    return rfgraph.analyze(timm_model("mobilenetv1_100", pad_type=padding), IMAGE)


@pytest.mark.parametrize("endpoint", rows("mobilenet_v1"))
def test_mobilenet_v1_endpoint(endpoint):
    """MobileNet v1's end-points agree in all numbers with timm's SAME padding.

    With timm's default padding, symmetric, sizes and strides agree and the padding is
    `(size - 1) / 2`: more than Slim's by the strides before each of the five strided layers.
    """
    size, stride, padding = published("mobilenet_v1", endpoint)
    assert square(mobilenet("same")[MOBILENET[endpoint]]) == (size, stride, padding)
    assert square(mobilenet("")[MOBILENET[endpoint]]) == (size, stride, (size - 1) // 2)


@cache
def slim_resnet(depth, *, pool="same"):
    """A torchvision ResNet with the strides where Slim's table has them.

    `pool="same"` pads the first pool behind only, as SAME does for an even input.
    """
    model = torchvision_model(f"resnet{depth}")
    for block in model.modules():
        if isinstance(block, Bottleneck):
            block.conv1.stride, block.conv2.stride = block.conv2.stride, block.conv1.stride
    if pool == "same":
        model.maxpool = nn.Sequential(nn.ZeroPad2d((0, 1, 0, 1)), nn.MaxPool2d(3, 2))
    return rfgraph.analyze(model, IMAGE)


SLIM_BLOCKS = [(depth, block) for depth in (50, 101, 152) for block in (1, 2, 3, 4)]


@pytest.mark.parametrize(("depth", "block"), SLIM_BLOCKS)
def test_resnet_v1_block(depth, block):
    """With the stride in the first 1x1, ResNets' blocks agree with Slim's in all numbers.

    Slim counts the stride to the block that it ends, torchvision to the one that it begins: what
    Slim's block k returns is subsampled by the first 1x1 of torchvision's layer k + 1. Of the
    paddings (239, 511, 751 for the last block) all is symmetric but the first pool.
    """
    analysis = slim_resnet(depth)
    expected = published(f"resnet_v1_{depth}", f"resnet_v1_{depth}/block{block}")
    assert square(analysis[f"layer{block}"])[0] == expected[0]
    end = "layer4" if block == 4 else f"layer{block + 1}.0.conv1"
    assert square(analysis[end]) == expected


@pytest.mark.parametrize(("depth", "size"), [(50, 483), (101, 1027), (152, 1507)])
def test_resnet_v1_with_symmetric_padding(depth, size):
    """The pool of torchvision, padded by 1 on both sides at stride 2, adds 2 to Slim's padding."""
    last = published(f"resnet_v1_{depth}", f"resnet_v1_{depth}/block4")
    assert last[0] == size
    node = slim_resnet(depth, pool="symmetric")["layer4"]
    assert square(node) == (size, 32, last[2] + 2)
