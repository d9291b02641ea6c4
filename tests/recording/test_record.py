"""What `rfgraph.record` keeps, streams and leaves behind."""

import gc
import warnings
from collections import namedtuple
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from torch import nn

import rfgraph
from rfgraph.errors import InputError, ModelError, NodeNotFoundError

Pair = namedtuple("Pair", "first second")  # noqa: PYI024 -- the plain kind is what models return


class Net(nn.Module):
    """A module called twice, one that works in place, one never called."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3, padding=1)
        self.act = nn.ReLU(inplace=True)
        self.block = nn.Sequential(nn.Conv2d(4, 4, 1), nn.BatchNorm2d(4))
        self.idle = nn.Linear(2, 2)

    def forward(self, x):
        return self.act(self.block(self.act(self.conv(x))))


@pytest.fixture
def net():
    torch.manual_seed(0)
    return Net().eval()


@pytest.fixture
def image():
    return torch.randn(2, 3, 8, 8, generator=torch.Generator().manual_seed(1))


def hooks_of(model):
    """Every hook of every module, and the global ones."""
    from torch.nn.modules import module as globals_of

    found = [
        hook
        for module in model.modules()
        for table in ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks")
        for hook in getattr(module, table, {}).values()
    ]
    return (
        found
        + list(globals_of._global_forward_hooks.values())
        + list(globals_of._global_forward_pre_hooks.values())
    )


def test_outputs_by_name_as_they_were(net, image):
    """In-place work after a module does not reach what was recorded of it."""
    with torch.no_grad(), rfgraph.record(net) as recording:
        result = net(image)
    assert list(recording) == ["conv", "act", "block.0", "block.1", "block", "act_1"]
    assert torch.equal(recording["conv"], net.conv(image))
    assert (recording["conv"] < 0).any()
    assert torch.equal(recording["act_1"], result)
    assert not recording["conv"].requires_grad


def test_names_are_those_of_the_analysis(net, image):
    """Every recorded name is a node or module of the analysis, with the same shape."""
    with torch.no_grad(), rfgraph.record(net) as recording:
        net(image)
    analysis = rfgraph.analyze(net, tuple(image.shape))
    for name, value in recording.items():
        assert analysis[name].shape == tuple(value.shape)


@pytest.mark.parametrize(
    ("names", "found"),
    [
        ("conv", ["conv"]),
        ("block.*", ["block.0", "block.1"]),
        (nn.Conv2d, ["conv", "block.0"]),
        (["act", nn.BatchNorm2d], ["act", "block.1", "act_1"]),
        ("", [""]),
    ],
)
def test_paths_patterns_and_classes(net, image, names, found):
    """Modules are chosen by path, pattern or class."""
    with rfgraph.record(net, names) as recording:
        net(image)
    assert list(recording) == found


def test_results_are_bit_identical(net, image):
    """Recording changes nothing that the model computes, in either mode, gradients included."""
    for training in (False, True):
        results = []
        for recorded in (False, True):
            torch.manual_seed(0)
            model = Net().train(training)
            x = image.clone().requires_grad_()
            if recorded:
                with rfgraph.record(model, grad=True):
                    out = model(x)
                    out.square().sum().backward()
            else:
                out = model(x)
                out.square().sum().backward()
            gradients = [p.grad for p in model.parameters() if p.grad is not None]
            buffers = list(model.buffers())
            results.append([out, x.grad, *gradients, *buffers])
        assert all(torch.equal(a, b) for a, b in zip(*results, strict=True))


def test_a_thousand_recordings_leave_nothing(net, image):
    """No hook, no tensor and no recording stays behind."""

    def alive():
        gc.collect()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # objects of other libraries dislike being looked at
            return sum(isinstance(thing, torch.Tensor) for thing in gc.get_objects())

    small = image[:1, :, :2, :2].clone().requires_grad_()
    net(small).sum().backward()
    before = alive()
    for _ in range(1000):
        with rfgraph.record(net, ["conv", "block.*"], grad=True) as recording:
            net(small).sum().backward()
        assert recording.gradient("conv") is not None
        del recording
    assert hooks_of(net) == []
    assert alive() == before


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt, GeneratorExit])
def test_hooks_go_whatever_happens(net, image, error):
    """Errors, Control-C and abandoned generators take the hooks away."""
    with pytest.raises(error), rfgraph.record(net) as recording:  # noqa: PT012 -- the model runs before it
        net(image)
        raise error
    assert hooks_of(net) == []
    assert "conv" in recording


def test_a_generator_left_in_the_middle(net, image):
    """A recording inside a generator ends with it."""

    def steps():
        with rfgraph.record(net, "conv") as recording:
            net(image)
            yield recording["conv"]
            yield None

    generator = steps()
    next(generator)
    assert hooks_of(net)
    generator.close()
    assert hooks_of(net) == []


def test_an_error_in_the_model_starts_a_new_pass(net, image):
    """A pass that failed keeps what it got to; the next is apart from it."""
    with rfgraph.record(net, ["conv", "block"]) as recording:
        with pytest.raises(RuntimeError):
            net(image[:, :2])
        net(image)
    assert list(recording) == ["conv", "block"]


def test_nested_recordings(net, image):
    """Recordings of one model do not know of each other."""
    with rfgraph.record(net, "conv") as outer:
        with rfgraph.record(net, ["conv", "block"]) as inner:
            net(image)
        net(2 * image)
    assert list(inner) == ["conv", "block"]
    assert len(outer.runs("conv")) == 2
    assert torch.equal(outer.runs("conv")[0], inner["conv"])
    with outer, pytest.raises(InputError, match="entered already"):
        outer.__enter__()


def test_passes_are_kept_apart(net, image):
    """The mapping is the latest pass, `runs` all of them."""
    with rfgraph.record(net, "act", reduce=lambda t: t.mean((2, 3))) as recording:
        for scale in (1, 2, 3):
            net(scale * image)
    assert recording["act"].shape == (2, 4)
    assert len(recording.runs("act")) == len(recording.runs("act_1")) == 3
    assert torch.equal(recording.runs("act")[-1], recording["act"])
    assert not torch.equal(recording.runs("act")[0], recording["act"])


class Structured(nn.Module):
    """Returns whatever it was made to return."""

    def __init__(self, make):
        super().__init__()
        self.inner = nn.Module()
        self.inner.forward = make

    def forward(self, x):
        return self.inner(x)


@dataclass
class Output:
    logits: torch.Tensor
    note: str


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (lambda x: (x, [x + 1, None]), lambda x: (x, [x + 1, None])),
        (lambda x: {"a": x, "b": 3}, lambda x: {"a": x, "b": 3}),
        (lambda x: Pair(x, -x), lambda x: Pair(x, -x)),
        (lambda x: Output(x, "n"), lambda x: {"logits": x, "note": "n"}),
        (lambda x: None, lambda x: None),
    ],
)
def test_structures(make, expected):
    """Tuples, lists, named tuples, mappings and dataclasses come out in their structure."""
    x = torch.arange(3.0)
    with rfgraph.record(Structured(make), "inner") as recording:
        recording._model(x)
    assert repr(recording["inner"]) == repr(expected(x))


def test_recurrent_tuples_and_their_gradients():
    """An LSTM returns (output, (h, c)); gradients come in the same structure, None if unused."""
    model = nn.Sequential(nn.LSTM(3, 5, batch_first=True))
    x = torch.randn(2, 4, 3)
    with rfgraph.record(model, "0", grad=True) as recording:
        output, _state = model(x)
        output.sum().backward()
    assert recording["0"][1][0].shape == (1, 2, 5)
    grad, (h, c) = recording.gradient("0")
    assert torch.equal(grad, torch.ones(2, 4, 5))
    assert h is None
    assert c is None


def test_gradients_are_those_of_autograd(net, image):
    """With respect to the output as the module returned it, before in-place work on it."""
    with rfgraph.record(net, ["conv", "block"], grad=True) as recording:
        net(image).sum().backward(retain_graph=True)
    mid = net.conv(image).detach().requires_grad_()
    net.act(net.block(net.act(mid.clone()))).sum().backward()
    torch.testing.assert_close(recording.gradient("conv"), mid.grad)
    assert set(recording.gradients) == {"conv", "block"}


def test_gradients_add_up_over_backward_passes(net, image):
    """Two backward passes give the gradient of the sum."""
    with rfgraph.record(net, "conv", grad=True) as recording:
        out = net(image)
        out.sum().backward(retain_graph=True)
        once = recording.gradient("conv").clone()
        out.sum().backward()
    torch.testing.assert_close(recording.gradient("conv"), 2 * once)


def test_backward_after_the_block_is_not_recorded(net, image):
    """The hooks on tensors are gone, too, and the message says what to do."""
    with rfgraph.record(net, "conv", grad=True) as recording:
        out = net(image)
    out.sum().backward()
    with pytest.raises(NodeNotFoundError, match="call backward inside the recording"):
        recording.gradient("conv")


def test_streaming_keeps_nothing(net, image):
    """Every output and gradient is handed on once, with its pass."""
    seen = []
    with rfgraph.record(net, ["conv", "act"], grad=True, stream=seen.append) as recording:
        for _ in range(2):
            net(image).sum().backward()
    outputs = [(o.name, o.run) for o in seen if not o.is_gradient]
    assert outputs == [(n, r) for r in (0, 1) for n in ("conv", "act", "act_1")]
    assert {o.name for o in seen if o.is_gradient} == {"conv", "act", "act_1"}
    assert len(recording) == 0
    with pytest.raises(NodeNotFoundError, match="went to the stream"):
        recording["conv"]


def test_reduce_need_not_return_a_tensor(net, image):
    """What `reduce` returns is kept; views of the output are copied."""
    with rfgraph.record(net, "conv", reduce=lambda t: t[0, 0]) as recording:
        net(image)
    assert recording["conv"].untyped_storage().nbytes() == 8 * 8 * 4
    with rfgraph.record(net, "conv", reduce=lambda t: float(t.max())) as recording:
        net(image)
    assert isinstance(recording["conv"], float)


def test_device(net, image):
    """Copies go where they are wanted."""
    with rfgraph.record(net, "conv", device="meta") as recording:
        net(image)
    assert recording["conv"].device.type == "meta"


def test_wrapped_models_keep_their_names(net, image):
    """DataParallel adds `module.` to every path; names stay those of the model."""
    with torch.no_grad(), rfgraph.record(net, "block") as plain:
        net(image)
    with torch.no_grad(), rfgraph.record(nn.DataParallel(net), "block") as recording:
        recording._model(image)
    assert torch.equal(recording["block"], plain["block"])


@pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning")
def test_scripted_modules(net, image):
    """A scripted module is seen; what runs inside it is not, and says so."""
    net.block = torch.jit.script(net.block)
    with torch.no_grad(), rfgraph.record(net, "*") as recording:
        net(image)
    assert list(recording) == ["conv", "act", "block", "act_1"]
    with pytest.raises(ModelError, match=r"'block.0': it lies inside module 'block'"):
        rfgraph.record(net, "block.0")
    scripted = torch.jit.script(Net().eval())
    with torch.no_grad(), rfgraph.record(scripted, "") as recording:
        out = scripted(image)
        scripted(image)
    assert torch.equal(recording[""], out)
    assert len(recording.runs("")) == 2
    assert hooks_of(net) == []


def test_compiled_models_are_refused(net):
    """Hooks registered after compilation would be passed by silently."""
    compiled = torch.compile(net)
    with pytest.raises(ModelError, match=r"before torch\.compile"):
        rfgraph.record(compiled, "*conv")
    net.block.compile()
    with pytest.raises(ModelError, match="module 'block' is compiled"):
        rfgraph.record(net, "block.0")


def test_a_module_at_two_paths_is_seen_once(image):
    """Shared modules have one hook, whatever they are called by."""

    class Shared(nn.Module):
        def __init__(self):
            super().__init__()
            self.one = self.two = nn.Conv2d(3, 3, 1)

        def forward(self, x):
            return self.two(self.one(x))

    with rfgraph.record(Shared(), "*") as recording:
        recording._model(image)
    assert list(recording) == ["one", "one_1"]
    with rfgraph.record(Shared(), "two") as recording:
        recording._model(image)
    assert list(recording) == ["two", "two_1"]


def test_a_last_resort_is_a_sentence(net, image):
    """Misuse is told in one sentence, when the recording is made."""
    with pytest.raises(NodeNotFoundError, match="No module is called 'cnov'; close: conv"):
        rfgraph.record(net, "cnov")
    with pytest.raises(NodeNotFoundError, match="no module of class LSTM"):
        rfgraph.record(net, nn.LSTM)
    with pytest.raises(InputError, match="Nothing to record"):
        rfgraph.record(net, [])
    with pytest.raises(InputError, match="neither a module path"):
        rfgraph.record(net, [3])
    with pytest.raises(InputError, match="reduce='mean' cannot be called"):
        rfgraph.record(net, reduce="mean")
    with pytest.raises(ModelError, match=r"Hooks need a torch\.nn\.Module"):
        rfgraph.record(np.tanh)
    with rfgraph.record(net, ["conv", "idle"]) as recording:
        net(image)
    with pytest.raises(NodeNotFoundError, match="'idle': it has not run"):
        recording["idle"]
    with pytest.raises(NodeNotFoundError, match="'act' was not watched; watched are conv, idle"):
        recording["act"]
    with pytest.raises(NodeNotFoundError, match="record it with grad=True"):
        recording.gradient("conv")
