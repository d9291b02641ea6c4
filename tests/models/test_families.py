"""Sampled elements of models of many families, against the eager models.

Of each model some modules over its whole depth are sampled, and at each of them a corner, a border
and a middle position. Every element must change with its footprint's positions and no others: by
all paths, and by local paths alone with global mixers held. How a mixer is held says
`tests.models.eager`; which modules are, `tests.models.families`.

Two things are left out. A module inside a held one has no local field to compare. And where the
window of an attention is as large as the map, it is held, as its axis is contracted as a whole.
"""

from __future__ import annotations

import pytest

from tests.models.eager import disagreements
from tests.models.families import FAMILIES

MODULES = 4

LOOSE: dict[tuple[str, str], str] = {}
"""Models whose footprints hold more than the truth, by scope, and why."""


def test_there_are_enough_families():
    """At least sixty families, each once."""
    assert len({family.name for family in FAMILIES}) == len(FAMILIES) >= 60
    assert {name for name, _ in LOOSE} <= {family.name for family in FAMILIES}


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
def test_footprints_agree_with_the_eager_model(family):
    """What is sampled is never too small, and too large only where the table above says so."""
    model = family.model()
    found = disagreements(model, family.shapes(), family.mixers(model), modules=MODULES)
    assert [str(c) for c in found if c.kind == "unsound"] == []
    assert {(family.name, c.scope) for c in found} == {k for k in LOOSE if k[0] == family.name}
