"""A small segmentation network: an encoder with a dilated stage, a decoder, a cropped shortcut."""

import torch
from torch import nn


class Block(nn.Module):
    """Two 3x3 convolutions and a shortcut."""

    def __init__(self, channels, out, *, stride=1, dilation=1):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, out, 3, stride, padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(out)
        self.conv2 = nn.Conv2d(out, out, 3, padding=dilation, dilation=dilation, bias=False)
        self.norm2 = nn.BatchNorm2d(out)
        self.shortcut = nn.Sequential(
            nn.Conv2d(channels, out, 1, stride, bias=False), nn.BatchNorm2d(out)
        )

    def forward(self, x):
        y = torch.relu(self.norm1(self.conv1(x)))
        return torch.relu(self.norm2(self.conv2(y)) + self.shortcut(x))


class Segmenter(nn.Module):
    """Scores per pixel of half the input's resolution, and scores for the whole image.

    The input is a batch of images (N, 3, H, W), H and W multiples of 8.
    """

    def __init__(self, classes=5):
        super().__init__()
        self.stem = nn.Conv2d(3, 16, 7, stride=2, padding=3, bias=False)
        self.layer1 = Block(16, 16)
        self.layer2 = Block(16, 32, stride=2)
        self.layer3 = Block(32, 32, dilation=2)
        self.up = nn.ConvTranspose2d(32, 16, 4, stride=2, padding=1)
        self.refine = nn.Conv2d(16, 16, 3)
        self.head = nn.Conv2d(32, classes, 1)
        self.image_head = nn.Linear(32, classes)

    def forward(self, image):
        shallow = self.layer1(torch.relu(self.stem(image)))
        deep = self.layer3(self.layer2(shallow))
        up = self.refine(self.up(deep))  # valid: one row and column less on each side
        pixels = self.head(torch.cat([self.crop(shallow), up], dim=1))
        return pixels, self.image_head(self.pool(deep))

    @staticmethod
    def crop(features):
        """Cut what `refine` loses off each side."""
        return features[..., 1:-1, 1:-1]

    @staticmethod
    def pool(features):
        """Average over space, to (N, channels)."""
        return features.mean((2, 3))


def build():
    """The network as it is trained."""
    return Segmenter()
