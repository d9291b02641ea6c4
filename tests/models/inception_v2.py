"""Inception v2 as TF-Slim publishes it, reduced to what decides receptive fields.

No installed package has this network: torchvision and timm go from v1 (GoogLeNet) to v3. Channels
are one, and of each Inception block only the branches that read beyond their own position remain.
Source: `slim/nets/inception_v2.py` of tensorflow/models.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


def same(layer: nn.Module, *, stride: int) -> nn.Sequential:
    """The layer, padded as TensorFlow's SAME pads an input of even length.

    The total is `kernel - stride`, and the odd pixel goes behind. The pad is a layer of its own,
    as PyTorch's layers pad both sides alike.
    """
    kernel = layer.kernel_size if isinstance(layer.kernel_size, int) else layer.kernel_size[0]
    total = kernel - stride
    before, after = total // 2, total - total // 2
    return nn.Sequential(nn.ZeroPad2d((before, after, before, after)), layer)


def conv(kernel: int, stride: int = 1) -> nn.Sequential:
    return same(nn.Conv2d(1, 1, kernel, stride), stride=stride)


def pool(stride: int) -> nn.Sequential:
    return same(nn.MaxPool2d(3, stride), stride=stride)


class Block(nn.Module):
    """A 3x3 branch, a double 3x3 branch and a pooled one; with stride 2 it halves its input."""

    def __init__(self, stride: int = 1) -> None:
        super().__init__()
        self.single = nn.Sequential(conv(1), conv(3, stride))
        self.twice = nn.Sequential(conv(1), conv(3), conv(3, stride))
        self.pooled = pool(stride)

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([self.single(x), self.twice(x), self.pooled(x)], 1).sum(1, keepdim=True)


class InceptionV2(nn.Sequential):
    """The network up to its last feature map."""

    def __init__(self) -> None:
        super().__init__()
        stem = [("1a", conv(7, 2)), ("2a", pool(2)), ("2b", conv(1)), ("2c", conv(3))]
        for name, layer in [*stem, ("3a", pool(2))]:
            self.add_module(f"layer_{name}", layer)
        for name in ("3b", "3c", "4a", "4b", "4c", "4d", "4e", "5a", "5b", "5c"):
            self.add_module(f"mixed_{name}", Block(stride=2 if name in {"4a", "5a"} else 1))
