"""All of torchvision's models, and the purely convolutional ones against their eager selves."""

from __future__ import annotations

from fnmatch import fnmatch

import pytest
from torchvision.models import get_model, list_models

import rfgraph
from rfgraph.errors import CaptureError
from rfgraph.targets.arguments import materialize
from rfgraph.targets.resolve import resolve
from tests.models.probe import Claim, refutations, with_data
from tests.models.zoo import named, torchvision_model

EXACT, UNKNOWN = rfgraph.Status.EXACT, rfgraph.Status.UNKNOWN

CAPTURED = named("classification", "segmentation", "video", "optical_flow")

# What the data-less capture cannot run: detectors choose boxes by their scores, with `nonzero`
# in a region proposal network or by indexing with a comparison in the heads.
DETECTION = {
    "fasterrcnn_mobilenet_v3_large_320_fpn": "module 'rpn' runs aten.nonzero",
    "fasterrcnn_mobilenet_v3_large_fpn": "module 'rpn' runs aten.nonzero",
    "fasterrcnn_resnet50_fpn": "module 'rpn' runs aten.nonzero",
    "fasterrcnn_resnet50_fpn_v2": "module 'rpn' runs aten.nonzero",
    "fcos_resnet50_fpn": "forward runs aten.index",
    "keypointrcnn_resnet50_fpn": "module 'rpn' runs aten.nonzero",
    "maskrcnn_resnet50_fpn": "module 'rpn' runs aten.nonzero",
    "maskrcnn_resnet50_fpn_v2": "module 'rpn' runs aten.nonzero",
    "retinanet_resnet50_fpn": "forward runs aten.index",
    "retinanet_resnet50_fpn_v2": "forward runs aten.index",
    "ssd300_vgg16": "forward runs aten.index",
    "ssdlite320_mobilenet_v3_large": "forward runs aten.index",
}

# Their default is a float model, which is analysed like any other; the int8 one, `quantize=True`,
# runs `quantized::` operators that PyTorch can only run with data.
QUANTIZED = [
    "quantized_googlenet",
    "quantized_inception_v3",
    "quantized_mobilenet_v2",
    "quantized_mobilenet_v3_large",
    "quantized_resnet18",
    "quantized_resnet50",
    "quantized_resnext101_32x8d",
    "quantized_resnext101_64x4d",
    "quantized_shufflenet_v2_x0_5",
    "quantized_shufflenet_v2_x1_0",
    "quantized_shufflenet_v2_x1_5",
    "quantized_shufflenet_v2_x2_0",
]

# Seconds each, where most models take a tenth.
HEAVY = ["mvit*", "swin3d*", "vit_h*", "vit_l*", "raft*", "swin_?", "swin_v2_?", "maxvit*"]

# Convolution, pooling, batch norm, activations and gates: everything is known exactly.
CONVOLUTIONAL = [
    "alexnet",
    "vgg*",
    "squeezenet*",
    "resnet*",
    "resnext*",
    "wide_resnet*",
    "densenet*",
    "googlenet",
    "inception_v3",
    "mobilenet_v2",
    "mnasnet*",
    "shufflenet*",
    "fcn*",
    "deeplabv3*",
    "lraspp*",
    "r3d*",
    "mc3*",
    "r2plus1d*",
]


def matches(name, patterns):
    return any(fnmatch(name, pattern) for pattern in patterns)


def marked(names, is_fast):
    """The names as parameters, the others of them slow."""
    return [pytest.param(name, marks=() if is_fast(name) else pytest.mark.slow) for name in names]


def analysis_of(name):
    """The analysis of a target at its default inputs."""
    target = resolve(f"torchvision:{name}")
    arguments = materialize(target)
    return rfgraph.analyze(
        target.model, arguments.positional, kwargs=arguments.named or None, axes=target.axes
    )


def test_every_model_is_accounted_for():
    """Each of torchvision's models is captured without data or listed with a reason."""
    assert sorted([*CAPTURED, *QUANTIZED, *DETECTION]) == sorted(list_models())
    assert len(CAPTURED) >= 94
    assert all(any(fnmatch(name, row) for name in CAPTURED) for row in [*CONVOLUTIONAL, *HEAVY])


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", marked(CAPTURED, lambda name: not matches(name, HEAVY)))
def test_analysed_without_data(name):
    """A torchvision model is analysed at its default inputs; a convolutional one is all exact."""
    analysis = analysis_of(name)
    assert all(node.status is not UNKNOWN for node in analysis) or name.startswith("raft")
    assert any(output.field.reaches for output in analysis.outputs.values())
    if matches(name, CONVOLUTIONAL):
        assert [node.name for node in analysis if node.status is not EXACT] == []


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", DETECTION)
def test_detectors_need_data(name):
    """A detector is refused in one sentence that names the operator and the remedy."""
    with pytest.raises(CaptureError, match=rf"{DETECTION[name]}.*real=True"):
        analysis_of(name)


ONE_OF_EACH_HEAD = [
    "fasterrcnn_mobilenet_v3_large_320_fpn",
    "fcos_resnet50_fpn",
    "retinanet_resnet50_fpn",
    "ssdlite320_mobilenet_v3_large",
]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", marked(ONE_OF_EACH_HEAD, ONE_OF_EACH_HEAD[:1].__contains__))
def test_detectors_with_data(name):
    """An untrained detector finds boxes, which depend on the image by operators that are known."""
    target = resolve(f"torchvision:{name}", real=True)
    arguments = materialize(target)
    analysis = rfgraph.analyze(target.model, arguments.positional, axes=target.axes, real=True)
    assert [node.name for node in analysis if node.status is UNKNOWN] == []
    assert all(output.field.reaches for output in analysis.outputs.values())
    assert all(output.shape[0] > 0 for output in analysis.outputs.values())


