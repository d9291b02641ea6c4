"""Networks that run on streams."""

import torch
from torch import nn
from torch.nn import functional


class Padded(nn.Module):
    """A dilated convolution that looks back only, or both ways."""

    def __init__(self, inward, outward, kernel, dilation, causal):
        super().__init__()
        reach = (kernel - 1) * dilation
        self.pad = (reach, 0) if causal else (reach // 2, reach - reach // 2)
        self.conv = nn.Conv1d(inward, outward, kernel, dilation=dilation)

    def forward(self, x):
        return self.conv(functional.pad(x, self.pad))


class Block(nn.Module):
    """Bai et al. 2018: two convolutions and a residual."""

    def __init__(self, channels, dilation, causal):
        super().__init__()
        self.first = Padded(channels, channels, 3, dilation, causal)
        self.second = Padded(channels, channels, 3, dilation, causal)

    def forward(self, x):
        return (x + self.second(self.first(x).relu())).relu()


def tcn(causal=True):
    """A temporal convolutional network with dilations 1, 2, 4."""
    blocks = (Block(4, dilation, causal) for dilation in (1, 2, 4))
    return nn.Sequential(nn.Conv1d(1, 4, 1), *blocks, nn.Conv1d(4, 1, 1))


class WaveNet(nn.Module):
    """van den Oord et al. 2016: gated causal convolutions of kernel 2, skips summed."""

    def __init__(self, dilations=(1, 2, 4, 8, 1, 2, 4, 8)):
        super().__init__()
        self.enter = Padded(1, 4, 2, 1, causal=True)
        self.gates = nn.ModuleList(Padded(4, 8, 2, d, causal=True) for d in dilations)
        self.residuals = nn.ModuleList(nn.Conv1d(4, 4, 1) for _ in dilations)
        self.leave = nn.Conv1d(4, 2, 1)

    def forward(self, x):
        x = self.enter(x)
        skips = 0
        for gate, residual in zip(self.gates, self.residuals, strict=True):
            a, b = gate(x).chunk(2, 1)
            skip = residual(a.tanh() * b.sigmoid())
            x, skips = x + skip, skips + skip
        return self.leave(skips.relu())


class ConvTasNet(nn.Module):
    """Luo and Mesgarani 2019: learned filterbank, masks by a TCN, overlap-add by its transpose.

    `norm` makes the normalisation of the separator: the paper's gLN is global over time.
    """

    def __init__(self, norm, causal):
        super().__init__()
        self.encoder = nn.Conv1d(1, 8, 16, stride=8, bias=False)
        self.norms = nn.ModuleList(norm(8) for _ in range(3))
        self.convs = nn.ModuleList(Padded(8, 8, 3, d, causal) for d in (1, 2, 4))
        self.mask = nn.Conv1d(8, 16, 1)
        self.decoder = nn.ConvTranspose1d(8, 1, 16, stride=8, bias=False)

    def forward(self, x):
        code = self.encoder(x)
        hidden = code
        for norm, conv in zip(self.norms, self.convs, strict=True):
            hidden = hidden + conv(norm(hidden).relu())
        masks = self.mask(hidden).sigmoid().unflatten(1, (2, 8))
        return torch.cat([self.decoder(code * masks[:, k]) for k in range(2)], 1)


class ChannelNorm(nn.Module):
    """cLN without its cumulative part: each frame is normalised over its channels."""

    def __init__(self, channels):
        super().__init__()
        self.norm = nn.LayerNorm(channels)

    def forward(self, x):
        return self.norm(x.transpose(1, 2)).transpose(1, 2)


WAV2VEC2 = ((10, 5), (3, 2), (3, 2), (3, 2), (3, 2), (2, 2), (2, 2))
"""Kernel and stride of each layer of the feature encoder (Baevski et al. 2020)."""


class Wav2Vec2Encoder(nn.Module):
    """The feature encoder with layer norm, as in the large models."""

    def __init__(self, channels=4):
        super().__init__()
        sizes = [1] + [channels] * len(WAV2VEC2)
        self.convs = nn.ModuleList(
            nn.Conv1d(sizes[i], sizes[i + 1], k, s) for i, (k, s) in enumerate(WAV2VEC2)
        )
        self.norms = nn.ModuleList(ChannelNorm(channels) for _ in WAV2VEC2)

    def forward(self, x):
        for conv, norm in zip(self.convs, self.norms, strict=True):
            x = functional.gelu(norm(conv(x)))
        return x


def strided():
    """A codec's encoder: padded strided convolutions, residual units."""
    return nn.Sequential(
        nn.Conv1d(1, 4, 7, padding=3), Block(4, 1, causal=False), nn.Conv1d(4, 6, 4, 2, padding=1),
        nn.ELU(), nn.Conv1d(6, 6, 10, 5, padding=3), nn.ELU(), nn.Conv1d(6, 3, 3, padding=1),
    )  # fmt: skip


NETWORKS = {
    "causal tcn": (tcn, 120),
    "tcn": (lambda: tcn(causal=False), 120),
    "wavenet": (WaveNet, 100),
    "conv-tasnet": (lambda: ConvTasNet(ChannelNorm, causal=False), 400),
    "causal conv-tasnet": (lambda: ConvTasNet(ChannelNorm, causal=True), 400),
    "wav2vec2": (Wav2Vec2Encoder, 2400),
    "strided": (strided, 205),
}
"""Name: how to build it, and a length that is several fields."""
