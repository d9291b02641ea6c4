"""A small model of each of many families, and which of its modules mix positions globally."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torchvision.models import get_model

from tests.models.eager import ATTENTION, CONSTANT, CONTRACTION, IDENTITY, Held
from tests.models.zoo import kind

USUAL: Held = {
    # attention over all positions
    **dict.fromkeys(
        [
            "Attention",
            "AttentionDownsample",
            "AttentionRope",
            "BottleneckAttn",
            "ClassAttn",
            "CrossAttention",
            "EvaAttention",
            "GPSA",
            "MHSA",
            "MultiheadAttention",
            "TalkingHeadAttn",
        ],
        CONSTANT,
    ),
    # pools over all positions
    **dict.fromkeys(["AdaptiveAvgPool2d", "AdaptiveAvgPool3d", "FastAdaptiveAvgPool"], CONSTANT),
    # gates and statistics
    **dict.fromkeys(
        [
            "EcaModule",
            "EffectiveSEModule",
            "EseModule",
            "GlobalContext",
            "GlobalResponseNorm",
            "GroupNorm",
            "GroupNorm1",
            "GroupNormAct",
            "InstanceNorm2d",
            "SEModule",
            "SqueezeExcitation",
            "SqueezeExcite",
        ],
        IDENTITY,
    ),
    # products with statistics of all positions
    **dict.fromkeys(
        [
            "Attention2d",
            "ChannelAttention",
            "CrossCovarianceAttn",
            "EfficientAdditiveAttention",
            "FactorAttnConvRelPosEnc",
            "LambdaLayer",
            "LiteMLA",
            "SplitAttn",
            "XCA",
        ],
        CONTRACTION,
    ),
}
"""What classes of these names do in every model of the table that has them."""


@dataclass(frozen=True)
class Family:
    """A model to ask.

    Attributes:
        name: Of timm's or torchvision's model.
        size: Lengths of the input's axes after batch and channels.
        options: For its builder.
        held: Modules to hold beside the usual ones, and None for usual ones not to hold.
        build: Makes the model; by default timm's of that name.
        inputs: How many tensors of that size it takes.
        channels: Of each input.
    """

    name: str
    size: tuple[int, ...]
    options: Mapping[str, Any] = field(default_factory=dict)
    held: Mapping[str, str | None] = field(default_factory=dict)
    build: Callable[..., nn.Module] | None = None
    inputs: int = 1
    channels: int = 3

    def model(self) -> nn.Module:
        """The untrained model in eval mode; the global random state is left alone."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            return self._made().eval()

    def _made(self) -> nn.Module:
        if self.build is not None:
            return self.build()
        timm = pytest.importorskip("timm")
        return timm.create_model(self.name, pretrained=False, **self.options)

    def shapes(self) -> list[tuple[int, ...]]:
        """The shape of each input."""
        return [(1, self.channels, *self.size)] * self.inputs

    def mixers(self, model: nn.Module) -> Held:
        """The classes and paths that `model` has, with how each is held."""
        present = {type(module).__name__ for module in model.modules()}
        usual = {name: way for name, way in USUAL.items() if name in present}
        return {name: way for name, way in {**usual, **self.held}.items() if way is not None}


def image(name: str, side: int, held: Mapping[str, str | None] | None = None) -> Family:
    """A timm model that takes images of any size."""
    return Family(name, (side, side), {}, held or {})


def tokens(name: str, side: int, held: Mapping[str, str | None] | None = None) -> Family:
    """A timm model that is built for one size, here a small one."""
    return Family(name, (side, side), {"img_size": side}, held or {})


def torchvision_family(
    name: str, *size: int, inputs: int = 1, held: Mapping[str, str | None] | None = None
) -> Family:
    """A torchvision model."""
    options = {"weights_backbone": None} if kind(name) == "segmentation" else {}
    if name in {"googlenet", "inception_v3"}:
        options["init_weights"] = False
    return Family(
        name,
        size,
        {},
        held or {},
        lambda: get_model(name, weights=None, **options),
        inputs,
    )


class TemporalConvolutions(nn.Sequential):
    """Causal dilated convolutions with skips: the TCN of Bai, Kolter and Koltun (2018)."""

    def __init__(self, channels: int = 4, levels: int = 4) -> None:
        super().__init__(*(TemporalBlock(channels, 2**level) for level in range(levels)))


class TemporalBlock(nn.Module):
    """Two convolutions that read the past only, around which the input is added."""

    def __init__(self, channels: int, dilation: int) -> None:
        super().__init__()
        self.first = nn.Conv1d(channels, channels, 3, dilation=dilation)
        self.second = nn.Conv1d(channels, channels, 3, dilation=dilation)
        self.past = nn.ConstantPad1d((2 * dilation, 0), 0.0)

    def forward(self, x: Tensor) -> Tensor:
        inner = self.first(self.past(x)).relu()
        return (x + self.second(self.past(inner)).relu()).relu()


