"""Published models record without data, and compute what they compute eagerly."""

from __future__ import annotations

import pytest
import torch
import torchvision
from torchvision.models import get_model_builder, list_models

from rfgraph.capture import record
from rfgraph.capture.outputs import named_tensors
from rfgraph.errors import CaptureError
from tests.capture.execution import assert_functional, execute

SMALL = ["resnet18", "shufflenet_v2_x0_5", "mobilenet_v3_small", "squeezenet1_1", "swin_t"]
TIMM = [
    "beit_base_patch16_224",
    "botnet26t_256",
    "cait_xxs24_224",
    "coat_tiny",
    "coatnet_0_rw_224",
    "convit_tiny",
    "convmixer_768_32",
    "convnextv2_atto",
    "crossvit_9_240",
    "cspresnet50",
    "davit_tiny",
    "deit3_small_patch16_224",
    "densenet121",
    "dla34",
    "dpn68",
    "edgenext_xx_small",
    "efficientformer_l1",
    "efficientformerv2_s0",
    "efficientnetv2_rw_t",
    "efficientvit_b0",
    "eva02_tiny_patch14_224",
    "fastvit_t8",
    "focalnet_tiny_srf",
    "gcvit_xxtiny",
    "ghostnetv2_100",
    "halonet26t",
    "hrnet_w18_small",
    "inception_v4",
    "inception_resnet_v2",
    "lambda_resnet26t",
    "levit_128s",
    "maxvit_pico_rw_256",
    "mixer_s32_224",
    "mobilevit_xxs",
    "mobilevitv2_050",
    "mvitv2_tiny",
    "nasnetalarge",
    "nextvit_small",
    "nfnet_f0",
    "pit_ti_224",
    "poolformer_s12",
    "pvt_v2_b0",
    "regnety_002",
    "repvgg_a0",
    "res2net50_14w_8s",
    "resmlp_12_224",
    "rexnet_100",
    "samvit_base_patch16_224",
    "sehalonet33ts",
    "selecsls42",
    "skresnet18",
    "swin_tiny_patch4_window7_224",
    "swinv2_cr_tiny_224",
    "tf_efficientnet_b0",
    "tiny_vit_5m_224",
    "tnt_s_patch16_224",
    "tresnet_m",
    "twins_svt_small",
    "vgg11",
    "visformer_tiny",
    "vit_tiny_patch16_224",
    "volo_d1_224",
    "vovnet39a",
    "xception41",
    "xcit_nano_12_p16_224",
]


def torchvision_case(name):
    """Return a torchvision model without weights, and its inputs' shape and number."""
    kind = get_model_builder(name).__module__.split(".")[2]
    options = {}
    if kind in {"segmentation", "detection"}:
        options = {"weights_backbone": None}
    if name in {"googlenet", "inception_v3"}:
        options = {"init_weights": False}
    shape = (1, 3, 299, 299) if name == "inception_v3" else (1, 3, 224, 224)
    if kind == "video":
        shape = (1, 3, 16, 224, 224)
    if kind == "optical_flow":
        shape = (1, 3, 128, 128)
    # RegNets compute their widths with tensors while they are built.
    with torch.device("cpu" if "regnet" in name else "meta"):
        model = torchvision.models.get_model(name, weights=None, **options)
    return model, (torch.empty(shape, device="meta"),) * (2 if kind == "optical_flow" else 1)


def zoo(*kinds):
    return [n for n in list_models() if get_model_builder(n).__module__.split(".")[2] in kinds]


def is_image_model(name):
    return len(get_model_builder(name).__module__.split(".")) == 3


CLASSIFIERS = [name for name in list_models() if is_image_model(name)]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", [*CLASSIFIERS, *zoo("segmentation", "video", "optical_flow")])
def test_torchvision(name):
    """Every torchvision model but the detectors records without data."""
    model, inputs = torchvision_case(name)
    recording = record(model, inputs)
    assert_functional(recording)
    assert set(recording.modules) <= set(recording.module_types)


@pytest.mark.slow
@pytest.mark.parametrize("name", zoo("detection"))
def test_detectors_need_data(name):
    """Detectors select boxes by value: data-less capture says so, a real one records."""
    builder = torchvision.models.get_model
    model = builder(name, weights=None, weights_backbone=None)
    image = [torch.rand(3, 96, 96)]
    with pytest.raises(CaptureError, match="real=True"):
        record(model, (image,))
    assert record(model, (image,), real=True).source == "real"


@pytest.mark.parametrize("name", SMALL)
def test_torchvision_small_equals_eager(name):
    """The graph of a published model gives its logits."""
    torch.manual_seed(0)
    model = torchvision.models.get_model(name).eval()
    x = torch.randn(1, 3, 224, 224)
    with torch.no_grad():
        want = dict(named_tensors(model(x), "output"))
    got = execute(record(model, (x,)), [x])
    torch.testing.assert_close(got, want)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", TIMM)
def test_timm(name):
    """A family of timm records without data."""
    timm = pytest.importorskip("timm")
    model = timm.create_model(name)
    shape = (1, *model.default_cfg["input_size"])
    recording = record(model, (torch.empty(shape, device="meta"),))
    assert_functional(recording)
    names = [node.meta["name"] for node in recording.graph.nodes if node.op != "output"]
    assert len(set(names)) == len(names)
