"""The probe accepts the truth and refutes claims that are a little wrong."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from tests.models.probe import Claim, poisons, reached, refutations, with_data

SHAPE = (1, 2, 12, 12)


@pytest.fixture(scope="module")
def model():
    """A window of three and a dilated one of five, padded before the first only."""
    with torch.device("meta"):
        built = nn.Sequential(
            nn.Conv2d(2, 3, 3, padding=1), nn.ReLU(inplace=True), nn.Conv2d(3, 1, 3, dilation=2)
        )
    return with_data(built)


def truth():
    """The footprint of element (1, 4) of the last layer, by hand: rows 0..6, columns 3..9."""
    footprint = np.zeros(SHAPE[2:], dtype=bool)
    footprint[:7, 3:10] = True
    return footprint


def kinds(model, footprint):
    claims = [Claim("2", (1, 4), footprint)]
    return {refutation.kind for refutation in refutations(model, SHAPE, claims)}


def test_the_truth_stands(model):
    """The hand-computed footprint is not refuted."""
    assert kinds(model, truth()) == set()


@pytest.mark.parametrize("cut", [np.s_[0], np.s_[6], np.s_[:, 3], np.s_[:, 9]])
def test_a_missing_row_or_column_is_unsound(model, cut):
    """A footprint without one of its edges is refuted as too small."""
    short = truth()
    short[cut] = False
    assert kinds(model, short) == {"unsound"}


@pytest.mark.parametrize("more", [np.s_[7, 3:10], np.s_[:7, 2], np.s_[:7, 10]])
def test_an_extra_row_or_column_is_loose(model, more):
    """A footprint with one row or column too much is refuted as too large."""
    wide = truth()
    wide[more] = True
    assert kinds(model, wide) == {"loose"}


def test_an_empty_footprint_is_unsound(model):
    """An element that depends on its input is not accepted as a constant."""
    assert kinds(model, np.zeros(SHAPE[2:], dtype=bool)) == {"unsound"}


def test_poisons_are_the_outside_the_edges_and_single_positions():
    """A footprint gets its complement, two slices per axis and the single positions asked for."""
    found = list(poisons(truth(), singles=3))
    assert len(found) == 1 + 2 * 2 + 3
    assert not (found[0] & truth()).any()
    assert all((mask <= truth()).all() for mask in found[1:])
    assert [int(mask.sum()) for mask in found[-3:]] == [1, 1, 1]


CONVOLUTIONS = {
    "3x3": (nn.Conv2d(64, 64, 3, padding=1), (1, 64, 20, 20)),
    "depthwise": (nn.Conv2d(64, 64, 3, padding=1, groups=64), (1, 64, 20, 20)),
    "grouped": (nn.Conv2d(64, 64, 3, padding=1, groups=4), (1, 64, 20, 20)),
    "3x3x3": (nn.Conv3d(32, 32, 3, padding=1), (1, 32, 5, 20, 20)),
}


@pytest.mark.parametrize("batch", [1, 16])
@pytest.mark.parametrize("kind", CONVOLUTIONS)
def test_convolutions_carry_nan_to_their_windows_only(kind, batch):
    """A NaN comes out at exactly the outputs whose window reads it, also for large batches."""
    layer, shape = CONVOLUTIONS[kind]
    middle = tuple(n // 2 for n in shape[2:])
    mask = np.zeros(shape[2:], dtype=bool)
    mask[middle] = True
    window = np.zeros_like(mask)
    window[tuple(slice(m - 1, m + 2) for m in middle)] = True
    model = nn.Sequential(layer).eval()
    seen = reached(model, shape, ["0"], [mask] * batch, batch=batch)["0"]
    assert (seen == window).all()
