"""Fields of layouts in which an axis is taken apart and put together again."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from torch import nn

import rfgraph

CONV = nn.Conv2d(3, 3, 3, padding=1)
LINE = nn.Conv1d(3, 3, 3, padding=1)


def space_to_depth(x):
    return x.view(1, 3, 12, 2, 12, 2).permute(0, 1, 3, 5, 2, 4).reshape(1, 12, 12, 12)


def frames_by_loop(x):
    return torch.stack([CONV(x[:, t]) for t in range(5)], 1)


def frames_in_place(x):
    out = torch.zeros_like(x)
    for t in range(5):
        out[:, t] = CONV(x[:, t])
    return out


def zero_insertion(x):
    out = x.new_zeros(1, 3, 48, 24)
    out[:, :, ::2] = x
    return out


IMAGE = (1, 3, 24, 24)
CASES = {
    "space-to-depth": (space_to_depth, IMAGE, {}, (2, 2), ("2", "2"), (0, 0)),
    "pixel-unshuffle": (
        lambda x: F.pixel_unshuffle(CONV(x), 2),
        IMAGE,
        {},
        (4, 4),
        ("2", "2"),
        (-1, -1),
    ),
    "mean-of-a-digit": (
        lambda x: x.view(1, 3, 12, 2, 24).mean(3),
        IMAGE,
        {},
        (2, 1),
        ("2", "1"),
        (0, 0),
    ),
    "select-of-a-digit": (
        lambda x: x.view(1, 3, 12, 2, 24)[:, :, :, 1],
        IMAGE,
        {},
        (1, 1),
        ("2", "1"),
        (1, 0),
    ),
    "unbind-stack": (
        lambda x: LINE(torch.stack(x.unbind(2), 2)),
        (1, 3, 12),
        {},
        (3,),
        ("1",),
        (-1,),
    ),
    "frames-by-loop": (
        frames_by_loop,
        (1, 5, 3, 8, 8),
        {"axes": (1, 3, 4)},
        (1, 3, 3),
        ("1", "1", "1"),
        (0, -1, -1),
    ),
    "frames-in-place": (
        frames_in_place,
        (1, 5, 3, 8, 8),
        {"axes": (1, 3, 4)},
        (1, 3, 3),
        ("1", "1", "1"),
        (0, -1, -1),
    ),
    "zero-insertion": (zero_insertion, IMAGE, {}, (1, 1), ("1/2", "1"), (0, 0)),
    "from-one-pixel": (
        lambda x: F.interpolate(x.mean((2, 3), keepdim=True) + x[:, :, :1, :1], size=6),
        IMAGE,
        {},
        (1, 1),
        ("0", "0"),
        (0, 0),
    ),
    "tokens": (
        lambda x: F.avg_pool2d(x, 4).flatten(2).transpose(1, 2),
        IMAGE,
        {},
        (4, 4),
        ("4", "4"),
        (0, 0),
    ),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_numbers_of_a_regrouped_axis(case):
    """Size, jump and start count steps of the output's own axes."""
    model, shape, options, size, jump, start = case
    field = rfgraph.analyze(model, shape, **options).output().field
    assert field.size == size
    assert tuple(map(str, field.jump)) == jump
    assert field.start == start


def swin(shifts, extent):
    """Swin blocks of 3x3 windows over 2x2 patches, as a model of square images."""
    from torchvision.models.swin_transformer import SwinTransformerBlock

    patches = nn.Conv2d(3, 8, 2, 2)
    blocks = nn.Sequential(*(SwinTransformerBlock(8, 2, [3, 3], [s, s]) for s in shifts)).eval()

    def model(x):
        return blocks(patches(x).permute(0, 2, 3, 1)).permute(0, 3, 1, 2)

    return rfgraph.analyze(model, (1, 3, extent, extent)).output().field


@pytest.mark.parametrize("extent", [24, 48])
def test_windows_are_local_and_symmetric(extent: int):
    """A window block sees its window, a shifted one two; the seam sees across the image."""
    field = swin([0], extent)
    assert field.size == (6, 6)
    assert field.jump == (2, 2)
    assert not field.is_global
    shifted = swin([0, 1], extent)
    assert shifted.size == (12, 12)
    assert shifted.start == (-6, -6)
    assert shifted.size_max == (extent, extent)
    assert not shifted.is_global


