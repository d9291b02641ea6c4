"""The oracle must reject rules that lie; an oracle that accepts them would prove nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import pytest
import torch
from torch import nn

import rfgraph
from rfgraph.geometry.axis_map import AxisMap, Border
from rfgraph.geometry.movement import pad
from rfgraph.geometry.periodic import affine, compose
from rfgraph.geometry.tensor_map import WHOLE, Axes, AxisRead, identity
from rfgraph.geometry.window import window
from rfgraph.rules.builtin import BUILTIN_RULES
from rfgraph.rules.call import Call, PerOutput, Read, Reads, Rule, shape
from rfgraph.rules.convolution import convolution
from rfgraph.rules.pointwise import pointwise
from rfgraph.rules.resampling import RULES as RESAMPLING
from tests.comparison import differences
from tests.oracle.taint import reach


class Residual(nn.Module):
    """A convolution around which its input is carried."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(2, 2, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.conv(x).roll(1, 2) + x


class Gate(nn.Module):
    """Every element times a mean over space."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * x.mean((2, 3), keepdim=True)


@dataclass(frozen=True)
class Lie:
    """A false rule and a model on which it tells its lie."""

    id: str
    operator: str
    rule: Rule
    model: Callable[[], nn.Module]


def _with_space(change: Callable[[int, AxisRead], AxisRead]) -> Rule:
    """The convolution rule with its reads of space changed."""

    def rule(call: Call) -> Reads:
        image, *rest = convolution(call)
        assert isinstance(image.map, Axes)
        reads = [r if k < 2 else change(k, r) for k, r in enumerate(image.map.reads)]
        return [Read(image.source, Axes(tuple(reads))), *rest]

    return rule


def _windows(**settings: int) -> Rule:
    truth = {"kernel": 3, "stride": 1, "dilation": 2, "padding": 1}
    return _with_space(lambda _, read: replace(read, reads=window(**{**truth, **settings})))


def _shifted(_: int, read: AxisRead) -> AxisRead:
    assert isinstance(read.reads, AxisMap)
    return replace(read, reads=AxisMap(compose(affine(1, 1), read.reads.interior)))


def _swapped(axis: int, read: AxisRead) -> AxisRead:
    return AxisRead(5 - axis, read.reads)


def _first_only(call: Call) -> Reads:
    return pointwise(call)[:1]


def _local_mean(call: Call) -> Reads:
    source = call["self"]
    rank = len(shape(source))
    space = {2, 3}
    return [
        Read(
            source,
            Axes(
                tuple(
                    AxisRead(k, window(3, 1, 1, 1) if k in space else identity(rank).reads[k].reads)
                    for k in range(rank)
                )
            ),
        )
    ]


def _global_pool(call: Call) -> PerOutput:
    source = call["self"]
    reads = tuple(
        AxisRead(k, WHOLE) if k > 1 else AxisRead(k, r.reads)
        for k, r in enumerate(identity(4).reads)
    )
    return PerOutput(([Read(source, Axes(reads))],) * 2)


def _corners_ignored(call: Call) -> Reads:
    honest = call.__class__.get

    class Deaf(Call):
        def get(self, name, default=None):
            return False if name == "align_corners" else honest(self, name, default)

    return RESAMPLING["aten.upsample_bilinear2d"](Deaf(call.node, call.value))


def _symmetric(call: Call) -> Reads:
    """As if the two rows of padding were split between the sides."""
    reads = identity(4).reads
    space = (AxisRead(k, pad(1, Border.VIRTUAL)) for k in (2, 3))
    return [Read(call["self"], Axes((*reads[:2], *space)))]


def _dilated() -> nn.Module:
    return nn.Conv2d(2, 2, 3, dilation=2, padding=1)


def _transposed() -> nn.Module:
    return nn.ConvTranspose2d(2, 2, 2, stride=3)


LIES = [
    Lie("kernel-too-small", "aten.convolution", _windows(kernel=2), _dilated),
    Lie("kernel-too-large", "aten.convolution", _windows(kernel=4), _dilated),
    Lie("dilation-ignored", "aten.convolution", _windows(dilation=1), _dilated),
    Lie("padding-ignored", "aten.convolution", _windows(padding=0), _dilated),
    Lie(
        "padding-asymmetry-ignored",
        "aten.constant_pad_nd",
        _symmetric,
        lambda: nn.Sequential(nn.ZeroPad2d((2, 0, 2, 0)), nn.Conv2d(2, 2, 3)),
    ),
    Lie("stride-ignored", "aten.convolution", _windows(stride=2), _dilated),
    Lie("phases-shifted", "aten.convolution", _with_space(_shifted), _transposed),
    Lie(
        "axes-swapped",
        "aten.convolution",
        _with_space(_swapped),
        lambda: nn.Conv2d(2, 2, (3, 1), padding=(1, 0)),
    ),
    Lie("branch-forgotten", "aten.add.Tensor", _first_only, Residual),
    Lie("global-called-local", "aten.mean", _local_mean, Gate),
    Lie(
        "local-called-global",
        "aten.max_pool2d_with_indices",
        _global_pool,
        lambda: nn.MaxPool2d(3, 1, 1),
    ),
    Lie(
        "align-corners-ignored",
        "aten.upsample_bilinear2d",
        _corners_ignored,
        lambda: nn.Upsample((13, 13), mode="bilinear", align_corners=True),
    ),
]


@pytest.mark.parametrize("lie", LIES, ids=lambda lie: lie.id)
def test_a_lie_is_caught(lie: Lie):
    """A false rule differs from the eager model; the true rule does not."""
    model = lie.model()
    for parameter in model.parameters():
        parameter.data.abs_().add_(0.1)
    x = torch.rand(1, 2, 7, 7) + 0.5
    truth = reach(model, x)["output"]
    honest = rfgraph.analyze(model, tuple(x.shape)).output()
    assert list(differences(honest, truth)) == []
    if lie.operator in BUILTIN_RULES.rules:
        rules = BUILTIN_RULES.replacing(lie.operator, lie.rule)
    else:
        rules = BUILTIN_RULES.with_rule(lie.operator, lie.rule)
    liar = rfgraph.analyze(model, tuple(x.shape), rules=rules).output()
    assert list(differences(liar, truth))
