"""Networks from the literature that torchvision does not have, small but built as published."""

import torch
from torch import nn
from torchvision.models import resnet50


def original_resnet50():
    """ResNet-50 as first published: the stride in the first 1x1 convolution of each branch."""
    model = resnet50(weights=None)
    for stage in (model.layer2, model.layer3, model.layer4):
        stage[0].conv1.stride = (2, 2)
        stage[0].conv2.stride = (1, 1)
    return model


def dilated_stack(*dilations):
    """3x3 convolutions of these dilations (Wang et al. 2018, figure 2)."""
    return nn.Sequential(*(nn.Conv2d(1, 1, 3, padding=d, dilation=d) for d in dilations))


def generator(kernel):
    """The upsampling half of Johnson et al.'s style transfer network, with this kernel.

    Their supplement uses kernel 3 and stride 2; kernel 4 is what avoids the checkerboard.
    """
    padding, extra = (1, 1) if kernel == 3 else (1, 0)
    layers = []
    for channels in (8, 4):
        layers += [
            nn.ConvTranspose2d(channels, channels // 2, kernel, 2, padding, extra),
            nn.ReLU(),
        ]
    return nn.Sequential(*layers, nn.Conv2d(2, 3, 9, padding=4))


class UNet(nn.Module):
    """Ronneberger et al.'s U-Net with one level: valid convolutions, the skip cropped."""

    def __init__(self, *, crop):
        super().__init__()
        self.crop = crop
        self.down = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Conv2d(4, 4, 3), nn.ReLU())
        self.pool = nn.MaxPool2d(2)
        self.bottom = nn.Sequential(nn.Conv2d(4, 8, 3), nn.ReLU(), nn.Conv2d(8, 8, 3), nn.ReLU())
        self.up = nn.ConvTranspose2d(8, 4, 2, stride=2)
        self.end = nn.Conv2d(8, 2, 3)

    def forward(self, x):
        skip = self.down(x)
        up = self.up(self.bottom(self.pool(skip)))
        y, x = self.crop
        skip = skip[..., y : y + up.shape[-2], x : x + up.shape[-1]]
        return self.end(torch.cat([skip, up], dim=1))


class CausalConv1d(nn.Module):
    """WaveNet's convolution: all padding on the left."""

    def __init__(self, channels, dilation, *, ahead=0):
        super().__init__()
        self.pad = (2 * dilation - ahead, ahead)
        self.conv = nn.Conv1d(channels, channels, 3, dilation=dilation)

    def forward(self, x):
        return x + torch.relu(self.conv(nn.functional.pad(x, self.pad)))


def wavenet(ahead=0):
    """Four dilated causal convolutions, the last of which may look ahead."""
    return nn.Sequential(
        *(CausalConv1d(4, d, ahead=ahead if d == 8 else 0) for d in (1, 2, 4, 8)),
        nn.Conv1d(4, 4, 1),
    )


class Decoder(nn.Module):
    """One layer of self-attention over (N, L, C), causal or not."""

    def __init__(self, *, causal):
        super().__init__()
        self.causal = causal
        self.qkv = nn.Linear(8, 24)

    def forward(self, x):
        q, k, v = self.qkv(x).chunk(3, dim=-1)
        return x + nn.functional.scaled_dot_product_attention(q, k, v, is_causal=self.causal)


class Classifier(nn.Module):
    """A convolution and a linear layer over its map, flattened rightly or wrongly."""

    def __init__(self, *, right):
        super().__init__()
        self.right = right
        self.conv = nn.Conv2d(3, 4, 3, padding=1)
        self.fc = nn.Linear(4 * 8 * 8, 10)

    def forward(self, x):
        x = self.conv(x)
        if self.right:
            return self.fc(x.flatten(1))
        return self.fc(x.permute(1, 0, 2, 3).reshape(-1, 4 * 8 * 8))


class TwoInputs(nn.Module):
    """A model that was meant to use a mask and an anchor branch."""

    def __init__(self, *, connected):
        super().__init__()
        self.connected = connected
        self.conv = nn.Conv2d(3, 4, 3)
        self.anchor = nn.Conv2d(1, 4, 3)
        self.register_buffer("grid", torch.ones(1, 1, 8, 8))

    def forward(self, image, mask):
        return self.conv(image) + self.anchor(mask if self.connected else self.grid)


@torch.library.custom_op("rfgraph_audit_test::unheard_of", mutates_args=())
def _unheard_of(x: torch.Tensor) -> torch.Tensor:
    return x.clone()


_unheard_of.register_fake(torch.empty_like)


class OwnOperator(nn.Module):
    """An operator of its own, which has no rule."""

    def forward(self, x):
        return _unheard_of(x)
