"""Models that are in no zoo of images: segmentation, volumes, speech, text and detection.

Built small from their configurations, without weights. Each is analysed without an exception and
without an unknown operator, and sampled elements are held against the eager model as
`test_families.py` does.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
import torch
from torch import Tensor, nn

import rfgraph
from tests.models.eager import CONSTANT, IDENTITY, Held, disagreements

IMAGE = (1, 3, 64, 64)
VOLUME = (1, 1, 16, 16, 32)

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore"),
]


@dataclass(frozen=True)
class Outside:
    """A model of another package.

    Attributes:
        id: What it is.
        build: Makes it; skips the test if its package is not installed.
        shape: Of its input.
        held: Its global mixers; see `tests.models.eager`.
        axes: The analysed axes, if not all from 2 on.
    """

    id: str
    build: Callable[[], nn.Module]
    shape: tuple[int, ...]
    held: Held = field(default_factory=dict)
    axes: tuple[int, ...] | None = None

    def model(self) -> nn.Module:
        """The untrained model in eval mode; the global random state is left alone."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            return self.build().eval()


def segmentation(architecture: str, encoder: str, **held: str) -> Outside:
    """A segmentation model around an image encoder."""

    def build() -> nn.Module:
        smp = pytest.importorskip("segmentation_models_pytorch")
        return getattr(smp, architecture)(encoder, encoder_weights=None)

    return Outside(f"smp-{architecture}-{encoder}", build, IMAGE, held)


def volumetric(architecture: str, held: Held, **options: object) -> Outside:
    """A network for medical volumes."""

    def build() -> nn.Module:
        nets = pytest.importorskip("monai.networks.nets")
        if architecture == "UNETR":
            pytest.importorskip("einops")
        return getattr(nets, architecture)(**options)

    return Outside(f"monai-{architecture}", build, VOLUME, held)


def wav2vec2() -> nn.Module:
    """A wav2vec2 whose windows and strides are the published ones."""
    transformers = pytest.importorskip("transformers")
    configuration = transformers.Wav2Vec2Config(
        conv_dim=(8,) * 7,
        hidden_size=24,
        intermediate_size=32,
        num_attention_heads=2,
        num_conv_pos_embedding_groups=2,
        num_conv_pos_embeddings=16,
        num_hidden_layers=2,
    )
    return transformers.Wav2Vec2Model(configuration)


class EmbeddedText(nn.Module):
    """A GPT-2 from the embeddings of its tokens on, so that they can be poisoned."""

    def __init__(self) -> None:
        super().__init__()
        self.gpt2 = gpt2()

    def forward(self, x: Tensor) -> Tensor:
        return self.gpt2(inputs_embeds=x, use_cache=False).last_hidden_state


def gpt2() -> nn.Module:
    """A GPT-2 of two layers."""
    transformers = pytest.importorskip("transformers")
    configuration = transformers.GPT2Config(
        bos_token_id=0,
        eos_token_id=0,
        n_embd=16,
        n_head=2,
        n_layer=2,
        n_positions=64,
        vocab_size=50,
    )
    return transformers.GPT2Model(configuration)


def yolo() -> nn.Module:
    """A YOLOv8 nano from its YAML file."""
    tasks = pytest.importorskip("ultralytics.nn.tasks", exc_type=ImportError)
    return tasks.DetectionModel("yolov8n.yaml", verbose=False)


_UNET = {"spatial_dims": 3, "in_channels": 1, "out_channels": 2}
_LEVELS = {"channels": (4, 8, 16), "strides": (2, 2)}
MODELS = (
    segmentation("Unet", "mobilenet_v2"),
    segmentation("FPN", "resnet18", GroupNorm=IDENTITY),
    segmentation("DeepLabV3Plus", "resnet18", AdaptiveAvgPool2d=CONSTANT),
    segmentation("Linknet", "vgg11"),
    segmentation("Segformer", "mit_b0", Attention=CONSTANT),
    volumetric("UNet", {"InstanceNorm3d": IDENTITY}, **_UNET, **_LEVELS),
    volumetric("AttentionUnet", {"InstanceNorm3d": IDENTITY}, **_UNET, **_LEVELS),
    volumetric("SegResNet", {"GroupNorm": IDENTITY}, init_filters=8),
    volumetric(
        "DynUNet",
        {"InstanceNorm3d": IDENTITY},
        **_UNET,
        filters=(4, 8, 16),
        kernel_size=(3, 3, 3),
        strides=(1, 2, 2),
        upsample_kernel_size=(2, 2),
    ),
    volumetric(
        "UNETR",
        {"InstanceNorm3d": IDENTITY, "SABlock": CONSTANT},
        in_channels=1,
        out_channels=2,
        img_size=VOLUME[2:],
        feature_size=4,
        hidden_size=24,
        mlp_dim=48,
        num_heads=2,
    ),
    Outside(
        "transformers-wav2vec2",
        wav2vec2,
        (1, 4000),
        {"GroupNorm": IDENTITY, "Wav2Vec2Attention": CONSTANT},
        axes=(1,),
    ),
    Outside("transformers-gpt2", EmbeddedText, (1, 12, 16), axes=(1,)),
    Outside("ultralytics-yolov8n", yolo, IMAGE),
)


@pytest.fixture(autouse=True)
def _settings_elsewhere(tmp_path, monkeypatch):
    """Ultralytics writes settings when it is imported; not into the home of whoever tests."""
    monkeypatch.setenv("YOLO_CONFIG_DIR", str(tmp_path))


@pytest.mark.parametrize("row", MODELS, ids=lambda row: row.id)
def test_nothing_is_unknown_and_the_eager_model_agrees(row):
    """Every operator has a rule, and sampled elements see what their footprints say."""
    model = row.model()
    analysis = rfgraph.analyze(model, row.shape, axes=row.axes)
    unknown = [node.name for node in analysis if node.status is rfgraph.Status.UNKNOWN]
    assert unknown == []
    found = disagreements(model, [row.shape], row.held, modules=4, axes=row.axes)
    assert list(map(str, found)) == []


def test_wav2vec2_hears_25_milliseconds_every_20():
    """The feature encoder of wav2vec2 reads 400 samples, 320 apart (Baevski et al. 2020)."""
    analysis = rfgraph.analyze(wav2vec2().eval(), (1, 4000))
    field = analysis["feature_extractor"].field
    assert (field.size, field.jump, field.start) == ((400,), (320,), (0,))


def test_gpt2_reads_what_came_before():
    """From token numbers too, a token sees itself and the past."""
    node = rfgraph.analyze(gpt2().eval(), torch.zeros(1, 12, dtype=torch.long)).output()
    assert [node.region((t,)).hull for t in (0, 5, 11)] == [((0, 0),), ((0, 5),), ((0, 11),)]
