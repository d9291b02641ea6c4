"""Directly computed layouts are those of the real meta kernels."""

from __future__ import annotations

import random

import pytest
import torch
import torchvision
from torch.utils._pytree import tree_map

from rfgraph.capture import record
from rfgraph.capture.recorder import Recorder, spec_of
from rfgraph.capture.shapes import DIRECT


def layouts(out):
    return spec_of(out) if isinstance(out, torch.Tensor) else tuple(map(spec_of, out))


def compare(func, args, kwargs=None):
    """Check one direct computation; one that declines is right by definition."""
    kwargs = kwargs or {}
    direct = DIRECT[func](*args, **kwargs)
    if direct is not None:
        assert direct == layouts(func(*args, **kwargs)), (func, tree_map(described, args))
    return direct


def described(value):
    return spec_of(value) if isinstance(value, torch.Tensor) else value


@pytest.mark.parametrize(
    "name",
    [
        "resnet18",
        "densenet121",
        "swin_v2_t",
        "mvit_v2_s",
        "convnext_tiny",
        "maxvit_t",
        "efficientnet_v2_s",
        "vit_b_16",
        "googlenet",
        "shufflenet_v2_x0_5",
        "raft_small",
    ],
)
def test_layouts_in_models(name, monkeypatch):
    """Every direct layout in a model equals that of the kernel it replaces."""
    seen = set()
    plain = Recorder._pure

    def checked(self, op, func, args, kwargs):
        if op.direct is not None:
            meta = tree_map(self._data_less, (args, kwargs))
            key = repr((func, tree_map(described, meta)))
            if key not in seen:
                seen.add(key)
                compare(func, *meta)
        return plain(self, op, func, args, kwargs)

    monkeypatch.setattr(Recorder, "_pure", checked)
    options = {"init_weights": False} if name == "googlenet" else {}
    with torch.device("meta"):
        model = torchvision.models.get_model(name, **options)
    size = {"mvit_v2_s": (16, 224, 224), "raft_small": (128, 128)}.get(name, (224, 224))
    inputs = (torch.empty(1, 3, *size, device="meta"),) * (2 if name == "raft_small" else 1)
    record(model, inputs)
    assert seen


def tensor(rng, shape):
    """Return a data-less tensor: contiguous, permuted, or strided."""
    kind = rng.random()
    if kind < 0.3:
        order = rng.sample(range(len(shape)), len(shape))
        inverse = [order.index(axis) for axis in range(len(shape))]
        return torch.empty([shape[axis] for axis in order], device="meta").permute(inverse)
    if kind < 0.4:
        wide = torch.empty([2 * size for size in shape], device="meta")
        return wide[(slice(None, None, 2),) * len(shape)]
    return torch.empty(shape, device="meta")


def size(rng):
    return rng.choice([1, 1, 2, 3, 4, 5, 8])


def elementwise(rng, func):
    shape = [size(rng) for _ in range(rng.randint(1, 4))]
    x = tensor(rng, shape)
    if func._overloadname == "Tensor":
        other = [n if rng.random() < 0.6 else 1 for n in shape][rng.randint(0, len(shape)) :]
        y = rng.choice([tensor(rng, other), tensor(rng, shape), 2, 1.5])
        return (y, x) if isinstance(y, torch.Tensor) and rng.random() < 0.5 else (x, y)
    if func._opname == "clamp":
        return (x, 0, rng.choice([6.0, None]))
    required = [a for a in func._schema.arguments if not a.has_default_value()]
    return (x, *(1.5 for _ in required[1:]))


def reduction(rng, func):
    rank = rng.randint(1, 4)
    x = tensor(rng, [size(rng) for _ in range(rank)])
    order = (2,) if "norm" in func._opname else ()
    return (x, *order, rng.sample(range(rank), rng.randint(1, rank)), rng.random() < 0.5)


