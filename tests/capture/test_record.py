"""What a recording holds: inputs, outputs, values, and models of every kind."""

from __future__ import annotations

import dataclasses
import functools
from typing import NamedTuple

import pytest
import torch
import torchvision
from torch import nn

from rfgraph.capture import TensorSpec, evaluate, make_inputs, record
from tests.capture.execution import execute


@dataclasses.dataclass
class Result:
    logits: torch.Tensor
    aux: torch.Tensor | None = None


class Pair(NamedTuple):
    left: torch.Tensor
    right: torch.Tensor


@pytest.mark.parametrize(
    ("make", "names"),
    [
        (lambda x: x + 1, ["output"]),
        (lambda x: (x + 1,), ["output.0"]),
        (lambda x: [x + 1, (x + 2, 3)], ["output.0", "output.1.0"]),
        (lambda x: {"out": x + 1, "aux": None}, ["output.out"]),
        (lambda x: Result(x + 1), ["output.logits"]),
        (lambda x: Pair(x + 1, x), ["output.left", "output.right"]),
    ],
)
def test_outputs(make, names):
    """Outputs are flattened and named by their place in what the model returns."""
    assert list(record(make, (torch.empty(2),)).outputs) == names


def test_inputs():
    """Inputs are named by the forward signature, nested ones by their path."""

    def forward(x, batch, *rest, scale=2.0, mask=None, **more):
        return x + batch["image"] + batch["pair"][1] + rest[0] + mask + more["extra"] * scale

    def t():
        return torch.empty(3)

    recording = record(
        forward,
        (t(), {"image": t(), "pair": (t(), t()), "name": "a"}, t()),
        {"mask": t(), "extra": t(), "scale": 3.0},
    )
    wanted = ["x", "batch.image", "batch.pair.0", "batch.pair.1", "rest.0", "mask", "extra"]
    assert list(recording.inputs) == wanted
    assert [n.op for n in recording.inputs.values()] == ["placeholder"] * len(wanted)
    assert [n.meta["name"] for n in recording.inputs.values()] == wanted


def test_tensor_given_twice_is_two_inputs():
    """Passing one tensor for two arguments gives two inputs."""
    x = torch.randn(3)
    recording = record(lambda a, b: a - b, (x, x))
    assert execute(recording, [x, x + 1])["output"].tolist() == pytest.approx([-1.0] * 3)


def test_parameters_are_the_users_own():
    """get_attr nodes refer to the model's tensors, by identity and by name."""
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4))
    recording = record(model, (torch.empty(1, 3, 5, 5),))
    values = {n.target: n.meta["value"] for n in recording.graph.nodes if n.op == "get_attr"}
    assert values["0.weight"] is model[0].weight
    assert values["1.running_mean"] is model[1].running_mean


def test_plain_attributes_closures_and_meta():
    """Tensors that are not registered are constants; data-less ones have no value."""
    outside = torch.arange(3.0)

    class Plain(nn.Module):
        def __init__(self):
            super().__init__()
            self.table = torch.ones(3)
            self.weight = nn.Parameter(torch.empty(3, device="meta"))

        def forward(self, x):
            return x + self.table + outside + self.weight

    recording = record(Plain(), (torch.empty(3),))
    values = {n.target: n.meta["value"] for n in recording.graph.nodes if n.op == "get_attr"}
    assert values["table"].tolist() == [1, 1, 1]
    assert values["constant_0"] is outside
    assert values["weight"] is None


def test_data_constants_and_made_constants():
    """torch.tensor data is kept as a value; arange and friends stay operators."""

    def forward(x):
        table = torch.tensor([[1.0, 2.0]], device=x.device)
        return x + table + torch.arange(2, device=x.device) + torch.as_tensor(3.0)

    recording = record(forward, (torch.empty(2),))
    constants = [n.meta["value"].tolist() for n in recording.graph.nodes if n.op == "get_attr"]
    assert constants == [[[1.0, 2.0]], 3.0]
    made = [n for n in recording.graph.nodes if n.target is torch.ops.aten.arange.default]
    assert len(made) == 1
    assert "device" not in made[0].kwargs
    assert evaluate(made[0]).tolist() == [0, 1]