def test_a_scan_has_no_pattern():
    """An LSTM's step sees all steps up to its own: no jump is claimed."""
    model = nn.LSTM(5, 4, batch_first=True)
    field = rfgraph.analyze(lambda x: model(x)[0], (1, 9, 5), layout="NLC").output().field
    assert field.jump == (None,)
    assert field.size == (9,)
    assert field.size_min == (1,)


def test_causal_attention_is_a_prefix():
    """A mask of -inf cuts: position i sees 0 … i, exactly and locally, through layers too."""

    def attend(x, causal):
        q = x.transpose(1, 2)
        for _ in range(3):
            q = q + F.scaled_dot_product_attention(q, q, q, is_causal=causal)
        return q.transpose(1, 2)

    causal = rfgraph.analyze(lambda x: attend(x, causal=True), (1, 4, 9)).output()
    assert causal.status is rfgraph.Status.EXACT
    assert not causal.field.is_global
    assert [causal.region(i).hull for i in (0, 4, 8)] == [((0, 0),), ((0, 4),), ((0, 8),)]
    full = rfgraph.analyze(lambda x: attend(x, causal=False), (1, 4, 9)).output()
    assert full.status is rfgraph.Status.EXACT
    assert full.field.is_global


def test_windows_as_columns_keep_their_numbers():
    """Taps that unfold lists apart are, once joined, the window of a convolution again."""

    def joined(x):
        return F.unfold(x, 3, padding=1).view(1, 2, 9, 8, 10).sum(2)

    def third_tap(x):
        return F.unfold(x, 3, padding=1).view(1, 2, 9, 8, 10)[:, :, 2]

    def spectrum(x):
        return torch.stft(x, 16, 4, window=torch.hann_window(16), return_complex=True).abs()

    node = rfgraph.analyze(joined, (1, 2, 8, 10)).output()
    assert node.status is rfgraph.Status.EXACT
    assert (node.field.size, node.field.jump, node.field.start) == ((3, 3), (1, 1), (-1, -1))
    tap = rfgraph.analyze(third_tap, (1, 2, 8, 10)).output().field
    assert (tap.size, tap.jump, tap.start) == ((1, 1), (1, 1), (-1, 1))
    frames = rfgraph.analyze(spectrum, (2, 64)).output()
    assert frames.status is rfgraph.Status.EXACT
    # A periodic Hann window of 16 begins with a weight of exactly zero.
    assert (frames.field.size, frames.field.jump) == ((15,), (4,))


@pytest.mark.parametrize(("length", "hop"), [(300, 16), (20_000, 16), (20_000, 8)])
def test_a_spectrogram_and_back_is_a_window_again(length, hop):
    """Overlapping frames of 64, the first weight of a Hann window zero, added up where they stood.

    A frame reads 63 samples, and adds to the same 63.
    """

    def there_and_back(x):
        window = torch.hann_window(64)
        spectrum = torch.stft(x, 64, hop, window=window, return_complex=True)
        return torch.istft(spectrum, 64, hop, window=window, length=length)

    node = rfgraph.analyze(there_and_back, (1, length)).output()
    assert node.status is rfgraph.Status.EXACT
    assert node.field.jump == (1,)
    assert node.field.size == (2 * 64 - hop - 1,)
    middle = length // 2 // hop * hop
    for sample in (middle, middle + 1, middle + hop - 1):
        frames = [f for f in range(0, length, hop) if 0 < sample - (f - 32) < 64]
        hull = (frames[0] - 32 + 1, frames[-1] - 32 + 63)
        assert node.region((sample,)).hull == (hull,)


def test_a_field_prints_its_numbers():
    """Size, jump and start, not the phases that they are made from."""
    field = rfgraph.analyze(nn.ConvTranspose1d(1, 1, 4, 2), (1, 1, 8)).output().field
    assert repr(field) == "Field(size=(2,), jump=(1/2,), start=(-1,), is_global=False)"


def test_taps_on_an_axis_of_their_own_have_no_jump():
    """A window's taps and the windows are two steps, not one."""
    field = rfgraph.analyze(lambda x: x.unfold(2, 4, 2), (1, 3, 12)).output().field
    assert field.size == (1,)
    assert field.jump == (None,)


