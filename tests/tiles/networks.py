"""Networks that are run in tiles: one of each kind that people tile."""

import torch
from torch import nn
from torch.nn import functional


class UNet(nn.Module):
    """Same padding: convolutions, max pooling, transposed convolutions, skips; any dimension."""

    def __init__(self, dims=2, up="transposed"):
        super().__init__()
        conv = getattr(nn, f"Conv{dims}d")
        pool = getattr(nn, f"MaxPool{dims}d")
        self.enter = nn.Sequential(conv(1, 3, 3, padding=1), nn.ReLU())
        self.middle = nn.Sequential(pool(2), conv(3, 4, 3, padding=1), nn.ReLU())
        self.deep = nn.Sequential(pool(2), conv(4, 4, 3, padding=1), nn.ReLU())
        if up == "transposed":
            transposed = getattr(nn, f"ConvTranspose{dims}d")
            self.up = transposed(4, 4, 2, stride=2)
            self.up2 = transposed(4, 3, 2, stride=2)
        else:
            self.up = nn.Upsample(scale_factor=2, mode=up)
            self.up2 = nn.Sequential(nn.Upsample(scale_factor=2, mode=up), conv(4, 3, 1))
        self.join = conv(8, 4, 3, padding=1)
        self.leave = conv(6, 1, 3, padding=1)

    def forward(self, x):
        a = self.enter(x)
        b = self.middle(a)
        c = self.join(torch.cat([b, self.up(self.deep(b))], 1)).relu()
        return self.leave(torch.cat([a, self.up2(c)], 1))


class ValidUNet(nn.Module):
    """Ronneberger et al. 2015: no padding, the skip is cropped to fit."""

    def __init__(self):
        super().__init__()
        self.enter = nn.Sequential(nn.Conv2d(1, 3, 3), nn.ReLU(), nn.Conv2d(3, 3, 3), nn.ReLU())
        self.deep = nn.Sequential(nn.MaxPool2d(2), nn.Conv2d(3, 4, 3), nn.ReLU())
        self.up = nn.ConvTranspose2d(4, 3, 2, stride=2)
        self.leave = nn.Conv2d(6, 1, 3)

    def forward(self, x):
        wide = self.enter(x)
        deep = self.up(self.deep(wide))
        top, left = (wide.shape[2] - deep.shape[2]) // 2, (wide.shape[3] - deep.shape[3]) // 2
        skip = wide[:, :, top : top + deep.shape[2], left : left + deep.shape[3]]
        return self.leave(torch.cat([skip, deep], 1))


class FCN(nn.Module):
    """Strided backbone, scores resized to the image bilinearly."""

    def __init__(self):
        super().__init__()
        self.backbone = nn.Sequential(
            nn.Conv2d(1, 4, 3, stride=2, padding=1), nn.ReLU(), nn.Conv2d(4, 4, 3, 2, 1), nn.ReLU(),
            nn.Conv2d(4, 2, 3, padding=2, dilation=2),
        )  # fmt: skip

    def forward(self, x):
        return functional.interpolate(self.backbone(x), size=x.shape[2:], mode="bilinear")


class Residual(nn.Module):
    """A small ResNet backbone with its 7x7 stem and max pooling."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv2d(1, 4, 7, 2, 3, bias=False),
            nn.BatchNorm2d(4),
            nn.ReLU(),
            nn.MaxPool2d(3, 2, 1),
        )
        self.a = nn.Conv2d(4, 6, 3, 2, 1)
        self.b = nn.Conv2d(6, 6, 3, 1, 1)
        self.short = nn.Conv2d(4, 6, 1, 2)

    def forward(self, x):
        x = self.stem(x)
        return (self.b(self.a(x).relu()) + self.short(x)).relu()


class CropThenPad(nn.Module):
    """The padding after the crop hides input that the field in the input alone would call right."""

    def __init__(self):
        super().__init__()
        self.first = nn.Conv2d(1, 2, 1)
        self.last = nn.Conv2d(2, 1, 3, padding=1)

    def forward(self, x):
        return self.last(self.first(x)[:, :, 2:-3, 1:-1])


class PaddedAtTheEnd(nn.Module):
    """A pad whose map is the identity: only the lengths tell that it reads past the end."""

    def __init__(self):
        super().__init__()
        self.first = nn.Conv2d(1, 2, 3, padding=1)
        self.last = nn.Conv2d(2, 1, 3, padding=1)

    def forward(self, x):
        return self.last(functional.pad(self.first(x), (0, 1, 0, 1))[:, :, 1:, 1:])


class WritesRows(nn.Module):
    """A write into the first rows, which a tile would do in the middle of the image."""

    def __init__(self):
        super().__init__()
        self.last = nn.Conv2d(1, 1, 3, padding=1)

    def forward(self, x):
        x = x.clone()
        x[:, :, :3] = 0
        return self.last(x)


def super_resolution():
    """Pixel shuffle: four output pixels per input pixel and axis after folding by two."""
    return nn.Sequential(
        nn.PixelUnshuffle(2), nn.Conv2d(4, 8, 3, padding=1), nn.ReLU(),
        nn.Conv2d(8, 16, 3, padding=1),
        nn.PixelShuffle(4), nn.Conv2d(1, 1, 3, padding=1),
    )  # fmt: skip


def reflecting():
    """Padding that moves real pixels."""
    return nn.Sequential(
        nn.Conv2d(1, 3, 5, padding=2, padding_mode="reflect"), nn.ReLU(),
        nn.Conv2d(3, 3, 3, 2, padding=1, padding_mode="replicate"),
        nn.Conv2d(3, 1, 3, padding=1, padding_mode="reflect"),
    )  # fmt: skip


NETWORKS = {
    "unet": (UNet, 2, 4),
    "unet bilinear": (lambda: UNet(up="bilinear"), 2, 4),
    "unet valid": (ValidUNet, 2, 1),
    "unet 3d": (lambda: UNet(3), 3, 4),
    "fcn": (FCN, 2, 4),
    "resnet": (Residual, 2, 1),
    "super resolution": (super_resolution, 2, 2),
    "reflecting": (reflecting, 2, 1),
    "crop then pad": (CropThenPad, 2, 1),
    "padded at the end": (PaddedAtTheEnd, 2, 1),
    "writes rows": (WritesRows, 2, 1),
}
"""Name: how to build it, its spatial axes, and what its input lengths must be multiples of."""
