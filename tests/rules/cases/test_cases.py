"""The rows themselves: unique, answerable by the oracle, and about every operator in use."""

from __future__ import annotations

from collections import Counter

import pytest

from rfgraph.rules.builtin import BUILTIN_RULES
from tests.rules.cases import ALL_CASES, Case
from tests.rules.cases._operators import WITHOUT_POSITIONS, overload, uncovered, zoo_operators


def test_ids_are_unique():
    """A row is found by its id."""
    counts = Counter(case.id for case in ALL_CASES)
    assert [name for name, count in counts.items() if count > 1] == []


@pytest.mark.parametrize("case", ALL_CASES, ids=lambda case: case.id)
def test_the_oracle_answers(case: Case):
    """Every row runs in eager mode and has a truth for each of its sources."""
    for source in case.sources:
        truth = case.truth(source)
        assert truth["output"].mask.size > 0


def test_every_operator_of_real_models_has_a_row():
    """An operator recorded on torchvision or timm is executed by some row."""
    assert uncovered(ALL_CASES) == set()


def test_every_operator_of_real_models_has_a_rule():
    """An operator recorded on torchvision or timm is understood, unless it makes constants."""
    without = {name for name in zoo_operators() if BUILTIN_RULES.find(overload(name)) is None}
    assert without - WITHOUT_POSITIONS == set()