def unet() -> nn.Module:
    """A U-Net around a ResNet-18."""
    smp = pytest.importorskip("segmentation_models_pytorch")
    return smp.Unet("resnet18", encoder_weights=None)


FAMILIES = (
    # convolutions alone
    image("convmixer_768_32", 64),
    image("cspresnet50", 64),
    image("densenet121", 64),
    image("dla34", 64),
    image("dpn68", 64),
    image("hrnet_w18_small", 64),
    image("inception_next_atto", 64),
    image("inception_v4", 107),
    image("mobilenetv4_conv_small_035", 64),
    image("rdnet_tiny", 64),
    image("repvgg_a0", 64),
    image("res2net50_14w_8s", 64),
    image("selecsls42", 96),
    image("starnet_s1", 64),
    image("vovnet39a", 64),
    image("xception41", 75),
    torchvision_family("alexnet", 71, 79, held={"AdaptiveAvgPool2d": None}),
    torchvision_family("convnext_tiny", 64, 64),
    torchvision_family("googlenet", 64, 64),
    torchvision_family("mnasnet0_5", 64, 64),
    torchvision_family("resnet18", 64, 72),
    torchvision_family("shufflenet_v2_x0_5", 64, 72),
    torchvision_family("squeezenet1_1", 64, 72),
    # gates: squeeze-and-excite and its kin
    image("eca_resnet33ts", 64),
    image("efficientnet_b0", 64),
    image("efficientnetv2_rw_t", 64),
    image("ese_vovnet19b_dw", 64),
    image("gcresnet33ts", 64),
    image("ghostnetv2_100", 96),
    image("hgnet_tiny", 64),
    image("nfnet_f0", 64),
    image("regnety_002", 64),
    image("repvit_m0_9", 64),
    image("resnest14d", 64),
    image("rexnet_100", 96),
    image("skresnet18", 64, {"SelectiveKernelAttn": CONSTANT}),
    image("tresnet_m", 64),
    torchvision_family("mobilenet_v3_large", 64, 64),
    # norms with statistics over positions
    image("convnextv2_atto", 96),
    image("poolformer_s12", 64),
    image("resnetv2_50x1_bit", 64),
    # mixers
    tokens("gmlp_ti16_224", 64, {"blocks.*.mlp_channels.gate.proj": CONSTANT}),
    tokens("mixer_s32_224", 96, {"blocks.*.mlp_tokens": CONSTANT}),
    tokens("resmlp_12_224", 64, {"blocks.*.linear_tokens": CONSTANT}),
    # attention over all positions
    tokens("beit_base_patch16_224", 64),
    tokens("cait_xxs24_224", 64),
    tokens("convit_tiny", 64),
    tokens("deit3_small_patch16_224", 64),
    tokens("eva02_tiny_patch14_224", 56),
    tokens("vit_tiny_patch16_224", 64),
    tokens("volo_d1_224", 64),
    image("xcit_nano_12_p16_224", 64),
    # attention and convolutions
    tokens("coat_tiny", 64),
    image("caformer_s18", 64),
    image("edgenext_xx_small", 96),
    image("efficientvit_b0", 96),
    image("fastvit_sa12", 96),
    image("focalnet_tiny_srf", 96, {"FocalModulation": CONTRACTION}),
    image("lambda_resnet26t", 128),
    image("levit_128s", 224),
    image("mobilevit_xxs", 96, {"Attention": None}),  # each position of a patch is apart
    image("mobilevitv2_050", 64),
    image("mvitv2_tiny", 64, {"MultiScaleAttention": ATTENTION}),
    image("nextvit_small", 64, {"EfficientAttention": CONSTANT}),
    tokens("pit_ti_224", 64),
    image("pvt_v2_b0", 64),
    image("shvit_s1", 128),
    image("swiftformer_xs", 64),
    # attention within windows
    image("davit_tiny", 64),
    image("twins_svt_small", 64),
    torchvision_family("swin_v2_t", 64, 64, held={"features.[357].*.attn": CONSTANT}),
    # encoders and decoders, video, optical flow, time series
    Family("unet", (64, 96), held={"Attention": None}, build=unet),
    torchvision_family("deeplabv3_mobilenet_v3_large", 64, 72),
    torchvision_family("lraspp_mobilenet_v3_large", 64, 72),
    torchvision_family("r2plus1d_18", 4, 32, 32),
    torchvision_family("r3d_18", 6, 32, 32),
    torchvision_family("raft_small", 128, 128, inputs=2),
    Family("tcn", (96,), build=TemporalConvolutions, channels=4),
)
"""One row per family, on inputs as small as the architecture allows."""
