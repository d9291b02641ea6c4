"""What must not change by accident: run with `pytest`, update with `pytest --rfgraph-update`."""

import pytest
from model import build

SHAPE = (2, 3, 128, 128)


@pytest.fixture(scope="module")
def model():
    """The network as it is trained."""
    return build()


def test_fields(rf, model):
    """Every number of every operator, in rfgraph_baselines/ beside this file."""
    rf.snapshot(model, SHAPE)


def test_features_see_the_objects(rf, model):
    """Objects are up to 40 pixels wide."""
    rf.assert_field(model, SHAPE, {"layer3": {"size": ">= 40", "jump": 4}})


def test_branches_meet(rf, model):
    """The shortcut is cropped to what the decoder sees."""
    rf.assert_aligned(model, SHAPE)


def test_samples_stay_apart(rf, model):
    """No prediction depends on what else is in the batch."""
    rf.assert_samples_independent(model, SHAPE)


def test_audit(rf, model):
    """Nothing suspicious, for objects of 40 pixels."""
    rf.assert_no_findings(model, SHAPE, object_size=40)
