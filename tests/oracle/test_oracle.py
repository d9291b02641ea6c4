"""The oracle against hand-computed facts and a second oracle; the generator's promises."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable
from functools import partial

import numpy as np
import pytest
import torch
import torch.nn.functional as F  # noqa: N812 (its usual name)
from torch import Tensor, nn

from tests.oracle.networks import KINDS, RICH_KINDS, random_network, random_rich_network
from tests.oracle.taint import (
    VERIFIED,
    OracleError,
    UnsupportedOperatorError,
    gradient_reach,
    hull,
    hulls,
    operators_met,
    reach,
)
from tests.rules.cases import ALL_CASES, Case

SEEDS = 300


def _rows(
    model: nn.Module | Callable[..., Tensor], length: int, **options: object
) -> list[set[int]]:
    """For a 1-dimensional model: the set of input positions of each output position."""
    mask = reach(model, torch.rand(1, 2, length), **options)["output"].mask
    return [set(np.flatnonzero(row).tolist()) for row in mask]


class TestClosedForms:
    def test_convolution_reads_stride_times_o_plus_dilation_times_t(self):
        """Output o reads o·s − p + d·t, as far as it is inside."""
        rows = _rows(nn.Conv1d(2, 2, 3, stride=2, padding=3, dilation=2), 9)
        expected = [{2 * o - 3 + 2 * t for t in range(3)} & set(range(9)) for o in range(len(rows))]
        assert rows == expected

    def test_border_windows_of_a_dilated_convolution_can_be_empty(self):
        """A window whose taps are all in the padding depends on nothing."""
        assert _rows(nn.Conv1d(2, 2, 2, padding=5), 3)[:4] == [set(), set(), set(), set()]

    def test_transposed_convolution_reads_where_the_congruence_holds(self):
        """Output o reads i where o = i·s − p + t."""
        rows = _rows(nn.ConvTranspose1d(2, 1, 2, stride=3, padding=1), 4)
        assert rows == [
            {i for i in range(4) if o - 3 * i + 1 in range(2)} for o in range(len(rows))
        ]
        assert set() in rows

    def test_reflect_padding_reads_real_pixels(self):
        """The padded pixel 1 before the edge is pixel 1."""
        assert _rows(nn.ReflectionPad1d((2, 1)), 4) == [{2}, {1}, {0}, {1}, {2}, {3}, {2}]

    def test_adaptive_pooling_reads_floor_to_ceil(self):
        """Bin o of m over n reads floor(o·n/m) to ceil((o+1)·n/m), exclusive."""
        expected = [set(range(o * 7 // 3, -(-(o + 1) * 7 // 3))) for o in range(3)]
        assert _rows(nn.AdaptiveAvgPool1d(3), 7) == expected
        assert _rows(nn.AdaptiveMaxPool1d(3), 7) == expected

    def test_zero_weight_taps_of_an_interpolation_do_not_count(self):
        """With aligned corners and 2n−1 outputs, even outputs read one pixel only."""
        resize = partial(F.interpolate, size=5, mode="linear", align_corners=True)
        assert _rows(resize, 3) == [{0}, {0, 1}, {1}, {1, 2}, {2}]

    def test_ceil_mode_adds_the_window_that_hangs_over_the_edge(self):
        """The last window of a pooling in ceil mode is cut at the edge."""
        assert _rows(nn.MaxPool1d(3, 2, ceil_mode=True), 6) == [{0, 1, 2}, {2, 3, 4}, {4, 5}]

    def test_minus_infinity_cuts_attention(self):
        """A causal mask leaves a prefix."""

        def causal(x: Tensor) -> Tensor:
            y = x.transpose(1, 2)
            return F.scaled_dot_product_attention(y, y, y, is_causal=True).transpose(1, 2)

        assert _rows(causal, 4) == [set(range(i + 1)) for i in range(4)]

    def test_minus_hundred_does_not_cut(self):
        """A large finite mask leaves the dependence."""

        def masked(x: Tensor) -> Tensor:
            y = x.transpose(1, 2)
            mask = torch.full((3, 3), -100.0).triu(1)
            return ((y @ y.transpose(1, 2) + mask).softmax(-1) @ y).transpose(1, 2)

        assert _rows(masked, 3) == [{0, 1, 2}] * 3

    def test_unchosen_branch_of_a_constant_condition_does_not_count(self):
        """`where` with a constant condition reads the branch it chooses."""

        def choose(x: Tensor) -> Tensor:
            return torch.where(torch.arange(4) < 2, x, x.flip(2))

        assert _rows(choose, 4) == [{0}, {1}, {1}, {0}]

    def test_both_branches_of_a_condition_on_values_count(self):
        """`where` with a condition on the input reads both branches and the condition."""

        def choose(x: Tensor) -> Tensor:
            return torch.where(x > 0.5, x.roll(1, 2), x.roll(2, 2))

        assert _rows(choose, 4) == [{o, (o - 1) % 4, (o - 2) % 4} for o in range(4)]

    def test_a_product_of_square_kernels_is_a_box(self):
        """Two 3x3 convolutions read 5x5, cut at the border."""
        stack = nn.Sequential(nn.Conv2d(1, 1, 3, padding=1), nn.Conv2d(1, 1, 3, padding=1))
        result = reach(stack, torch.rand(1, 1, 6, 7))["output"]
        boxes = hulls(result)
        assert boxes.lo[3, 3].tolist() == [1, 1]
        assert boxes.hi[3, 3].tolist() == [5, 5]
        assert boxes.hi[5, 6].tolist() == [5, 6]
        assert int(result.mask[3, 3].sum()) == 25

    def test_channels_can_be_resolved(self):
        """Concatenated branches keep fields of their own per channel."""

        def branches(x: Tensor) -> Tensor:
            return torch.cat([x[:, :1], x[:, 1:].roll(1, 2)], 1)

        mask = reach(branches, torch.rand(1, 2, 3), reach_channels=True)["output"].mask
        assert mask.shape == (2, 3, 3)
        assert (mask[0] == np.eye(3, dtype=bool)).all()
        assert (mask[1] == np.roll(np.eye(3, dtype=bool), 1, axis=0)).all()


class TestNames:
    def test_modules_get_a_suffix_per_repeated_call(self):
        """A module called twice gives "path" and "path_1"."""

        class Shared(nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.conv = nn.Conv1d(1, 1, 3, padding=1)

            def forward(self, x: Tensor) -> Tensor:
                return self.conv(self.conv(x))

        result = reach(Shared(), torch.rand(1, 1, 7), modules=["conv"])
        assert set(result) == {"output", "conv", "conv_1"}
        assert int(result["conv"].mask[3].sum()) == 3
        assert int(result["conv_1"].mask[3].sum()) == 5

    def test_a_module_is_seen_before_a_later_in_place_write(self):
        """What is written into a module's output afterwards does not belong to the module."""

        class Overwritten(nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.conv = nn.Conv1d(1, 1, 1)

            def forward(self, x: Tensor) -> Tensor:
                y = self.conv(x)
                y += y.mean(2, keepdim=True)
                return y

        result = reach(Overwritten(), torch.rand(1, 1, 4), modules=["conv"])
        assert int(result["conv"].mask.sum()) == 4
        assert result["output"].mask.all()

    def test_structures_of_outputs_get_names(self):
        """Dictionaries and tuples give "output.name" and "output.0"."""

        def outputs(x: Tensor) -> dict[str, object]:
            return {"a": x, "b": (x.flip(2), x.mean(2))}

        result = reach(outputs, torch.rand(1, 1, 3))
        assert set(result) == {"output", "output.a", "output.b.0", "output.b.1"}
        assert result["output.b.1"].mask.shape == (3,)


class TestBatch:
    def test_mixed_samples_raise_when_taken_for_independent(self):
        """A model that reads other samples is refused, not misjudged."""
        with pytest.raises(OracleError, match="mixes samples"):
            reach(lambda x: x - x.mean(0), torch.rand(2, 1, 3), output_axes=(1,))

    def test_the_batch_axis_can_be_resolved(self):
        """With batched=False the batch is an axis like the others."""
        result = reach(
            lambda x: x.flip(0), torch.rand(2, 1, 3), axes=(0, 2), output_axes=(0, 2), batched=False
        )
        mask = result["output"].mask
        assert mask.shape == (2, 3, 2, 3)
        assert mask[0, 1, 1, 1]
        assert int(mask.sum()) == 6

    def test_one_forward_per_position_agrees_with_batching(self):
        """The two ways of trying positions give the same masks."""
        network = random_network(3, dims=2)
        x = torch.rand(network.input_shape)[:1]
        batched = reach(network.module, x, chunk=7)["output"].mask
        assert (batched == reach(network.module, x, batched=False)["output"].mask).all()

    def test_nan_made_by_the_model_itself_is_refused(self):
        """NaN on a clean input would look like dependence."""
        with pytest.raises(OracleError, match="NaN"):
            reach(lambda x: (x - 2).log() + x, torch.rand(1, 1, 3))


class TestRefusals:
    @pytest.mark.parametrize(
        "body",
        [
            pytest.param(lambda x: x.sort(2).values, id="sort"),
            pytest.param(lambda x: x.topk(2, 2).values, id="topk"),
            pytest.param(lambda x: x.argmax(2, keepdim=True).to(x.dtype), id="argmax"),
            pytest.param(lambda x: x.gather(2, x.long()), id="gather"),
            pytest.param(lambda x: x[:, :, x[0, 0].long()], id="index"),
            pytest.param(lambda x: (x > 0.5).sum(2), id="sum-of-booleans"),
            pytest.param(lambda x: x * x.sum().item(), id="item"),
            pytest.param(lambda x: torch.cdist(x, x), id="cdist"),
            pytest.param(lambda x: torch.fft.rfft(x).real, id="fft"),
        ],
    )
    def test_what_reads_values_or_is_unknown_raises(self, body: Callable[[Tensor], Tensor]):
        """An operator without a verified rule never passes silently."""
        with pytest.raises((UnsupportedOperatorError, OracleError)):
            reach(body, torch.rand(1, 1, 4))

    def test_grid_from_the_input_raises(self):
        """Sampling at places that depend on the input is not analysed."""

        def warp(x: Tensor) -> Tensor:
            return F.grid_sample(x, x.permute(0, 2, 3, 1), align_corners=False)

        with pytest.raises(UnsupportedOperatorError, match="positions"):
            reach(warp, torch.rand(1, 2, 3, 3))

    def test_an_unknown_scope_is_refused(self):
        """Taint cannot tell local from global paths."""
        with pytest.raises(ValueError, match="total"):
            reach(nn.Identity(), torch.rand(1, 1, 3), scope="local")


# Operators whose kernels may drop NaN (or spread it too far), each with the exact Jacobian's
# support from positive weights. One line per kernel that the oracle leaves to PyTorch.
_LINEAR: dict[str, tuple[Callable[[], nn.Module | Callable[..., Tensor]], tuple[int, ...]]] = {
    "conv1d": (lambda: nn.Conv1d(2, 3, 3, stride=2, padding=2, dilation=2), (1, 2, 11)),
    "conv1d-groups": (lambda: nn.Conv1d(4, 4, 3, groups=2, padding=1), (1, 4, 7)),
    "conv2d": (lambda: nn.Conv2d(2, 3, (3, 2), stride=(1, 2), padding=(2, 0)), (1, 2, 6, 7)),
    "conv2d-depthwise": (lambda: nn.Conv2d(4, 4, 3, groups=4, padding=1), (1, 4, 5, 6)),
    "conv2d-dilated": (lambda: nn.Conv2d(2, 2, 3, dilation=2, padding=3), (1, 2, 6, 7)),
    "conv3d": (lambda: nn.Conv3d(2, 2, 2, padding=1), (1, 2, 3, 4, 3)),
    "conv3d-dilated": (lambda: nn.Conv3d(1, 1, 2, dilation=2, padding=1), (1, 1, 3, 4, 3)),
    "conv_transpose1d": (lambda: nn.ConvTranspose1d(2, 2, 3, 2, 1, 1), (1, 2, 6)),
    "conv_transpose2d": (
        lambda: nn.ConvTranspose2d(2, 2, (2, 3), (3, 2), dilation=2),
        (1, 2, 3, 4),
    ),
    "conv_transpose3d": (lambda: nn.ConvTranspose3d(1, 1, 2, 3), (1, 1, 2, 2, 3)),
    "avg_pool1d": (lambda: nn.AvgPool1d(3, 2, 1, ceil_mode=True), (1, 1, 8)),
    "avg_pool2d": (lambda: nn.AvgPool2d((2, 3), 2, (1, 0), ceil_mode=True), (1, 1, 6, 7)),
    "avg_pool3d": (lambda: nn.AvgPool3d(2, 2, 1, count_include_pad=False), (1, 1, 3, 4, 5)),
    "adaptive_avg_pool1d": (lambda: nn.AdaptiveAvgPool1d(4), (1, 1, 7)),
    "adaptive_avg_pool2d": (lambda: nn.AdaptiveAvgPool2d((2, 5)), (1, 1, 5, 7)),
    "adaptive_avg_pool3d": (lambda: nn.AdaptiveAvgPool3d(2), (1, 1, 3, 4, 5)),
    "lp_pool": (lambda: nn.LPPool2d(2, (2, 3)), (1, 1, 5, 7)),
    "nearest": (lambda: nn.Upsample(scale_factor=1.7), (1, 1, 4, 5)),
    "bilinear": (lambda: nn.Upsample(size=(3, 11), mode="bilinear"), (1, 1, 7, 5)),
    "trilinear": (lambda: nn.Upsample(size=(3, 5, 4), mode="trilinear"), (1, 1, 4, 3, 2)),
    "fold-unfold": (lambda: lambda x: F.fold(F.unfold(x, 3), x.shape[2:], 3), (1, 1, 4, 5)),
    "overlap-add": (
        lambda: lambda x: torch.ops.aten.unfold_backward(x, (x.shape[0], 1, 8), 2, 3, 2),
        (1, 1, 3, 3),
    ),
    "cumsum": (lambda: lambda x: x.cumsum(2), (1, 1, 5)),
    "cumprod": (lambda: lambda x: x.cumprod(2), (1, 1, 5)),
    "logcumsumexp": (lambda: lambda x: x.logcumsumexp(2), (1, 1, 5)),
    "mean": (lambda: lambda x: x.mean(2, keepdim=True), (1, 1, 4, 3)),
    "sum": (lambda: lambda x: x.sum((2, 3), keepdim=True), (1, 1, 4, 3)),
    "prod": (lambda: lambda x: x.prod(2, keepdim=True), (1, 1, 4)),
    "var": (lambda: lambda x: x.var(2, keepdim=True), (1, 1, 4, 3)),
    "std": (lambda: lambda x: x.std(3, keepdim=True), (1, 1, 4, 3)),
    "vector-norm": (lambda: lambda x: torch.linalg.vector_norm(x, dim=2, keepdim=True), (1, 1, 4)),
    "logsumexp": (lambda: lambda x: x.logsumexp(2, keepdim=True), (1, 1, 4, 3)),
    "batch_norm": (lambda: nn.BatchNorm2d(2), (1, 2, 3, 4)),
    "layer_norm": (lambda: lambda x: F.layer_norm(x, (5,)), (1, 2, 3, 5)),
    "group_norm": (lambda: lambda x: F.group_norm(x, 2)[:, ::2] ** 2, (1, 4, 3, 2)),
    "rms_norm": (lambda: lambda x: F.rms_norm(x, (5,)), (1, 2, 3, 5)),
    "softmax": (lambda: lambda x: x.softmax(2), (1, 1, 5)),
    "log_softmax": (lambda: lambda x: x.log_softmax(2), (1, 1, 5)),
    "matmul": (lambda: lambda x: x @ torch.ones(4, 3), (1, 2, 3, 4)),
    "matmul-left": (lambda: lambda x: torch.ones(5, 3) @ x, (1, 2, 3, 4)),
    "gram": (lambda: lambda x: x.transpose(2, 3) @ x, (1, 1, 3, 4)),
    "glu": (lambda: lambda x: F.glu(x, 2), (1, 1, 6)),
    "linear": (lambda: nn.Linear(5, 3), (1, 2, 4, 5)),
    "index_add": (
        lambda: lambda x: torch.zeros_like(x).index_add(2, torch.tensor([0, 0, 2]), x),
        (1, 1, 3),
    ),
    "grid_sample": (
        lambda: (
            lambda x: F.grid_sample(x, torch.full((x.shape[0], 2, 2, 2), 0.13), align_corners=False)
        ),
        (1, 1, 4, 5),
    ),
}


_POOLS = [
    (nn.MaxPool1d(3, 2, 1, ceil_mode=True), nn.AvgPool1d(3, 2, 1, ceil_mode=True), (8,)),
    (nn.MaxPool2d((2, 3), 2, 1), nn.AvgPool2d((2, 3), 2, 1), (6, 7)),
    (nn.MaxPool3d(2, 2, 1), nn.AvgPool3d(2, 2, 1), (3, 4, 5)),
    (nn.AdaptiveMaxPool1d(3), nn.AdaptiveAvgPool1d(3), (7,)),
    (nn.AdaptiveMaxPool2d((2, 3)), nn.AdaptiveAvgPool2d((2, 3)), (5, 7)),
    (nn.AdaptiveMaxPool3d(2), nn.AdaptiveAvgPool3d(2), (3, 4, 5)),
]
_EXTREMA = ("amax", "amin", "max", "min", "cummax", "cummin")


def _extremum(name: str) -> Callable[[Tensor], Tensor]:
    def extremum(x: Tensor) -> Tensor:
        value = getattr(torch, name)(x, 2)
        return value if isinstance(value, Tensor) else value.values

    return extremum


class TestTaintAgainstJacobian:
    @pytest.mark.parametrize("name", sorted(_LINEAR))
    def test_taint_is_the_support_of_the_jacobian(self, name: str):
        """Where nothing can cancel, taint and Jacobian agree position by position."""
        build, shape = _LINEAR[name]
        torch.manual_seed(0)
        model = build()
        taint = reach(model, torch.rand(shape))["output"].mask
        gradient = gradient_reach(model, torch.rand(shape))["output"].mask
        assert (taint == gradient).all()

    @pytest.mark.parametrize(
        ("pool", "average", "shape"),
        _POOLS,
    )
    def test_maxima_read_what_averages_read(
        self, pool: nn.Module, average: nn.Module, shape: tuple[int, ...]
    ):
        """NaN passes every maximum, so that a window's maximum reads the whole window."""
        x = torch.rand(1, 1, *shape)
        taken = reach(pool, x)["output"].mask
        assert (taken == reach(average, x)["output"].mask).all()

    @pytest.mark.parametrize("name", _EXTREMA)
    def test_extrema_along_an_axis_read_all_of_it(self, name: str):
        """A reduction reads the axis, a cumulative one a prefix."""
        prefix = name.startswith("cum")
        axes = (2,) if prefix else ()
        mask = reach(_extremum(name), torch.rand(1, 1, 4), output_axes=axes)["output"].mask
        assert (mask == (np.tril(np.ones((4, 4), bool)) if prefix else np.ones(4, bool))).all()

    @pytest.mark.parametrize("seed", range(60))
    def test_gradient_support_is_within_taint_on_random_networks(self, seed: int):
        """What has a gradient is tainted; where no operator hides gradients, both agree."""
        network = random_network(seed)
        x = torch.rand(network.input_shape)
        taint = reach(network.module, x)["output"].mask
        try:
            gradient = gradient_reach(network.module, x)["output"].mask
        except RuntimeError as error:
            pytest.skip(f"not differentiable: {error}")
        assert not (gradient & ~taint).any(), network.description
        if not _GRADIENT_HIDING & set(network.kinds):
            assert (gradient == taint).all(), network.description

    @pytest.mark.parametrize(
        "case", [case for case in ALL_CASES if case.batched], ids=lambda case: case.id
    )
    def test_gradient_agrees_with_taint_on_case_rows(self, case: Case):
        """The two oracles agree on every row but those whose gradients are known to hide."""
        if case.id in _NOT_DIFFERENTIABLE:
            pytest.skip(_NOT_DIFFERENTIABLE[case.id])
        for source in case.sources:
            truth = case.truth(source)
            other = gradient_reach(
                case.model(),
                case.inputs(),
                axes=case.axes,
                output_axes=case.output_axes,
                source=source,
            )
            assert truth.keys() == other.keys()
            for name, taint in truth.items():
                assert not (other[name].mask & ~taint.mask).any()
                if not any(case.id.startswith(prefix) for prefix in _HIDDEN_IN_ROWS):
                    assert (other[name].mask == taint.mask).all()

    def test_every_operator_left_to_the_kernels_is_verified_here(self):
        """No name is admitted by the oracle that none of these comparisons has met."""
        met: set[str] = set()
        for build, shape in _LINEAR.values():
            met |= operators_met(build(), torch.rand(shape))
        for pool, _, shape in _POOLS:
            met |= operators_met(pool, torch.rand(1, 1, *shape))
        for name in _EXTREMA:
            met |= operators_met(_extremum(name), torch.rand(1, 1, 4))
        for case in ALL_CASES:
            if case.batched:
                met |= operators_met(case.model(), case.inputs())
        assert set() == VERIFIED - met


# Rows whose gradient is smaller than their structure, by the start of their ids.
_HIDDEN_IN_ROWS = {
    "adaptive_max_pool": "routes to one input",
    "amax": "routes to one input",
    "attention-encoder-layer": "LayerNorm cancels in sums over channels",
    "attention-soft-mask": "exp(-100) is below the threshold",
    "attention-window-shifted": "exp(-100) is below the threshold",
    "cummax": "routes to one input",
    "cumsum-box-filter": "cancels",
    "floored-rows": "no gradient",
    "clone-detach": "detached",
    "max-dim": "routes to one input",
    "max_pool": "routes to one input",
    "maximum": "routes to one input",
    "mask-amax": "routes to one input",
    "mask-max-pool": "routes to one input",
    "masked_fill-on-values": "the condition has no gradient",
    "min-dim": "routes to one input",
    "permutation-by-matmul": "zeros in a constant matrix",
    "pointwise-comparison": "no gradient",
    "pointwise-div-floor": "no gradient",
    "pointwise-logical-not": "no gradient",
    "softmax-channels": "a softmax sums to one",
    "toeplitz-by-hand": "zeros in a constant matrix",
    "where-on-values": "the condition has no gradient",
}
_NOT_DIFFERENTIABLE = {
    "in-place": "overwrites what the backward pass needs",
    "in-place-alias": "overwrites what the backward pass needs",
    "pointwise-floor-divide": "PyTorch has no derivative",
    **dict.fromkeys(
        (
            "nearest1d-factor-of-equal-lengths",
            "nearest1d-factor-of-twice-the-length",
            "nearest2d-factor-of-a-large-image",
            "nearest3d-factor-of-twice-the-length",
        ),
        "PyTorch's backward pass takes other pixels than its forward pass",
    ),
}


_GRADIENT_HIDING = {
    "activation",
    "activation_in_place",
    "adaptive_max_pool",
    "max_pool",
    "merge_maximum",
    "norm_over_channels",
    "resize_bicubic",
}


class TestHulls:
    def test_a_hull_is_inclusive_on_both_ends(self):
        """One (first, last) pair per axis."""
        mask = np.zeros((4, 5), bool)
        mask[1, 2] = mask[3, 4] = True
        assert hull(mask) == ((1, 3), (2, 4))

    def test_an_empty_mask_has_no_hull(self):
        """Nothing true, no box."""
        assert hull(np.zeros((2, 2), bool)) is None

    def test_the_vectorised_hulls_agree_with_the_single_ones(self):
        """`hulls` is `hull` at every output position."""
        network = nn.ConvTranspose2d(1, 1, (1, 2), stride=(2, 3))
        result = reach(network, torch.rand(1, 1, 3, 4))["output"]
        boxes = hulls(result)
        assert boxes.empty.any()
        for index in np.ndindex(*boxes.empty.shape):
            one = hull(result.mask[index])
            assert boxes.empty[index] == (one is None)
            if one is not None:
                assert one == tuple(zip(boxes.lo[index], boxes.hi[index], strict=True))
            else:
                assert (boxes.lo[index] == -1).all()


@pytest.fixture(scope="module")
def networks() -> list:
    return [random_network(seed) for seed in range(SEEDS)]


class TestGenerator:
    def test_the_same_seed_gives_the_same_network(self):
        """Structure, weights and names repeat exactly."""
        for make in (random_network, random_rich_network):
            first, second = make(17), make(17)
            assert first.description == second.description
            assert first.input_shape == second.input_shape
            assert first.modules == second.modules
            states = first.module.state_dict(), second.module.state_dict()
            assert states[0].keys() == states[1].keys()
            assert all(torch.equal(states[0][key], states[1][key]) for key in states[0])

    def test_making_a_network_leaves_the_global_random_state(self):
        """The caller's random numbers are not disturbed."""
        torch.manual_seed(5)
        expected = torch.rand(3)
        torch.manual_seed(5)
        random_network(4)
        assert torch.equal(torch.rand(3), expected)

    def test_every_kind_is_alive(self, networks: list):
        """Over the seeds, every kind of step occurs at least five times."""
        counts = Counter(kind for network in networks for kind in network.kinds)
        assert {name: counts[name] for name in KINDS if counts[name] < 5} == {}

    def test_every_rich_kind_is_alive(self):
        """The same for the rich generator."""
        made = [random_rich_network(seed) for seed in range(SEEDS)]
        counts = Counter(kind for network in made for kind in network.kinds)
        assert {name: counts[name] for name in RICH_KINDS if counts[name] < 5} == {}

    def test_all_dimensions_occur(self, networks: list):
        """One, two and three spatial axes, non-square where there are several."""
        assert Counter(network.dims for network in networks).keys() == {1, 2, 3}
        assert all(
            network.dims == 1 or len(set(network.input_shape[2:])) > 1 for network in networks
        )

    def test_named_modules_keep_the_layout(self, networks: list):
        """Every listed module returns batch, channel and as many axes as the input has."""
        for network in networks[:40]:
            result = reach(network.module, torch.rand(network.input_shape), modules=network.modules)
            for name in network.modules:
                assert len(result[name].shape) == network.dims + 2, (name, network.description)

    def test_weights_are_positive(self, networks: list):
        """No term can cancel another."""
        for network in networks[:40]:
            for name, parameter in network.module.named_parameters():
                assert bool((parameter >= 0).all()), name
                assert math.isfinite(float(parameter.detach().sum()))

    def test_dims_can_be_chosen(self):
        """`dims` fixes the number of spatial axes."""
        for dims in (1, 2, 3):
            assert random_network(1, dims=dims).dims == dims
