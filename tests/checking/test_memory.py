"""What a run for gradients keeps is what was estimated."""

import pytest
import torch
from torch import nn

import rfgraph
from rfgraph.checking.arguments import make_arguments
from rfgraph.checking.bounded import bounded
from rfgraph.checking.element import elements_of
from rfgraph.checking.gradient import GradientMethod
from rfgraph.checking.memory import gradient_bytes, spell
from rfgraph.eager import private_copy, put


def _block():
    return nn.Sequential(nn.Conv2d(8, 8, 3, padding=1), nn.BatchNorm2d(8), nn.SiLU())


@pytest.mark.parametrize(
    "layer", [nn.Sigmoid, nn.Tanh, nn.GELU, _block], ids=["sigmoid", "tanh", "gelu", "block"]
)
def test_what_is_kept_is_no_more_than_a_third_above_the_estimate(layer):
    """Substitutes keep one tensor each, as what they stand for does."""
    model = nn.Sequential(*[layer() for _ in range(20)])
    shape = (1, 8, 32, 32)
    analysis = rfgraph.analyze(model, shape)
    node = analysis.output()
    copied = put(private_copy(model), "cpu", torch.float64)
    own = {t.untyped_storage().data_ptr() for t in (*copied.parameters(), *copied.buffers())}
    kept = {}

    def keep(tensor):
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in own:
            kept[storage.data_ptr()] = tensor  # alive, so that no address comes twice
        return tensor

    arguments = make_arguments(model, shape, None, 1)
    way = GradientMethod(copied, arguments, {}, raw=False, dtype=torch.float64)
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        way.supports(elements_of(node, (3, 4)), 1)
    size = sum(tensor.untyped_storage().nbytes() for tensor in kept.values())
    assert size <= 1.3 * gradient_bytes(analysis, node.name)


def test_the_bounded_function_has_its_derivative():
    """Also under vmap, and nowhere zero."""
    x = torch.linspace(-30, 30, 12, dtype=torch.float64).reshape(3, 4).requires_grad_()
    assert torch.autograd.gradcheck(bounded, x)
    assert torch.equal(torch.vmap(bounded)(x), bounded(x))
    torch.testing.assert_close(bounded(x), 0.5 + 0.25 * x / (1 + x.abs()))


def test_sizes_have_units_that_fit():
    """A budget of a megabyte is not 0.0 GiB."""
    assert [spell(n) for n in (2**31, 2**20, 300 * 2**10, 7)] == [
        "2.0 GiB", "1.0 MiB", "0.3 MiB", "7 B",
    ]  # fmt: skip
