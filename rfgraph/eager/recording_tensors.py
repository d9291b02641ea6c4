"""Tensors that can be differentiated, whatever mode the caller is in."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

import torch


def recording_tensors() -> AbstractContextManager[object]:
    """Return a context in which tensors are made that a gradient can lead through.

    Under ``torch.inference_mode`` none are.
    """
    return torch.inference_mode(mode=False) if torch.is_inference_mode_enabled() else nullcontext()