def joined(rng, func):
    shape = [size(rng) for _ in range(rng.randint(1, 4))]
    axis = rng.randrange(len(shape))

    def one():
        fitted = list(shape)
        if func._opname == "cat":
            fitted[axis] = size(rng)
        return tensor(rng, fitted)

    return [one() for _ in range(rng.randint(1, 3))], axis


def pooling(rng, func):
    x = tensor(rng, [size(rng), size(rng), rng.randint(3, 12), rng.randint(3, 12)])
    kernel = [rng.randint(1, 4), rng.randint(1, 4)]
    stride = rng.choice([[], [rng.randint(1, 4), rng.randint(1, 3)]])
    padding = [rng.randint(0, k // 2) for k in kernel]
    dilation = ([1, rng.randint(1, 2)],) if func._opname.startswith("max") else ()
    return (x, kernel, stride, padding, *dilation, rng.random() < 0.5)


def resizing(rng, func):
    x = tensor(rng, [size(rng), size(rng), 7, 7])
    out = [rng.randint(1, 9), rng.randint(1, 9)]
    return (x, out) if "adaptive" in func._opname or "nearest" in func._opname else (x, out, False)


def convolution(rng, _func):
    rank, groups = rng.randint(1, 3), rng.choice([1, 2])
    inner, outer = groups * rng.randint(1, 3), groups * rng.randint(1, 3)
    x = tensor(rng, [size(rng), inner] + [rng.randint(4, 9)] * rank)
    weight = tensor(rng, [outer, inner // groups] + [rng.randint(1, 4)] * rank)
    bias = rng.choice([None, tensor(rng, [outer])])
    stride, padding, dilation = ([rng.randint(low, 2)] * rank for low in (1, 0, 1))
    return x, weight, bias, stride, padding, dilation, False, [0] * rank, groups


def normalization(rng, func):
    groups = rng.choice([1, 2])
    channels = groups * size(rng)
    shape = [size(rng), channels, *(size(rng) for _ in range(rng.randint(0, 3)))]
    x = tensor(rng, shape)

    def vector(*of):
        return torch.empty(of, device="meta")

    if "batch" in func._opname:
        affine = rng.choice([(vector(channels), vector(channels)), (None, None)])
        running = vector(channels), vector(channels)
        return (x, *affine, *running, rng.random() < 0.5, 0.1, 1e-5)
    if "layer" in func._opname:
        tail = shape[-rng.randint(1, len(shape)) :]
        affine = rng.choice([(vector(*tail), vector(*tail)), (None, None)])
        return (x, tail, *affine, 1e-5)
    affine = rng.choice([(vector(channels), vector(channels)), (None, None)])
    rest = torch.Size(shape[2:]).numel()
    return (x, *affine, shape[0], channels, rest, groups, 1e-5)


def product(rng, func):
    a, b, c, batch = (size(rng) for _ in range(4))
    if func._opname == "bmm":
        return tensor(rng, [batch, a, b]), tensor(rng, [batch, b, c])
    pair = tensor(rng, [a, b]), tensor(rng, [b, c])
    return pair if func._opname == "mm" else (tensor(rng, rng.choice([[c], [a, c]])), *pair)


def softmax(rng, func):
    rank = rng.randint(1, 4)
    x = tensor(rng, [size(rng) for _ in range(rank)])
    axis = rng.randrange(-rank, rank)
    return (x, axis, False) if func._opname == "_softmax" else (x, axis)


def rolling(rng, _func):
    rank = rng.randint(1, 4)
    return tensor(rng, [size(rng) for _ in range(rank)]), [1] * rank, list(range(rank))


def recurrence(rng, func):
    gates = {"lstm": 4, "gru": 3}.get(func._opname, 1)
    layers, both, first = rng.randint(1, 2), rng.random() < 0.5, rng.random() < 0.5
    ways, biased, is_lstm = 1 + both, rng.random() < 0.5, func._opname == "lstm"
    inner = size(rng)
    hidden = rng.choice([inner, inner + 1]) if is_lstm else inner
    batch, width, tokens = size(rng), size(rng), rng.randint(1, 3)
    x = tensor(rng, [batch, tokens, width] if first else [tokens, batch, width])
    state, cell = (tensor(rng, [layers * ways, batch, of]) for of in (hidden, inner))
    weights = []
    for layer in range(layers):
        for _ in range(ways):
            weights += [tensor(rng, [gates * inner, width if layer == 0 else hidden * ways])]
            weights += [tensor(rng, [gates * inner, hidden])]
            weights += [tensor(rng, [gates * inner]) for _ in range(2 * biased)]
            weights += [tensor(rng, [hidden, inner])] * (hidden != inner)
    return x, [state, cell] if is_lstm else state, weights, biased, layers, 0.0, False, both, first


def regrouping(rng, _func):
    shape = [size(rng) for _ in range(rng.randint(1, 4))]
    total = torch.Size(shape).numel()
    split = rng.choice([n for n in range(1, total + 1) if total % n == 0])
    wanted = rng.choice([[split, total // split], [total], [-1, split], [1, *shape]])
    return torch.empty(shape, device="meta"), wanted


def masking(rng, _func):
    shape = [size(rng) for _ in range(rng.randint(1, 4))]
    over = [n if rng.random() < 0.7 else 1 for n in shape][rng.randint(0, len(shape)) :]
    return tensor(rng, shape), tensor(rng, over).bool(), 1.5


def lookup(rng, _func):
    table = tensor(rng, [size(rng) for _ in range(rng.randint(1, 3))])
    rows = tensor(rng, [size(rng) for _ in range(rng.randint(0, 3))]).long()
    return table, [rows]


MAKERS = {
    "_unsafe_view": regrouping,
    "masked_fill": masking,
    "index": lookup,
    "mean": reduction,
    "sum": reduction,
    "amax": reduction,
    "linalg_vector_norm": reduction,
    "cat": joined,
    "stack": joined,
    "max_pool2d_with_indices": pooling,
    "avg_pool2d": pooling,
    "_adaptive_avg_pool2d": resizing,
    "upsample_nearest2d": resizing,
    "upsample_bilinear2d": resizing,
    "upsample_bicubic2d": resizing,
    "convolution": convolution,
    "native_batch_norm": normalization,
    "native_layer_norm": normalization,
    "native_group_norm": normalization,
    "mm": product,
    "addmm": product,
    "bmm": product,
    "_softmax": softmax,
    "_safe_softmax": softmax,
    "roll": rolling,
    **dict.fromkeys(("lstm", "gru", "rnn_tanh", "rnn_relu"), recurrence),
}


@pytest.mark.parametrize("func", [f for f in DIRECT if f._opname != "_grouped_mm"], ids=str)
def test_layouts_of_random_arguments(func):
    """Broadcasts, permutations, strides and axes of size 1 give the kernel's layout."""
    rng = random.Random(str(func))
    make = MAKERS.get(func._opname, elementwise)
    computed = 0
    for _ in range(150):
        computed += compare(func, make(rng, func)) is not None
    assert computed > 10


@pytest.mark.parametrize(
    ("x", "weights", "ends"),
    [
        ((12, 8), (3, 8, 4), (4, 8, 12)),
        ((3, 4, 8), (3, 8, 4), None),
        ((8, 12), (12, 4), (4, 8, 12)),
        ((3, 4, 8), (8, 12), (4, 8, 12)),
    ],
)
def test_grouped_products_of_single_precision(x, weights, ends):
    """The CPU has a kernel for them, the device without data has none."""
    offsets = None if ends is None else torch.tensor(ends, dtype=torch.int32)
    args = (torch.rand(x), torch.rand(weights), offsets)
    direct = DIRECT[torch.ops.aten._grouped_mm.default](*args)
    assert direct == spec_of(torch.ops.aten._grouped_mm.default(*args))
