"""What an analysis can be asked."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction

import numpy as np
import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from torch import nn

import rfgraph


class Branches(nn.Module):
    """A 3x3 and a strided path that meet, then a pooled gate."""

    def __init__(self, shift: int = 0) -> None:
        super().__init__()
        self.wide = nn.Conv2d(3, 4, 5, padding=2)
        self.narrow = nn.Conv2d(3, 4, 3, padding=1 + shift)
        self.shift = shift
        self.gate = nn.Conv2d(4, 4, 1)

    def forward(self, x):
        y = self.narrow(x)
        if self.shift:
            y = y[:, :, 2 * self.shift :, 2 * self.shift :]
        y = self.wide(x) + y
        return {"map": y, "gated": y * torch.sigmoid(self.gate(y.mean((2, 3), keepdim=True)))}


@pytest.fixture(scope="module")
def resnet():
    """ResNet-18 at 64 pixels."""
    import torchvision

    with torch.device("meta"):
        model = torchvision.models.resnet18(weights=None)
    return rfgraph.analyze(model, (1, 3, 64, 64))


def test_index_by_node_and_by_module(resnet):
    """A module path leads to what the module returned, also for a block."""
    assert resnet["layer1.0.conv1"].operator == "aten.convolution.default"
    assert resnet["layer1.0"].name == resnet["layer1.0.relu_1"].name
    assert resnet["layer1"].field.size == (43, 43)
    assert "layer1" in resnet
    assert "layer9" not in resnet


def test_unknown_name_suggests_close_ones(resnet):
    """The error names what might have been meant, and is a KeyError too."""
    with pytest.raises(rfgraph.NodeNotFoundError, match=r"layer1\.0\.conv3.*Did you mean.*conv"):
        resnet["layer1.0.conv3"]
    with pytest.raises(KeyError):
        resnet["nowhere"]


def test_iteration_is_execution_order(resnet):
    """Every node comes after the nodes it reads."""
    order = {node.name: k for k, node in enumerate(resnet)}
    assert all(order[a] < order[b] for a, b in resnet.graph.edges)
    assert list(order)[:3] == ["x", "conv1", "bn1"]


def test_numbers_of_a_plain_network(resnet):
    """Size, jump, start, centre, period and support of an ordinary CNN."""
    field = resnet["layer2.0.conv1"].field
    assert field.size == (51, 51)
    assert field.jump == (8, 8)
    assert field.start == (-25, -25)
    assert field.center == (0, 0)
    assert field.period == (1, 1)
    assert field.support == field.size == field.size_min == field.size_max


def test_global_pooling_is_global_and_not_local(resnet):
    """After the pooling no local path is left, and its node is the origin."""
    field = resnet["avgpool"].field
    assert field.is_global
    assert field.local is None
    assert field.size == (None, None)
    assert field.global_origins == ("avgpool",)
    assert resnet.output().field.global_origins == ("avgpool",)


def test_region_at_the_corner(resnet):
    """The region is clipped, the unclipped hull is not, and slices index the input."""
    region = resnet["layer1"].region((0, 0))
    assert region.hull == ((0, 21), (0, 21))
    assert region.unclipped == ((-21, 21), (-21, 21))
    assert torch.zeros(1, 3, 64, 64)[region.slices].shape == (1, 3, 22, 22)
    assert not region.is_empty
    assert resnet["layer1"].region((-1, -1)).hull == ((39, 63), (39, 63))


def test_region_checks_its_position(resnet):
    """Too many indices and positions outside are refused with the lengths."""
    with pytest.raises(rfgraph.IndexRangeError, match="needs 2 indices"):
        resnet["layer1"].region(3)
    with pytest.raises(rfgraph.IndexRangeError, match="lies outside layer1"):
        resnet["layer1"].region((16, 0))
    with pytest.raises(rfgraph.InputError, match="no input 'y'; its inputs are x"):
        resnet["layer1"].region((0, 0), input="y")


def test_an_element_that_reads_only_padding_is_empty():
    """Padding beyond the kernel gives elements with no field, on no axis."""
    node = rfgraph.analyze(nn.Conv2d(1, 1, 1, padding=(2, 0)), (1, 1, 4, 4)).output()
    region = node.region((0, 1))
    assert region.is_empty
    assert torch.zeros(1, 1, 4, 4)[region.slices].numel() == 0
    assert not node.footprint((0, 1)).any()


def test_holes_and_crosses_show_in_the_footprint():
    """Dilation leaves holes; 1x3 and 3x1 branches make a cross that no hull shows."""

    class Cross(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.row, self.column = nn.Conv2d(1, 1, (1, 3)), nn.Conv2d(1, 1, (3, 1))

        def forward(self, x):
            return F.pad(self.row(x), (1, 1)) + F.pad(self.column(x), (0, 0, 1, 1))

    cross = rfgraph.analyze(Cross(), (1, 1, 5, 5)).output().footprint((2, 2))
    assert cross.sum() == 5
    assert cross[1, 1] == np.False_
    holes = rfgraph.analyze(nn.Conv1d(1, 1, 3, dilation=4), (1, 1, 20)).output()
    assert holes.field.support == (3,)
    assert holes.field.size == (9,)
    assert np.flatnonzero(holes.footprint(1)).tolist() == [1, 5, 9]


def test_branches_tell_alignment():
    """Branches whose centres differ are not aligned; a crop on both sides is."""
    aligned = rfgraph.analyze(Branches(), (1, 3, 20, 20))["add"]
    assert [(b.source, b.size, b.aligned) for b in aligned.branches] == [
        ("wide", (5, 5), True),
        ("narrow", (3, 3), True),
    ]
    crooked = rfgraph.analyze(Branches(shift=1), (1, 3, 20, 20))["add"]
    assert [b.aligned for b in crooked.branches] == [True, False]


def test_outputs_by_name():
    """A dict gives one output per key, found with and without the prefix."""
    analysis = rfgraph.analyze(Branches(), (1, 3, 20, 20))
    assert list(analysis.outputs) == ["output.map", "output.gated"]
    assert analysis.output("map").field.is_global is False
    gated = analysis.output("output.gated").field
    assert gated.is_global
    assert gated.size == (5, 5)
    with pytest.raises(rfgraph.NodeNotFoundError, match=r"its outputs are output\.map"):
        analysis.output("logits")


def test_local_scope_leaves_the_gate_out():
    """The structural truth sees the whole input through the gate, the local scope does not."""
    node = rfgraph.analyze(Branches(), (1, 3, 20, 20)).output("gated")
    assert node.region((10, 10)).hull == ((0, 19), (0, 19))
    assert node.region((10, 10), scope="local").hull == ((8, 12), (8, 12))


def test_paths_are_counted_not_listed():
    """Ten residual blocks have 2^10 paths; the extremes skip none and all of them."""

    class Tower(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.blocks = nn.ModuleList(nn.Conv1d(2, 2, 3, padding=1) for _ in range(10))

        def forward(self, x):
            for block in self.blocks:
                x = x + block(x)
            return x + x

    paths = rfgraph.analyze(Tower(), (1, 2, 50)).output().paths
    assert paths.count == 2**11
    assert not any(name.startswith("blocks") for name in paths.smallest)
    assert [name for name in paths.largest if name.startswith("blocks")] == [
        f"blocks.{k}" for k in range(10)
    ]


def test_densenet_counts_its_paths_exactly():
    """The number of paths of DenseNet-201 is an integer of many digits, found in one pass."""
    import torchvision

    with torch.device("meta"):
        model = torchvision.models.densenet201(weights=None)
    count = rfgraph.analyze(model, (1, 3, 64, 64)).output().paths.count
    assert isinstance(count, int)
    assert count > 10**25


def test_upsampling_has_phases():
    """Two phases of a doubled map; jump is an exact fraction."""
    field = rfgraph.analyze(nn.Upsample(scale_factor=2), (1, 3, 8, 8)).output().field
    assert field.jump == (Fraction(1, 2), Fraction(1, 2))
    assert field.period == (2, 2)
    assert field.size == (1, 1)


def test_circular_padding_wraps_at_the_border_only():
    """Interior elements see a window; the border sees both ends."""
    model = nn.Conv1d(2, 2, 3, padding=1, padding_mode="circular")
    node = rfgraph.analyze(model, (1, 2, 16)).output()
    assert node.field.size == (3,)
    assert node.field.jump == (1,)
    assert node.field.size_max == (16,)
    assert np.flatnonzero(node.footprint(0)).tolist() == [0, 1, 15]


def test_layouts_choose_the_axes():
    """Channels-last sequences and images."""
    model = nn.Linear(4, 5)
    info = rfgraph.analyze(model, (2, 10, 4), layout="NLC").inputs["input"]
    assert info.axes == (1,)
    assert info.batch == 0
    nhwc = rfgraph.analyze(model, (2, 6, 7, 4), layout="NHWC").output()
    assert nhwc.field.size == (1, 1)
    assert nhwc.region((2, 3)).hull == ((2, 2), (3, 3))
    with pytest.raises(rfgraph.InputError, match="Layout 'NHW' does not fit"):
        rfgraph.analyze(model, (2, 6, 7, 4), layout="NHW")


def test_several_inputs_have_a_field_each():
    """A node has a field with respect to every input, and none where it does not depend on it."""

    def model(left, right):
        return left[:, :, 1:] + F.avg_pool1d(right, 4, 2), right * 2

    analysis = rfgraph.analyze(model, [(1, 2, 9), (1, 2, 18)])
    fields = analysis.output("0").fields
    assert fields["left"].size == (1,)
    assert fields["right"].jump == (2,)
    assert not analysis.output("1").fields["left"].reaches
    assert analysis.output("0").region(2, input="right").hull == ((4, 7),)


def test_mixing_samples_is_found():
    """Batch statistics in training mode make samples depend on each other."""
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4))
    assert not rfgraph.analyze(model, (2, 3, 8, 8)).output().field.mixes_batch
    training = rfgraph.analyze(model, (2, 3, 8, 8), training=True).output()
    assert training.field.mixes_batch
    assert training.field.is_global
    assert training.field.size == (3, 3)


@pytest.mark.parametrize(
    ("forward", "mixes"),
    [
        (lambda x: x.roll(1, 0), True),
        (lambda x: x.flip(0), True),
        (lambda x: x[[1, 2, 0]], True),
        (lambda x: torch.cat([x[1:], x[:1]]), True),
        (lambda x: x * 2, False),
        (lambda x: x[1:], False),
        (lambda x: x[::2], False),
        (lambda x: torch.cat([x, x + 1]).chunk(2)[1], False),
        (lambda x: x.transpose(0, 1) * 2, False),
    ],
)
def test_exchanging_samples_mixes_them(forward, mixes):
    """Each sees one sample alone, but not its own; a selection has no own ones."""
    assert rfgraph.analyze(forward, (3, 2, 8)).output().field.mixes_batch is mixes


def test_strict_refuses_an_operator_without_rule():
    """Without a rule the answer is global and loud; strict raises."""
    library = torch.library.Library("rfgraph_test", "FRAGMENT")
    library.define("unheard_of(Tensor x) -> Tensor")
    library.impl("unheard_of", torch.clone, "CompositeExplicitAutograd")

    def model(x):
        return torch.ops.rfgraph_test.unheard_of(x)

    loose = rfgraph.analyze(model, (1, 3, 4, 4)).output()
    assert loose.status is rfgraph.Status.UNKNOWN
    assert "has no rule" in loose.reasons[0]
    assert loose.footprint((0, 0)).all()
    with pytest.raises(rfgraph.UnknownOperatorError, match="has no rule; give one"):
        rfgraph.analyze(model, (1, 3, 4, 4), strict=True)


def test_graph_edges_carry_the_maps(resnet):
    """The graph is networkx's and every edge has its reads."""
    import networkx as nx

    assert nx.is_directed_acyclic_graph(resnet.graph)
    edge = resnet.graph.edges["relu", "maxpool"]["edge"]
    assert edge.reads[0].map.reads[2].reads.interior.advance == 2


def test_an_axis_of_length_zero_reads_nothing():
    """Slices that came out empty are no error and depend on no input."""
    none = torch.empty(0, dtype=torch.long)

    def model(x):
        return x[:, :, :0].index_select(2, none), x.flip(2)

    analysis = rfgraph.analyze(model, torch.rand(1, 3, 8))
    assert analysis.output("1").field.size == (1,)
    assert analysis.output("0").shape == (1, 3, 0)
    assert not analysis.output("0").field.reaches


@pytest.mark.parametrize(
    "model",
    [
        lambda x: x * x.mean().item(),
        lambda x: x * torch.tensor(x.sum((0, 1)).tolist()),
        lambda x: x * 2 if x.sum() > 0 else x * 3,
    ],
    ids=["item", "tolist", "if"],
)
def test_values_read_by_python_are_not_forgotten(model):
    """What leaves as a Python value in a real capture makes later nodes bounds and global."""
    node = rfgraph.analyze(model, torch.rand(1, 3, 8), real=True).output()
    assert node.status is rfgraph.Status.BOUND
    assert "read by Python code" in node.reasons[0]
    assert node.field.is_global
    assert node.footprint(2).all()


def test_an_input_read_by_python_is_not_forgotten():
    """The status says so too where it is an input itself that Python code read."""

    def model(x):
        return x + torch.tensor(x.tolist()).flip(-1)

    node = rfgraph.analyze(model, torch.rand(1, 3, 8), real=True).output()
    assert node.status is rfgraph.Status.BOUND
    assert node.field.is_global
    assert node.footprint(2).all()