def test_evaluate():
    """Only nodes that depend on neither input nor chance nor missing data have a value."""

    def forward(x):
        mask = torch.ones(3, 3).triu(1)
        mask[0, 0] = 5
        kept = mask.masked_fill(mask == 0, float("-inf"))
        return x + kept, kept, torch.rand(3)

    recording = record(forward, (torch.empty(3, 3),))
    first, kept, noise = recording.outputs.values()
    assert evaluate(first) is None
    assert evaluate(noise) is None
    value = evaluate(kept)
    assert value[0].tolist() == [5.0, 1.0, 1.0]
    assert value[1].tolist() == [float("-inf"), float("-inf"), 1.0]
    assert evaluate(kept) is value


def test_specs():
    """Layouts are those of the tensors."""
    recording = record(nn.BatchNorm2d(4), (torch.empty(2, 4, 3, 3),))
    output = recording.outputs["output"]
    assert output.meta["spec"] == TensorSpec((2, 4, 3, 3), torch.float32, (36, 9, 3, 1))
    several = output.args[0].meta["spec"]
    assert [spec.shape for spec in several] == [(2, 4, 3, 3), (4,), (4,)]


def test_graph_is_a_legal_fx_graph():
    """The checks of fx checks accept the graph, and it can be edited further."""
    recording = record(torchvision.models.resnet18(), (torch.empty(1, 3, 64, 64),))
    recording.graph.lint()
    with recording.graph.inserting_before(recording.outputs["output"]):
        recording.graph.call_function(torch.ops.aten.relu.default, (recording.inputs["x"],))
    recording.graph.lint()


def test_kinds_of_callables():
    """Functions, bound methods, partials, lambdas over modules and compiled modules work."""
    model = torchvision.models.resnet18()
    x = torch.empty(1, 3, 64, 64)
    bound = record(model._forward_impl, (x,))
    assert bound.modules["layer1.0.conv1"][0].meta["name"] == "layer1.0.conv1"
    partial = record(functools.partial(lambda m, t: m(t), model.conv1), (x,))
    assert list(partial.modules) == ["Conv2d"]
    closure = record(lambda t: model.layer1(model.conv1(t)), (x,))
    assert closure.modules["model.conv1"][0].meta["name"] == "model.conv1"
    assert all(module.training for module in model.modules())
    compiled = record(torch.compile(model), (x,))
    assert list(compiled.modules) == list(record(model, (x,)).modules)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_dtypes(dtype):
    """Inputs made from shapes have the model's dtype, and results keep it."""
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU()).to(dtype)
    args, kwargs = make_inputs(model, (1, 3, 8, 8))
    assert args[0].dtype is dtype
    assert record(model, args, kwargs).outputs["output"].meta["spec"].dtype is dtype


def test_meta_model():
    """A model that holds no data records like any other."""
    model = torchvision.models.resnet18().to("meta")
    recording = record(model, (torch.empty(1, 3, 64, 64),))
    assert all(n.meta["value"] is None for n in recording.graph.nodes if n.op == "get_attr")


def test_real_needs_data():
    """Control flow on data works on a real run, whatever the shapes were given as."""

    def forward(x):
        return x * 2 if x.sum() > 0 else x[x < 0]

    recording = record(forward, (torch.ones(3),), real=True)
    assert recording.source == "real"
    assert recording.outputs["output"].target is torch.ops.aten.mul.Tensor
    record(forward, (torch.empty(3, device="meta"),), real=True)


