"""The pause of the garbage collector: what it leaves behind, and what never piles up."""

import gc
import weakref

import pytest

from rfgraph.analysis import garbage
from rfgraph.analysis.garbage import without_collections


@pytest.fixture(autouse=True)
def _small(monkeypatch):
    monkeypatch.setattr(garbage, "LARGE", 1_000)
    monkeypatch.setattr(garbage, "MOST_WAITING", 10_000)
    monkeypatch.setattr(garbage, "_waiting", 0)
    gc.collect()


class Ring:
    """An object that only the collector can free."""

    def __init__(self) -> None:
        self.itself = self


def rings(count: int) -> list[Ring]:
    """Return rings, made while collections are paused."""
    with without_collections():
        assert not gc.isenabled()
        return [Ring() for _ in range(count)]


def test_many_objects_go_to_the_oldest_generation():
    """Objects that are still in use are not walked over, and nothing stays frozen."""
    collections = [generation["collections"] for generation in gc.get_stats()]
    kept = rings(5_000)
    assert gc.isenabled()
    assert gc.get_freeze_count() == 0
    assert gc.get_count()[0] < 1_000
    assert [generation["collections"] for generation in gc.get_stats()] == collections
    assert any(one is kept[0] for one in gc.get_objects(generation=2))


def test_dropped_cycles_do_not_pile_up():
    """Once enough objects wait in the oldest generation, dropped ones are freed."""
    first = weakref.ref(rings(5_000)[0])
    assert first() is not None
    for _ in range(2):
        rings(5_000)
    assert first() is None


def test_frozen_objects_stay_frozen():
    """Where somebody froze objects (before a fork), the collector goes on as usual."""
    gc.freeze()
    try:
        frozen = gc.get_freeze_count()
        rings(5_000)
        assert gc.get_freeze_count() == frozen
        assert gc.isenabled()
    finally:
        gc.unfreeze()


def test_a_disabled_collector_stays_disabled():
    """Whoever disabled collections finds them disabled, after an error too."""
    gc.disable()
    try:
        with pytest.raises(ValueError, match="on purpose"), without_collections():
            raise ValueError("on purpose")
        assert not gc.isenabled()
    finally:
        gc.enable()
    with pytest.raises(ValueError, match="on purpose"), without_collections():
        raise ValueError("on purpose")
    assert gc.isenabled()