def test_a_default_device_without_data_changes_nothing():
    """Models are built, and then analysed, inside ``with torch.device("meta")``."""
    import torchvision

    with torch.device("meta"):
        model = torchvision.models.swin_t(weights=None).eval()
        inside = rfgraph.analyze(model, (1, 3, 64, 64))
    outside = rfgraph.analyze(model, (1, 3, 64, 64))
    assert [(n.name, n.field, n.status) for n in inside] == [
        (n.name, n.field, n.status) for n in outside
    ]


class Threaded(torch.nn.Module):
    """Computes a part of its result in another thread, where no recording sees it."""

    def forward(self, x):
        with ThreadPoolExecutor(1) as pool:
            far = pool.submit(x.roll, 3, -1).result()
        return x + far


class HeldWithoutData(torch.nn.Module):
    """Holds tensors without data in a list."""

    def __init__(self):
        super().__init__()
        self.kernels = [torch.empty(2, 2, 3, device="meta")]

    def forward(self, x):
        return torch.nn.functional.conv1d(x, self.kernels[0])


def test_what_another_thread_computes_is_bounded_by_everything():
    """Nobody knows what it read."""
    node = rfgraph.analyze(Threaded(), (1, 2, 8)).output()
    assert node.footprint((5,)).all()
    assert node.status is rfgraph.Status.BOUND


def test_tensors_held_without_data_are_no_results():
    """They were there before the model ran."""
    node = rfgraph.analyze(HeldWithoutData(), (1, 2, 8)).output()
    assert node.footprint((2,)).sum() == 3
    assert node.status is rfgraph.Status.EXACT


@pytest.mark.parametrize("inputs", [None, (), [], {}, (None,), {"other": None}])
def test_all_tensors_by_keyword(inputs):
    """No positional tensor is needed where the keyword arguments hold some."""

    def forward(other=None, *, x):
        return x[..., 1:] - x[..., :-1] if other is None else other

    analysis = rfgraph.analyze(forward, inputs, kwargs={"x": torch.zeros(1, 2, 8)})
    assert analysis.output().field.size == (2,)
    with pytest.raises(rfgraph.InputError):
        rfgraph.analyze(forward, inputs, kwargs={"x": 3})
