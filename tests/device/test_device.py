"""Models on an accelerator: on CUDA where there is one, else on a device that stands in for it."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch

SCRIPT = Path(__file__).with_name("checks.py")


@pytest.mark.slow  # compiles the stand-in, half a minute
def test_models_on_an_accelerator(tmp_path):
    """All of `checks.py`, in one process of its own."""
    if torch.cuda.is_available():
        device = ["cuda"]
    elif shutil.which("ninja") and shutil.which("c++"):
        device = ["other", str(tmp_path)]
    else:
        pytest.skip("there is no CUDA, and no c++ and ninja to build a stand-in with")
    run = subprocess.run(
        [sys.executable, str(SCRIPT), *device], capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr
