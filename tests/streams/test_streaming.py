"""Chunks give what the whole gives, and the figures are what NaNs measure."""

import math
import random
from fractions import Fraction

import pytest
import torch
from torch import nn

import rfgraph
from rfgraph.errors import StreamingError
from tests.streams.networks import NETWORKS, ConvTasNet, WaveNet, tcn


def network(name):
    """The network with seeded weights, in double precision, and a length."""
    torch.manual_seed(3)
    build, length = NETWORKS[name]
    return build().double().eval(), length


def plan_of(model, length, **options):
    """The plan for a signal of a length."""
    signal = torch.empty(1, 1, length, dtype=torch.float64)
    return rfgraph.streaming(rfgraph.analyze(model, signal), **options)


def reached(model, length):
    """[t, o]: whether a NaN at sample t reaches output o."""
    signals = torch.zeros(length, 1, length, dtype=torch.float64)
    signals[range(length), 0, range(length)] = math.nan
    with torch.no_grad():
        return torch.cat([model(part).isnan().any(1) for part in signals.split(200)])


@pytest.mark.parametrize("name", NETWORKS)
def test_chunks_equal_offline(name):
    """Random chunk lengths, any total length: concatenated outputs are the offline output."""
    model, length = network(name)
    draw = random.Random(name)
    plan = plan_of(model, length)
    for _ in range(2):
        signal = torch.randn(1, 1, length + draw.randrange(200), dtype=torch.float64)
        stream, outputs = plan.stream(model), []
        place = 0
        while place < signal.shape[2]:
            step = draw.randrange(1, max(length // 8, 9))
            outputs.append(stream.push(signal[..., place : place + step]))
            place += step
        assert sum(out is not None for out in outputs) > 1
        outputs.append(stream.close())
        together = torch.cat([out for out in outputs if out is not None], 2)
        with torch.no_grad():
            whole = model(signal)
        assert together.shape == whole.shape
        assert torch.allclose(together, whole, rtol=0, atol=1e-10)


@pytest.mark.parametrize("name", NETWORKS)
def test_figures_equal_the_measured_first_dependence(name):
    """Look-back, look-ahead and latency are the extremes over interior outputs of NaN traces."""
    model, length = network(name)
    plan = plan_of(model, length)
    hits = reached(model, length)
    outputs = hits.shape[1]
    interior = range(outputs // 3, outputs - outputs // 3) if outputs > 9 else range(outputs)
    frames = {o: math.floor(o * plan.jump) for o in interior}
    seen = {o: hits[:, o].nonzero() for o in interior}
    first = {o: int(s.min()) for o, s in seen.items()}
    last = {o: int(s.max()) for o, s in seen.items()}
    ends = {o: math.ceil((o + 1) * plan.jump) - 1 for o in interior}
    assert plan.look_back == max(0, *(frames[o] - first[o] for o in interior))
    assert plan.latency == max(0, *(last[o] - frames[o] for o in interior))
    assert plan.look_ahead == max(0, *(last[o] - ends[o] for o in interior))


def test_published_figures():
    """The wav2vec 2.0 encoder: 400 samples every 320, 25 ms every 20 ms at 16 kHz."""
    model, length = network("wav2vec2")
    plan = plan_of(model, length, sample_rate=16_000)
    node = plan.analysis[plan.node]
    assert node.field.size == (400,)
    assert plan.jump == 320
    assert plan.milliseconds(400) == 25
    assert plan.latency_ms == Fraction(399, 16)
    assert plan.chunk == 320
    assert [state.elements for state in plan.states] == [5, 1, 1, 1, 1]


def test_causality():
    """Causal networks look 0 ahead; elsewhere the first convolution that does is named."""
    assert plan_of(*network("causal tcn")).is_causal
    assert plan_of(*network("wavenet")).is_causal
    assert plan_of(*network("wavenet")).look_back == 1 + 2 * (1 + 2 + 4 + 8)
    both = plan_of(*network("tcn"))
    assert both.look_back == both.look_ahead == 2 * (1 + 2 + 4)
    assert both.breaks_causality == "1.first.conv"


def test_state_is_what_a_buffer_holds():
    """Each dilated convolution of a WaveNet keeps (kernel - 1) x dilation elements."""
    plan = plan_of(WaveNet((1, 2, 4)).double(), 60)
    assert [state.elements for state in plan.states] == [1, 1, 2, 4]


def test_global_normalisation_cannot_run_on_a_stream():
    """Conv-TasNet's global layer norm mixes all of time, and is named."""
    model = ConvTasNet(lambda channels: nn.GroupNorm(1, channels), causal=True).double()
    with pytest.raises(StreamingError, match=r"norms\.0.*mixes the whole of time"):
        plan_of(model, 400)


def test_one_element_early_is_wrong():
    """What the runner holds back is really undecided: handed out, it would differ."""
    model, length = network("tcn")
    plan = plan_of(model, length)
    signal = torch.randn(1, 1, length, dtype=torch.float64)
    with torch.no_grad():
        whole, early = model(signal), model(signal[..., :60])
    ready = plan.stream(model).push(signal[..., :60]).shape[2]
    assert torch.allclose(early[..., :ready], whole[..., :ready], rtol=0, atol=1e-12)
    assert (early[..., ready] - whole[..., ready]).abs().max() > 1e-10


def test_recurrence_has_figures_but_no_exact_window():
    """A cumulative sum is causal with unbounded look-back; chunks would need its state."""

    class Sum(nn.Module):
        def forward(self, x):
            return x.cumsum(2)

    plan = plan_of(Sum(), 40)
    assert (plan.is_causal, plan.look_back) == (True, None)
    with pytest.raises(StreamingError, match="cannot be computed in chunks"):
        plan.stream(Sum())


def test_misuse():
    """A closed stream, a wrong axis, a wrong rate."""
    model = tcn().double()
    plan = plan_of(model, 80)
    stream = plan.stream(model)
    assert stream.close() is None
    with pytest.raises(StreamingError, match="is closed"):
        stream.push(torch.zeros(1, 1, 4, dtype=torch.float64))
    with pytest.raises(StreamingError, match="Axis 1 is not analysed"):
        plan_of(model, 80, axis=1)
    with pytest.raises(StreamingError, match="samples per second"):
        plan_of(model, 80, sample_rate=0)
    with pytest.raises(StreamingError, match="positive number of samples"):
        next(plan.run(model, torch.zeros(1, 1, 9), 0))
