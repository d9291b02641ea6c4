"""Node names are those of ``torchvision.models.feature_extraction``."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F  # noqa: N812
import torchvision
from torch import nn
from torchvision.models.feature_extraction import get_graph_node_names

from rfgraph.capture import record

MODELS = {
    "resnet50": {},
    "densenet121": {},
    "inception_v3": {"init_weights": False, "transform_input": True},
    "googlenet": {"init_weights": False},
    "mobilenet_v3_small": {},
    "efficientnet_b0": {},
    "shufflenet_v2_x0_5": {},
    "vgg11_bn": {},
    "squeezenet1_0": {},
    "mnasnet0_5": {},
    "regnet_y_400mf": {},
    "alexnet": {},
}


@pytest.mark.parametrize("name", MODELS)
def test_torchvision_names(name):
    """Every torchvision node that is an operator has a node of the same name here."""
    model = torchvision.models.get_model(name, **MODELS[name]).eval()
    size = 299 if name == "inception_v3" else 224
    recording = record(model, (torch.empty(1, 3, size, size, device="meta"),))
    names = {node.meta["name"] for node in recording.graph.nodes if node.op != "output"}
    _, wanted = get_graph_node_names(model)
    missing = [w for w in wanted if w not in names and w not in recording.modules]
    # fx records reads of shapes, and functions that torchvision wraps, as nodes of their own.
    odd = ("size", "getattr", "floordiv", "stochastic_depth", "getitem")
    assert [w for w in missing if not any(part in w for part in odd)] == []


class Functions(nn.Module):
    """Functions run in a container's own forward."""

    def forward(self, x):
        y = F.relu_(x + 1)
        y += x
        y = F.interpolate(y, scale_factor=2, mode="bilinear")
        y = torch.cat([y, y], 1)
        y = 1 - y
        a, b = y.chunk(2, 1)
        return torch.flatten(a * b, 1) @ torch.ones(y.shape[1] // 2 * 64, 3)


def test_function_names():
    """Operators in a container are named by the Python function that ran them."""
    recording = record(Functions(), (torch.empty(1, 2, 4, 4),))
    names = [n.meta["name"] for n in recording.graph.nodes if n.op == "call_function"]
    assert names == [
        "add",
        "relu",
        "add_1",
        "interpolate",
        "cat",
        "sub",
        "chunk",
        "getitem",
        "getitem_1",
        "mul",
        "flatten",
        "ones",
        "matmul",
    ]


def test_overloads_are_named_by_their_operator():
    """A dot in a name would be read as a path of modules."""

    def model(x):
        return torch.ops.aten.relu.default(torch.ops.aten.add.Tensor(x, x))

    recording = record(model, (torch.empty(1, 2, 4, 4),))
    names = [n.meta["name"] for n in recording.graph.nodes if n.op == "call_function"]
    assert names == ["add", "relu"]


class Shared(nn.Module):
    """One layer under two paths, another called twice, one passing its input through."""

    def __init__(self):
        super().__init__()
        self.a = nn.Linear(4, 4)
        self.b = self.a
        self.block = nn.Sequential(nn.Linear(4, 4), nn.Identity(), nn.Dropout())
        self.view = nn.Flatten(0)

    def forward(self, x):
        return self.view(self.block(self.block(self.b(self.a(x)))))


def test_modules():
    """Modules map to what they returned, once per call, under every path they have."""
    model = Shared()
    recording = record(model, (torch.empty(2, 4),))
    names = {path: [n.meta["name"] for n in ns] for path, ns in recording.modules.items()}
    assert names == {
        "": ["view"],
        "a": ["a", "a_1"],
        "b": ["a", "a_1"],
        "block": ["block.0", "block.0_1"],
        "block.0": ["block.0", "block.0_1"],
        "block.1": ["block.0", "block.0_1"],
        "block.2": ["block.0", "block.0_1"],
        "view": ["view"],
    }
    assert recording.module_types["block.1"] == "Identity"
    assert recording.module_types["b"] == "Linear"
    inside = [n.meta["name"] for n in recording.graph.nodes if n.meta.get("module") == "a"]
    assert inside == ["a.weight", "a.t", "a.bias", "a", "a.t_1", "a_1"] or "a.t" in inside


def test_module_names_win_over_repetitions():
    """A repeated operator never takes the name of a module."""

    class Clash(nn.Module):
        def __init__(self):
            super().__init__()
            self.relu_1 = nn.Tanh()

        def forward(self, x):
            return self.relu_1(torch.relu(torch.relu(x)))

    recording = record(Clash(), (torch.empty(2),))
    names = [n.meta["name"] for n in recording.graph.nodes if n.op == "call_function"]
    assert names == ["relu", "relu_2", "relu_1"]
    assert recording.modules["relu_1"][0].meta["name"] == "relu_1"


def test_names_are_unique_and_every_node_is_described():
    """Each node has a name of its own, a layout and a module."""
    recording = record(torchvision.models.swin_t(), (torch.empty(1, 3, 64, 64),))
    nodes = [node for node in recording.graph.nodes if node.op != "output"]
    assert len({node.meta["name"] for node in nodes}) == len(nodes)
    assert all(node.meta["spec"] is not None for node in nodes)
    assert all(isinstance(node.meta["module"], str) for node in nodes)


def test_naming_follows_graph_module():
    """The nodes of a symbolic trace keep its names."""
    model = torchvision.models.resnet18().eval()
    traced = torch.fx.symbolic_trace(model)
    recording = record(traced, (torch.empty(1, 3, 64, 64),))
    names = {node.meta["name"]: node for node in recording.graph.nodes if node.op != "output"}
    kept = [n.name for n in traced.graph.nodes if n.op.startswith("call")]
    assert all(name in names for name in kept)
    assert recording.source == "graph_module"
    assert names["layer1_0_conv1"].target is torch.ops.aten.convolution.default
    assert recording.modules["layer1.0.bn1"][0].meta["name"] == "layer1_0_bn1"
    assert names["layer1_0_conv1"].meta["module"] == "layer1.0.conv1"
