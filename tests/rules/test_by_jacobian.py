"""Rules against the support of a Jacobian, where the taint oracle has no verified operator."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import rfgraph
from tests.comparison import differences
from tests.oracle.taint import Reach
from tests.rules.cases import Case
from tests.rules.jacobian_cases import CASES

DRAWS = 3
"""Random inputs whose supports are united; an accidental zero does not come three times."""

NEEDS_DATA = {"pack_padded"}
"""Rows whose Python code reads values."""


def support(case: Case, output_axes: tuple[int, ...]) -> Reach:
    """Which positions of the only input change which positions of the only output."""
    model, (x,) = case.model(), case.inputs()
    in_axes = case.axes or tuple(range(2, x.ndim))
    generator = torch.Generator().manual_seed(0)
    mask = np.zeros(0, dtype=bool)
    shape: tuple[int, ...] = ()
    for _ in range(DRAWS):
        point = 0.5 + torch.rand(x.shape, generator=generator, dtype=torch.float64)
        y = model(point)
        shape = tuple(y.shape)
        jacobian = torch.autograd.functional.jacobian(model, point)
        # Rounding leaves 1e-16 where a sum of FFT terms cancels; true entries are far larger.
        hit = (jacobian.abs() > 1e-9).numpy()
        keep = (*output_axes, *(len(shape) + axis for axis in in_axes))
        gone = tuple(axis for axis in range(hit.ndim) if axis not in keep)
        found = hit.any(axis=gone)
        mask = found if not mask.size else mask | found
    extent = tuple(x.shape[axis] for axis in in_axes)
    return Reach("output", mask, shape, output_axes, in_axes, extent)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_rule_agrees_with_the_jacobian(case: Case):
    """Nothing is missing at any position, and nothing too much unless the row says so."""
    analysis = rfgraph.analyze(
        case.model(), list(case.shapes), axes=case.axes, real=case.id in NEEDS_DATA
    )
    node = analysis.output()
    assert node.status is not rfgraph.Status.UNKNOWN
    if case.output_axes is not None:
        assert node.spatial_axes == case.output_axes
    found = list(differences(node, support(case, node.spatial_axes)))
    assert [d for d in found if not d.kind.endswith("loose")] == []
    if not case.answer_may_be_bound:
        assert found == []
    elif found:
        assert node.status is rfgraph.Status.BOUND