def test_a_class_token_leaves_no_local_path_through_attention():
    """The query alone is no local path, also where the class token among the keys is global."""

    def attend(x):
        tokens = torch.cat([x.mean(1, keepdim=True), x], 1)
        return (tokens @ tokens.transpose(1, 2)).softmax(-1)

    weights = rfgraph.analyze(attend, (1, 6, 4), layout="NLC").output()
    assert weights.field.size == (None,)
    assert weights.field.is_global


def test_a_table_of_parameters_costs_no_certainty():
    """Which row of an embedding is read is computed; the row belongs to no input."""
    tokens = torch.zeros(1, 5, dtype=torch.long)
    assert rfgraph.analyze(nn.Embedding(9, 4), tokens).output().status is rfgraph.Status.EXACT


PATCHES = nn.Conv2d(3, 4, 5, stride=3)  # overlapping, without padding: 24 -> 7
CLASS_TOKEN = torch.ones(1, 1, 4)


def tokens(x):
    return PATCHES(x).flatten(2).transpose(1, 2)


def scores(x):
    return tokens(x) @ tokens(x).transpose(1, 2)


def scores_with_class_token(x):
    seen = torch.cat([CLASS_TOKEN.expand(len(x), -1, -1), tokens(x)], 1)
    return seen @ seen.transpose(1, 2)


def scores_of_two_resolutions(x):
    coarse = F.avg_pool2d(x, 6).flatten(2)
    return tokens(x)[..., :3] @ coarse


def scores_in_windows(x):
    windows = x.view(1, 3, 4, 6, 4, 6).permute(0, 2, 4, 3, 5, 1).reshape(16, 36, 3)
    return windows @ windows.transpose(1, 2)


@pytest.mark.parametrize(
    "model", [scores, scores_with_class_token, scores_of_two_resolutions, scores_in_windows]
)
def test_scores_report_the_largest_pair(model):
    """A score sees its query and its key; the size is that of the pair that lies farthest apart."""
    node = rfgraph.analyze(model, IMAGE).output()
    assert node.status == rfgraph.Status.EXACT
    extents = [0, 0]
    for index in np.ndindex(*(node.shape[axis] for axis in node.spatial_axes)):
        for axis, line in enumerate(np.nonzero(node.footprint(index))):
            if line.size:
                extents[axis] = max(extents[axis], int(line.max() - line.min() + 1))
    assert node.field.size == tuple(extents)


def test_a_convolution_over_windows_that_were_tokens_is_exact():
    """DaViT: attention in windows of a flattened image, a residual, and a convolution over it."""
    conv = nn.Conv2d(3, 3, 3, padding=1)

    def model(x):
        windows = x.view(1, 3, 4, 6, 4, 6).permute(0, 2, 4, 3, 5, 1).reshape(16, 36, 3)
        mixed = windows.mean(1, keepdim=True).expand(-1, 36, -1)
        image = mixed.view(1, 4, 4, 6, 6, 3).permute(0, 1, 3, 2, 4, 5).reshape(1, 24, 24, 3)
        flat = image.flatten(1, 2) + x.permute(0, 2, 3, 1).flatten(1, 2)
        return conv(flat.transpose(1, 2).view(1, 3, 24, 24))

    node = rfgraph.analyze(model, IMAGE).output()
    assert node.status == rfgraph.Status.EXACT
    assert node.field.size == (12, 12)
    assert node.field.size_min == (6, 6)


def test_attention_over_tokens_that_see_everything_is_global():
    """Queries and keys with one and the same field stay apart, so that mixing keys is seen."""
    everywhere = nn.Conv1d(3, 3, 9, padding=4, padding_mode="circular")

    def model(x):
        seen = everywhere(x).transpose(1, 2)
        return (seen @ seen.transpose(1, 2)).softmax(-1) @ seen

    analysis = rfgraph.analyze(model, (1, 3, 9))
    assert analysis["matmul"].field.size == (9,)
    assert not analysis["matmul"].field.is_global
    assert analysis.output().field.is_global
    assert analysis.output().field.size == (None,)
