"""The feature encoder of wav2vec 2.0 (Baevski et al. 2020), narrow."""

from torch import nn


def encoder() -> nn.Sequential:
    """Seven strided convolutions from samples at 16 kHz to a frame every 20 ms."""
    layers: list[nn.Module] = [nn.Conv1d(1, 8, 10, stride=5), nn.GELU()]
    for kernel in (3, 3, 3, 3, 2, 2):
        layers += [nn.Conv1d(8, 8, kernel, stride=2), nn.GELU()]
    return nn.Sequential(*layers)
