"""The recorded graph computes what the eager model computes, whatever it writes in place."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from torch import nn

import rfgraph
from rfgraph.capture import record
from rfgraph.capture.outputs import named_tensors
from tests.capture.execution import assert_functional, assert_specs, execute


def write_slice(x):
    y = x * 2
    y[:, :1] = x[:, 1:2]
    return y


def write_through_narrow(x):
    y = x + 0
    y.narrow(1, 0, 2).add_(1)
    return y


def write_strided(x):
    y = x + 0
    y[..., ::2] += 1
    return y


def write_view_of_view(x):
    y = x + 0
    y[:, 1][:, 2].mul_(3)
    return y


def read_stale_view(x):
    y = x + 0
    view = y.view(-1)
    y.add_(1)
    return view * 2


def write_flat(x):
    y = x + 0
    y.view(-1)[3:7] = 5.0
    return y, y.view(-1)


def write_transposed(x):
    y = x + 0
    y.transpose(1, 2)[:, 0].zero_()
    y.permute(3, 0, 1, 2)[1].fill_(2)
    return y


def write_chunks(x):
    y = x + 0
    a, b = y.chunk(2, 1)
    a.relu_()
    b.mul_(a)
    return y


def write_unbound(x):
    y = x + 0
    for i, row in enumerate(y.unbind(1)):
        row.add_(i)
    return y


def write_split(x):
    y = x + 0
    parts = y.split([1, 3], 1)
    parts[1].neg_()
    return y, parts[0]


def write_diagonal(x):
    y = x + 0
    y.diagonal(0, 2, 3).zero_()
    return y


def write_squeezed(x):
    y = x[:, :1] + 0
    y.squeeze(1).add_(1)
    y.unsqueeze(0).mul_(2)
    return y


def write_masked(x):
    y = x + 0
    y[y > 0] = 1.0
    y.masked_fill_(x < -1, 7.0)
    return y


def write_indexed(x):
    y = x + 0
    y[:, torch.tensor([0, 2])] = 0.5
    y.index_add_(1, torch.tensor([1]), x[:, :1])
    y.scatter_(1, torch.zeros_like(y, dtype=torch.int64)[:, :1], 9.0)
    return y


def write_all(x):
    y = torch.empty_like(x)
    y.copy_(x)
    z = torch.zeros(4, 6, 6)
    z += y[0]
    return z.clamp_(0, 1)


def out_arguments(x):
    out = torch.empty(0)
    torch.add(x, 1, out=out)
    kept = torch.zeros_like(x)
    torch.mul(x, out, out=kept)
    part = torch.zeros(2, 8, 6, 6)
    torch.sin(x, out=part[:, 4:])
    values, indices = torch.empty(0), torch.empty(0, dtype=torch.int64)
    torch.max(x, 1, out=(values, indices))
    return out, kept, part, values, indices


def reviewed(x):
    y = x + 0
    y.unsqueeze_(0).squeeze_(0).transpose_(1, 2)
    y[:, 0] = 0
    return y


def detached(x):
    y = x + 0
    y.detach().add_(1)
    y.data.mul_(2)
    return y


def promoted(x):
    y = x + 0
    y += torch.arange(6)
    y += torch.ones(6, dtype=torch.float64)
    return y


def complex_values(x):
    z = torch.fft.rfft2(x)
    z[..., 0] = 0
    y = torch.view_as_real(z)
    y[..., 0].mul_(2)
    return torch.fft.irfft2(z).real, z.abs(), z.conj().imag


def foreach(x):
    parts = [x + 0, x + 1]
    torch._foreach_add_(parts, 2)
    return tuple(parts)


def expanded(x):
    y = x[:, :1].expand(-1, 4, -1, -1)
    return y.contiguous().add_(1), y.reshape(2, -1)


def unfolded(x):
    y = x + 0
    y.unfold(2, 2, 2)[..., 0].zero_()
    return y


def recurrent_state(x):
    state = torch.zeros(2, 4)
    for i in range(6):
        state = state * 0.5 + x[:, :, i, i]
        x[:, :, i, i] = state
    return x, state


def shape_control(x):
    return x.flatten(1) if x.shape[-1] > 5 else x


def constant_control(x):
    scale = torch.arange(4)
    if (scale > 2).any():
        x = x * scale.sum().item()
    return x + float(torch.tensor([1.5, 2.5])[1]) + torch.tensor([1, 2]).tolist()[0]


def inference(x):
    with torch.inference_mode():
        return F.conv2d(x, torch.ones(2, 4, 3, 3)) + 1


def constant_mask(x):
    keep = torch.tensor([True, False, True, True])
    return x[:, keep], torch.arange(6).ge(2).nonzero()


def strided_out_of_a_view(x):
    y = x + 0
    rows = y[:, 1:, 2:]
    return rows.as_strided((2, 3), (144, 2), 1), rows[0].as_strided((4,), (36,))


def write_strided_out_of_a_view(x):
    y = x + 0
    y[:, :2].as_strided((6, 6), (6, 1), 72).add_(x[0, 0])
    return y, y[0] * 2


def vmapped(x):
    return torch.vmap(lambda row: row.cumsum(-1) * 2, in_dims=2, out_dims=1)(x)


def differentiated(x):
    def energy(z):
        return (F.avg_pool2d(z, 3, 1, 1) ** 2).sum()

    with torch.enable_grad():
        z = x.detach().requires_grad_()
        return torch.autograd.grad(energy(z), z)[0], torch.func.grad(energy)(x)


def tangent(x):
    return torch.func.jvp(lambda z: z.sin() * z.flip(2), (x,), (x * 2,))[1]


def selected_by_a_constant(x):
    return x.masked_select(torch.arange(6).ge(2)), x[0].masked_select(torch.ones(3, 1, 1, 6) > 0)


CASES = [
    strided_out_of_a_view,
    write_strided_out_of_a_view,
    vmapped,
    differentiated,
    tangent,
    selected_by_a_constant,
    write_slice,
    write_through_narrow,
    write_strided,
    write_view_of_view,
    read_stale_view,
    write_flat,
    write_transposed,
    write_chunks,
    write_unbound,
    write_split,
    write_diagonal,
    write_squeezed,
    write_masked,
    write_indexed,
    write_all,
    out_arguments,
    reviewed,
    detached,
    promoted,
    complex_values,
    foreach,
    expanded,
    unfolded,
    recurrent_state,
    shape_control,
    constant_control,
    inference,
    constant_mask,
]


@pytest.mark.parametrize("real", [False, True], ids=["meta", "real"])
@pytest.mark.parametrize("function", CASES, ids=lambda f: f.__name__)
def test_graph_equals_eager(function, real):
    """Executing the functional graph gives the eager result bit for bit."""
    x = torch.randn(2, 4, 6, 6)
    original = x.clone()
    with torch.no_grad():
        want = dict(named_tensors(function(x.clone()), "output"))
    recording = record(function, (x,), real=real)
    assert torch.equal(x, original)
    assert_functional(recording)
    got = execute(recording, [x])
    assert_specs(recording, got)
    assert got.keys() == want.keys()
    for name, value in want.items():
        torch.testing.assert_close(got[name], value, rtol=0, atol=0, equal_nan=True)


LAYERS = {
    "lstm": (nn.LSTM(5, 7, 2, batch_first=True, bidirectional=True), (2, 4, 5)),
    "gru": (nn.GRU(5, 7), (4, 2, 5)),
    "attention": (nn.TransformerEncoderLayer(8, 2, 16, batch_first=True), (2, 5, 8)),
    "transformer": (nn.TransformerEncoder(nn.TransformerEncoderLayer(8, 2, 16), 2), (5, 2, 8)),
    "transposed": (nn.ConvTranspose2d(3, 4, 3, 2, 1), (1, 3, 5, 5)),
    "circular": (nn.Conv2d(3, 4, 3, padding=1, padding_mode="circular"), (1, 3, 5, 5)),
    "instance": (nn.InstanceNorm2d(3), (2, 3, 5, 5)),
    "unfold": (nn.Sequential(nn.Unfold(3), nn.Fold((5, 5), 3)), (1, 2, 5, 5)),
    "upsample": (nn.Upsample(scale_factor=2, mode="bicubic"), (1, 2, 5, 5)),
    "inplace": (nn.Sequential(nn.Hardswish(True), nn.Dropout(inplace=True), nn.SiLU(True)), (2, 3)),
    "double": (nn.Conv1d(2, 3, 3).double(), (1, 2, 9)),
    "weight_norm": (nn.utils.parametrizations.weight_norm(nn.Conv2d(3, 4, 3)), (1, 3, 5, 5)),
    "spectral_norm": (nn.utils.spectral_norm(nn.Linear(3, 4)), (2, 3)),
    "scripted": (torch.jit.script(nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU())), (1, 3, 5, 5)),
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", LAYERS)
def test_layers_equal_eager(name):
    """Layers of torch.nn record as what they compute in evaluation mode."""
    model, shape = LAYERS[name]
    model.eval()
    dtype = next((p.dtype for p in model.parameters()), torch.float32)
    x = torch.randn(shape, dtype=dtype)
    with torch.no_grad():
        want = dict(named_tensors(model(x.clone()), "output"))
    recording = record(model, (x,))
    assert_functional(recording)
    got = execute(recording, [x])
    for key, value in want.items():
        torch.testing.assert_close(got[key], value)


@pytest.mark.parametrize("real", [False, True])
def test_generators_are_no_business_of_the_graph(real):
    """Random operators that were given a generator run again without it."""

    def noisy(x):
        draw = torch.Generator().manual_seed(0)
        kernel = torch.rand(3, 4, generator=draw) + torch.empty(4).uniform_(0, 1, generator=draw)
        place = torch.randint(0, 3, (1,), generator=draw)
        noise = torch.bernoulli(x.sigmoid(), generator=draw) + torch.randn(x.shape, generator=draw)
        return x[torch.randperm(len(x), generator=draw)] + noise + kernel[place].sum()

    x = torch.randn(2, 4, 6, 6)
    recording = record(noisy, (x,), real=real)
    got = execute(recording, [x])
    assert got["output"].shape == x.shape
    assert got["output"].isfinite().all()


def test_training_batch_norm_leaves_its_buffers():
    """In training mode batch statistics are used and running ones are results, not writes."""
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Dropout(0.5))
    before = {name: value.clone() for name, value in model.state_dict().items()}
    for real in (False, True):
        recording = record(model, (torch.randn(2, 3, 8, 8),), training=True, real=real)
        names = {str(node.target) for node in recording.graph.nodes}
        assert "aten._native_batch_norm_legit_functional.default" in names
        assert "aten.bernoulli.p" in names
        assert_functional(recording)
        after = model.state_dict()
        assert all(torch.equal(after[name], value) for name, value in before.items())
    assert all(module.training for module in model.modules())


@pytest.mark.parametrize("inplace", [False, True])
def test_randomised_relu_in_training_is_elementwise(inplace):
    """The slopes that it draws, and writes to an argument, are recorded as a second result."""
    model = torch.nn.Sequential(torch.nn.Conv1d(1, 1, 3), torch.nn.RReLU(inplace=inplace))
    node = rfgraph.analyze(model, (1, 1, 9), training=True).output()
    assert node.field.size == (3,)
    assert node.status is rfgraph.Status.EXACT


def test_inference_mode_changes_nothing():
    """Inside inference mode the same operators are recorded as outside."""

    def upsample(x):
        return F.interpolate(x, size=(9, 7), mode="bilinear")

    outside = rfgraph.analyze(upsample, (2, 3, 4, 5)).output()
    with torch.inference_mode():
        inside = rfgraph.analyze(upsample, (2, 3, 4, 5)).output()
    assert inside.operator == outside.operator
    assert inside.field.size == outside.field.size
    assert not inside.field.mixes_batch
