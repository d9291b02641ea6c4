"""What must hold for a model on an accelerator; run as a script, in a process of its own.

    python checks.py cuda
    python checks.py other FOLDER

The second form builds a device that stands in for one (see ``other_device.cpp``) in the folder.
"""

import os
import sys
import types
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn
from torchvision.models import swin_t

import rfgraph

SHAPE = (1, 3, 16, 16)


class Plain(nn.Module):
    """Holds a kernel and an index table that are neither parameters nor buffers."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3, padding=1)
        self.kernels = [torch.rand(4, 4, 3, 3)]
        self.table = torch.arange(15, -1, -1)

    def forward(self, x):
        return nn.functional.conv2d(self.conv(x), self.kernels[0], padding=1)[..., self.table]


class MakesTensors(nn.Module):
    """Makes tensors in forward where its input is, and has a buffer."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3, padding=1)
        self.register_buffer("mask", torch.tril(torch.ones(16, 16), 12))

    def forward(self, x):
        y = self.conv(x)
        ramp = torch.arange(y.shape[-1], device=y.device).float()
        return (y + ramp) * self.mask + torch.zeros(16, device=self.conv.weight.device)


class UsesDefault(nn.Module):
    """Makes a mask in forward without saying where."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3, padding=1)

    def forward(self, x):
        y = self.conv(x)
        return y.masked_fill(torch.triu(torch.ones(16, 16), 9) > 0, 0.0)


def networks():
    torch.manual_seed(0)
    return [
        nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2)).eval(),
        nn.Sequential(nn.Conv2d(3, 4, 3), nn.Upsample(scale_factor=2, mode="bilinear")).eval(),
        nn.Sequential(nn.ConvTranspose2d(3, 4, 4, stride=2), nn.GroupNorm(2, 4)).eval(),
        MakesTensors().eval(),
        Plain().eval(),
    ]


def moved(model, device):
    """The model on the device, with what ``to`` leaves behind."""
    model.to(device)
    if isinstance(model, Plain):
        model.kernels = [kernel.to(device) for kernel in model.kernels]
        model.table = model.table.to(device)
    return model


def fields(analysis):
    return [(node.name, node.field, node.status) for node in analysis]


def check_devices_do_not_mix(device):
    there = torch.rand(3).to(device)
    for mixed in (lambda: there + torch.rand(3), lambda: torch.cat([there, torch.rand(3)])):
        with pytest.raises(RuntimeError, match="device"):
            mixed()


def check_analyses_are_those_of_the_cpu(device):
    for model in networks():
        wanted = fields(rfgraph.analyze(model, SHAPE))
        wanted_real = fields(rfgraph.analyze(model, SHAPE, real=True))
        moved(model, device)
        assert fields(rfgraph.analyze(model, SHAPE)) == wanted
        assert fields(rfgraph.analyze(model, torch.rand(SHAPE).to(device))) == wanted
        assert fields(rfgraph.analyze(model, SHAPE, real=True)) == wanted_real


def check_a_transformer_is_analysed_as_on_the_cpu(device):
    model = swin_t(weights=None).eval()
    wanted = fields(rfgraph.analyze(model, (1, 3, 64, 64)))
    assert fields(rfgraph.analyze(model.to(device), (1, 3, 64, 64))) == wanted


def check_effective_fields_are_those_of_the_cpu(device):
    for model in networks():
        batch = torch.rand(2, *SHAPE[1:], generator=torch.Generator().manual_seed(1))
        wanted = rfgraph.erf(model, batch).values
        # On the device for this one question, with the model left where it is.
        asked = rfgraph.erf(model, batch, device=device).values
        assert np.allclose(asked, wanted, rtol=1e-3, atol=1e-5 * wanted.max())
        assert all(p.device.type == "cpu" for p in model.parameters())
        moved(model, device)
        for given in (batch, batch.to(device)):
            found = rfgraph.erf(model, given).values
            assert np.allclose(found, wanted, rtol=1e-3, atol=1e-5 * wanted.max())
        assert all(p.device.type == torch.device(device).type for p in model.parameters())


def check_the_empirical_check_passes(device):
    for model in networks():
        moved(model, device)
        result = rfgraph.check(model, SHAPE, count=2, positions=[(4, 4)], method="both")
        assert result.ok
        assert result.count("exact") == len(result.findings), result
        assert all(p.device.type == torch.device(device).type for p in model.parameters())


def check_tiles_run_where_the_model_is(device):
    model = nn.Sequential(nn.Conv2d(3, 4, 5, padding=2), nn.MaxPool2d(2)).eval().to(device)
    image = torch.rand(1, 3, 40, 40)
    plan = rfgraph.tiling(rfgraph.analyze(model, image), tile=20)
    with torch.no_grad():
        wanted = model(image.to(device)).cpu()
    for given in (image, image.to(device)):
        found = plan.run(model, given)
        assert found.device == given.device
        assert torch.allclose(found.cpu(), wanted, atol=1e-4)


def check_streams_run_where_the_model_is(device):
    model = nn.Sequential(nn.Conv1d(2, 4, 5), nn.ReLU(), nn.Conv1d(4, 2, 3, stride=2)).eval()
    model.to(device)
    signal = torch.rand(1, 2, 101)
    plan = rfgraph.streaming(rfgraph.analyze(model, signal))
    with torch.no_grad():
        wanted = model(signal.to(device)).cpu()
    for given in (signal, signal.to(device)):
        found = torch.cat(list(plan.run(model, given, 16)), -1)
        assert found.device == given.device
        assert torch.allclose(found.cpu(), wanted, atol=1e-4)


def check_patches_and_features_come_back(device):
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU()).eval().to(device)
    pictures = [torch.rand(SHAPE[1:]) for _ in range(3)]
    for given in (pictures, [picture.to(device) for picture in pictures]):
        assert len(rfgraph.top_patches(model, given, "1", channel=1)) > 0
    with rfgraph.record(model, ["0"]) as recording:
        model(torch.rand(SHAPE).to(device))
    assert recording["0"].device.type == "cpu"


def check_everything_holds_where_the_device_is_the_default(device):
    torch.set_default_device(device)
    try:
        model = UsesDefault().eval()
        assert model.conv.weight.device.type == torch.device(device).type
        here = rfgraph.erf(model, SHAPE, draws=2)
        assert here.values.any()
        assert rfgraph.check(model, SHAPE, count=2, positions=[(4, 4)], method="both").ok
        assert rfgraph.erf(model, SHAPE, draws=2, device="cpu").values.any()
        found = fields(rfgraph.analyze(model, SHAPE))
        found_swin = fields(rfgraph.analyze(swin_t(weights=None).eval(), (1, 3, 64, 64)))
    finally:
        torch.set_default_device("cpu")
    assert found == fields(rfgraph.analyze(model.cpu(), SHAPE))
    assert found_swin == fields(rfgraph.analyze(swin_t(weights=None).eval(), (1, 3, 64, 64)))


def build(folder):
    """Build and install the device ``other``."""
    from torch.utils.cpp_extension import load

    made = load(
        name="other_device",
        sources=[str(Path(__file__).with_name("other_device.cpp"))],
        build_directory=folder,
        extra_cflags=["-O0"],
    )
    made.install()
    torch.utils.rename_privateuse1_backend("other")
    module = types.ModuleType("torch.other")
    module.is_available = module.is_initialized = lambda: True
    module.device_count = lambda: 1
    module.current_device = lambda: 0
    module.manual_seed_all = lambda _seed: None
    module._is_in_bad_fork = lambda: False
    torch._register_device_module("other", module)
    torch.utils.generate_methods_for_privateuse1_backend(for_storage=False)


def main():
    device, *folder = sys.argv[1:]
    if folder:
        build(*folder)
    warnings.simplefilter("ignore")
    checks = [check for name, check in globals().items() if name.startswith("check_")]
    for check in checks:
        check(device)


if __name__ == "__main__":
    main()
    # PyTorch does not end the threads of a device that is built outside it.
    os._exit(0)