@pytest.mark.parametrize("name", QUANTIZED)
def test_float_form_of_quantized_models(name):
    """A model for quantization that is not quantized yet is exact, fake-quantizers absent."""
    assert analysis_of(name).status is EXACT


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", QUANTIZED)
def test_int8_models_need_data(name):
    """An int8 model is refused without data, and its operators are unknown, not wrong, with it."""
    model = get_model(name, weights=None, quantize=True)
    shape = (1, 3, 224, 224)
    with pytest.raises(CaptureError, match=r"quantized.*real=True"):
        rfgraph.analyze(model, shape)
    analysis = rfgraph.analyze(model, shape, real=True)
    assert analysis.output().status is UNKNOWN
    assert analysis.output().field.is_global


# --------------------------------------------------------------------------------------------
# Against the eager model


def small_input(name):
    """A small image or clip that the model accepts."""
    if name.startswith(("r3d", "mc3", "r2plus1d")):
        return (1, 3, 6, 32, 32)
    side = {"inception_v3": 107, "alexnet": 71}.get(name, 64)
    return (1, 3, side, side + 8)


def sampled_modules(analysis, count):
    """Modules spread over the depth that are called once and keep the axes of the input."""
    rank = len(next(iter(analysis.inputs.values())).shape)
    order = {node.name: k for k, node in enumerate(analysis)}
    found = sorted(
        (order[nodes[0].name], path)
        for path, nodes in analysis.modules.items()
        if path and len(nodes) == 1 and len(nodes[0].shape) == rank
    )
    chosen = {round(k * (len(found) - 1) / (count - 1)) for k in range(count)}
    return [found[k][1] for k in sorted(chosen)]


def sampled_positions(node):
    """The first and last corner, a border, and the middle."""
    lengths = [node.shape[axis] for axis in node.spatial_axes]
    middle = [n // 2 for n in lengths]
    return {
        tuple(0 for _ in lengths),
        (*middle[:-1], 0),
        tuple(middle),
        tuple(n - 1 for n in lengths),
    }


def refuted(name, shape, modules):
    """The sampled claims of the analysis that the eager model does not bear out."""
    model = torchvision_model(name)
    analysis = rfgraph.analyze(model, shape)
    claims = [
        Claim(path, index, analysis[path].footprint(index))
        for path in sampled_modules(analysis, modules)
        for index in sampled_positions(analysis[path])
    ]
    for claim in claims:
        seen = claim.footprint.nonzero()
        hull = tuple((int(hits.min()), int(hits.max())) for hits in seen)
        assert analysis[claim.path].region(claim.index).hull == hull
    return list(map(str, refutations(with_data(model), shape, claims)))


FAST = {
    "googlenet",
    "alexnet",
    "lraspp_mobilenet_v3_large",
    "mnasnet0_5",
    "mobilenet_v2",
    "r3d_18",
    "resnet18",
    "shufflenet_v2_x0_5",
    "squeezenet1_1",
}
CONVOLUTIONAL_MODELS = [name for name in CAPTURED if matches(name, CONVOLUTIONAL)]


@pytest.mark.parametrize("name", marked(CONVOLUTIONAL_MODELS, FAST.__contains__))
def test_footprints_agree_with_the_eager_model(name):
    """Sampled elements of a small image change with their footprint's positions and no others."""
    assert refuted(name, small_input(name), 4 if name in FAST else 8) == []


# A strip of the image that is longer than the last field: what is seen is the unclipped field.
STRIPS = {
    "alexnet": ("features", 64, 512),
    "vgg11": ("features", 32, 448),
    "squeezenet1_1": ("features", 32, 384),
    "resnet18": ("layer4", 32, 704),
    "resnet50": ("layer4", 32, 704),
    "resnext50_32x4d": ("layer4", 32, 704),
    "wide_resnet50_2": ("layer4", 32, 704),
    "densenet121": ("features", 32, 2560),
    "googlenet": ("inception5b", 32, 704),
    "inception_v3": ("Mixed_7c", 107, 1707),
    "mobilenet_v2": ("features", 32, 832),
    "mnasnet0_5": ("layers", 32, 1216),
    "shufflenet_v2_x0_5": ("conv5", 32, 832),
    "fcn_resnet50": ("backbone.layer4", 32, 1024),
    "r3d_18": ("layer4", 32, 512),
}


@pytest.mark.parametrize("upright", [False, True], ids=["wide", "tall"])
@pytest.mark.parametrize("name", marked(STRIPS, {"resnet18", "squeezenet1_1"}.__contains__))
def test_unclipped_field_agrees_with_the_eager_model(name, upright):
    """In the middle of a long strip an element sees exactly `start + i * jump` and `size` on."""
    path, short, long = STRIPS[name]
    sides = (long, short) if upright else (short, long)
    shape = (1, 3, 4, *sides) if name == "r3d_18" else (1, 3, *sides)
    model = torchvision_model(name)
    node = rfgraph.analyze(model, shape)[path]
    axis = node.spatial_axes.index(len(shape) - 2 if upright else len(shape) - 1)
    index = tuple(node.shape[k] // 2 for k in node.spatial_axes)
    field = node.field
    first = field.start[axis] + index[axis] * field.jump[axis]
    last = first + field.size[axis] - 1
    assert 0 < first < last < long - 1
    assert node.region(index).hull[axis] == (first, last)
    claims = [Claim(path, index, node.footprint(index))]
    assert list(map(str, refutations(with_data(model), shape, claims, batch=2))) == []