class Exported(nn.Module):
    """Two inputs, one nested, a buffer, and a write."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 1)
        self.norm = nn.BatchNorm2d(4)
        self.register_buffer("table", torch.arange(4.0).view(4, 1, 1))

    def forward(self, batch, k, *, z=None):
        y = self.norm(self.conv(batch["image"])) + self.table
        y[:, :1] = k
        return {"a": y + z, "b": (k,)}


def test_exported_program():
    """An ExportedProgram records under its own node names and gives the same result."""
    model = Exported().eval()
    batch, k, z = {"image": torch.randn(1, 3, 4, 4)}, torch.ones(1), torch.ones(4)
    program = torch.export.export(model, (batch, k), {"z": z})
    recording = record(program, (batch, k), {"z": z})
    assert recording.source == "exported"
    assert list(recording.inputs) == ["batch.image", "k", "z"]
    assert list(recording.outputs) == ["output.a", "output.b.0"]
    names = {node.meta["name"] for node in recording.graph.nodes if node.op != "output"}
    assert {"conv2d", "batch_norm"} <= names
    assert recording.modules["conv"][0].meta["name"] == "conv2d"
    assert recording.module_types["norm"] == "BatchNorm2d"
    values = {n.target: n.meta["value"] for n in recording.graph.nodes if n.op == "get_attr"}
    assert values["conv.weight"] is program.state_dict["conv.weight"]
    got = execute(recording, [batch["image"], k, z])
    torch.testing.assert_close(got["output.a"], model(batch, k, z=z)["a"].detach())


class Attention(nn.Module):
    """Attention over the tokens of (N, L, C), with two heads."""

    def forward(self, x):
        heads = x.unflatten(2, (2, -1)).transpose(1, 2)
        mixed = torch.nn.functional.scaled_dot_product_attention(heads, heads, heads)
        return mixed.transpose(1, 2).reshape(x.shape)


@pytest.mark.parametrize("table", [None, {}], ids=["core", "composite"])
def test_decomposed_program(table):
    """A program holds views that fit the layouts of its device; they are read as reshapes."""
    x = torch.randn(1, 5, 8)
    program = torch.export.export(Attention(), (x,)).run_decompositions(table)
    recording = record(program, (x,))
    assert recording.outputs["output"].meta["spec"].shape == (1, 5, 8)
    torch.testing.assert_close(execute(recording, [x])["output"], Attention()(x))


def test_nested_and_concurrent():
    """A capture inside a model's forward, and captures in several threads, do not mix."""
    from concurrent.futures import ThreadPoolExecutor

    inner_nodes = []

    class Outer(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = nn.Linear(3, 3)

        def forward(self, x):
            inner = record(nn.ReLU(), (torch.empty(2, device="meta"),))
            inner_nodes.append(len(inner.graph.nodes))
            return self.layer(x)

    recording = record(Outer(), (torch.empty(1, 3),))
    assert inner_nodes == [3]
    assert "aten.relu.default" not in {str(n.target) for n in recording.graph.nodes}

    def names(_):
        recorded = record(torchvision.models.resnet18(), (torch.empty(1, 3, 64, 64),))
        return [n.meta["name"] for n in recorded.graph.nodes if n.op != "output"]

    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(names, range(6)))
    assert all(result == results[0] for result in results)
    assert nn.Module.__call__ is nn.Module._wrapped_call_impl


def test_shapes_become_inputs():
    """One shape, several, a dict of them, tensors, and dict-taking models are understood."""

    def shapes(model, given):
        args, kwargs = make_inputs(model, given)
        return [tuple(a.shape) for a in args], {k: tuple(v.shape) for k, v in kwargs.items()}

    def two(x, y):
        return x + y

    assert shapes(two, (1, 3)) == ([(1, 3)], {})
    assert shapes(two, [(1, 3), (2, 3)]) == ([(1, 3), (2, 3)], {})
    assert shapes(two, {"x": (1, 3), "y": [2, 3]}) == ([], {"x": (1, 3), "y": (2, 3)})
    assert shapes(two, torch.empty(4)) == ([(4,)], {})
    args, kwargs = make_inputs(lambda batch: batch["image"], {"image": (1, 3)})
    assert args[0]["image"].shape == (1, 3)
    assert not kwargs
