"""Fourier transforms and complex numbers."""

from __future__ import annotations

import torch
from torch import Tensor

from tests.rules.cases._case import function


def _filtered(x: Tensor) -> Tensor:
    spectrum = torch.fft.rfft2(x)
    gain = torch.linspace(0.5, 2.0, spectrum.shape[-1], dtype=x.dtype, device=x.device) ** 3
    tilt = torch.linspace(0.3, 1.7, spectrum.shape[-2], dtype=x.dtype, device=x.device)
    return torch.fft.irfft2(spectrum * gain * tilt[:, None], s=x.shape[-2:])


def _spectrogram(x: Tensor) -> Tensor:
    window = torch.ones(4, dtype=x.dtype, device=x.device)
    return torch.stft(x, 4, 2, window=window, center=False, return_complex=True).abs()


def _there_and_back(x: Tensor) -> Tensor:
    window = torch.ones(4, dtype=x.dtype, device=x.device)
    spectrum = torch.stft(x, 4, 2, window=window, return_complex=True)
    gain = torch.tensor([0.5, 1.0, 3.0], dtype=x.dtype, device=x.device)[:, None]
    return torch.istft(spectrum * gain, 4, 2, window=window, length=x.shape[-1])


CASES = (
    function("fft", lambda x: torch.fft.fft(x, dim=2).abs(), (1, 2, 5, 3)),
    function("fft-complex", lambda x: torch.fft.fft(torch.fft.fft(x) + x).abs(), (1, 2, 3, 4)),
    function("rfft2-irfft2", _filtered, (1, 1, 4, 4)),
    function("fftshift", lambda x: torch.fft.fftshift(x, dim=(2, 3)), (1, 1, 4, 5)),
    function("stft", _spectrogram, (1, 12), axes=(1,)),
    function("istft", _there_and_back, (1, 12), axes=(1,), output_axes=(1,)),
    function(
        "view_as_complex",
        lambda x: torch.view_as_complex(x).abs(),
        (1, 1, 4, 2),
        axes=(2,),
        output_axes=(2,),
    ),
    function(
        "view_as_real",
        lambda x: torch.view_as_real(torch.complex(x, x)).sum(-1),
        (1, 1, 4, 3),
    ),
    function("polar", lambda x: torch.polar(x, x).imag, (1, 1, 4, 3)),
    function("conj-physical", lambda x: torch.complex(x, x).conj_physical().imag, (1, 1, 4, 3)),
    function("conj", lambda x: torch.complex(x, x).conj().resolve_conj().real, (1, 1, 4, 3)),
)
