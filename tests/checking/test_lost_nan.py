"""NaN that an operator swallows is noticed, in whatever way it is swallowed."""

import pytest
import torch
import torch.nn.functional as F  # noqa: N812 -- its usual name
import torchvision
from torch import nn

import rfgraph
from rfgraph.checking.carried_nan import CarriedNaN
from rfgraph.geometry.tensor_map import Axes, AxisRead
from rfgraph.geometry.window import window
from rfgraph.rules.axes import along
from rfgraph.rules.builtin import BUILTIN_RULES
from rfgraph.rules.call import Read


def _one_wide(call):
    """Lie: every convolution reads one place."""
    image, *rest = BUILTIN_RULES.rules["aten.convolution"](call)
    reads = tuple(
        AxisRead(k, window(kernel=1)) if k > 1 else read for k, read in enumerate(image.map.reads)
    )
    return [Read(image.source, Axes(reads)), *rest]


LYING = BUILTIN_RULES.replacing("aten.convolution", _one_wide)


class Keyed(nn.Module):
    """A function of a convolution and of what it reads."""

    def __init__(self, function, rank=1):
        super().__init__()
        self.function = function
        self.conv = (nn.Conv1d if rank == 1 else nn.Conv2d)(2, 2, 5, padding=2)

    def forward(self, x):
        return self.function(self.conv(x), x)


def _verdicts(model, shape, **options):
    result = rfgraph.check(model, shape, method="taint", enlarge=False, **options)
    return {finding.verdict.value for finding in result.findings}, result


HIDDEN = {
    "maximum's place": lambda k, x: x * (1 + k.max(1, keepdim=True)[1]),
    "view of the place": lambda k, x: x * (1 + k.max(1)[1].unsqueeze(1)),
    "running maximum's place": lambda k, x: x * k.cummax(1).indices,
    "one hot": lambda k, x: x * torch.zeros_like(k).scatter_(1, k.max(1, keepdim=True)[1], 1.0),
    "count": lambda k, x: x * torch.linalg.vector_norm(k, ord=0, dim=1, keepdim=True),
    "bits": lambda k, x: x * (k.view(torch.int32) & 255),
    "exponent": lambda k, x: x * torch.frexp(k).exponent,
    "copy to integers": lambda k, x: x * torch.zeros(k.shape, dtype=torch.int64).copy_(k),
}


@pytest.mark.parametrize("function", HIDDEN.values(), ids=HIDDEN)
def test_what_hides_nan_is_no_proof(function):
    """The prediction is too small, and NaN cannot show it."""
    found, result = _verdicts(Keyed(function), (1, 2, 20), nodes=["mul"], rules=LYING)
    assert found == {"inconclusive"}, str(result)
    assert all("can swallow NaN on the way" in f.reason for f in result.findings)


def test_indices_that_nobody_reads_hide_nothing():
    """Maxima return where they were found, and mostly nobody asks."""

    def highest(k, x):
        return F.max_pool1d(k, 3, 1, 1) + k.max(1, keepdim=True)[0] + x

    found, result = _verdicts(Keyed(highest), (1, 2, 20), nodes=["add_1"])
    assert found == {"exact"}, str(result)


@torch.library.custom_op("rfgraph_tests::smooth_numbers", mutates_args=())
def smooth_numbers(x: torch.Tensor) -> torch.Tensor:
    """A mean over five, whatever it is of."""
    return torch.nan_to_num(F.avg_pool1d(x, 5, 1, 2))


@smooth_numbers.register_fake
def _(x):
    return torch.empty_like(x)


def test_an_opaque_operator_that_hides_nan_is_no_proof():
    """Nothing is known of it but that NaN went in and none came out."""
    rules = BUILTIN_RULES.with_rule(
        "rfgraph_tests.smooth_numbers", lambda call: [Read(call["x"], along(3, {}))]
    )
    model = Keyed(lambda k, x: x + smooth_numbers(k))
    assert _verdicts(model, (1, 2, 20), nodes=["add"], rules=rules)[0] == {"inconclusive"}


LEFT_OUT = {
    "part": lambda k, x: x + F.pad(k, (5, 0))[..., [0, 1, 2, 3]].sum(-1, keepdim=True),
    "overwritten": lambda k, x: x + torch.zeros_like(k.clone().fill_(1.0)),
    "stepped over": lambda k, x: (
        x + F.conv1d(F.pad(k[..., 3:4], (1, 4)), torch.ones(2, 2, 1), stride=2).mean()
    ),
}


@pytest.mark.parametrize("function", LEFT_OUT.values(), ids=LEFT_OUT)
def test_what_is_left_out_was_not_swallowed(function):
    """Parts, overwritten tensors and steps need not show the NaN beside them."""
    found, result = _verdicts(Keyed(function), (1, 2, 20), nodes=["add"])
    assert "inconclusive" not in found, str(result)


def test_sampling_at_nan_is_nan():
    """The kernel reads nothing there; the result depends on the coordinate all the same."""
    image = torch.rand(1, 2, 9, 9)

    def sampled(k, x):
        places = k.permute(0, 2, 3, 1).tanh()
        many = image.expand(len(x), -1, -1, -1).to(x.dtype)
        return x + F.grid_sample(many, places, mode="nearest", align_corners=False)

    model = Keyed(sampled, 2)
    assert _verdicts(model, (1, 2, 12, 12), nodes=["add"])[0] == {"exact"}
    found, result = _verdicts(model, (1, 2, 12, 12), nodes=["add"], rules=LYING)
    assert found == {"violated"}, str(result)


class Deformed(nn.Module):
    """A deformable convolution at offsets of its own."""

    def __init__(self):
        super().__init__()
        self.offsets = nn.Conv2d(2, 18, 3, padding=1)
        self.conv = torchvision.ops.DeformConv2d(2, 4, 3, padding=1)

    def forward(self, x):
        return self.conv(x, self.offsets(x) * 0.1)


def test_kernels_get_no_nan_for_coordinates():
    """They would read memory that is not theirs; the offsets' dependence is carried for them."""
    found, result = _verdicts(Deformed(), (1, 2, 12, 12))
    assert found <= {"exact", "loose"}, str(result)


@pytest.mark.parametrize("pool", [torchvision.ops.roi_align, torchvision.ops.roi_pool])
def test_what_is_cut_out_at_nan_is_nan(pool):
    """Each box decides on its own part."""
    boxes = torch.tensor([[0, torch.nan, 1, 5, 6], [0, 1.0, 1, 5, 6]])
    with CarriedNaN(nn.Identity(), {}, 1):
        parts = pool(torch.rand(1, 2, 12, 12), boxes, 3)
    assert parts.isnan().flatten(1).all(1).tolist() == [True, False]
    assert not parts[1].isnan().any()
