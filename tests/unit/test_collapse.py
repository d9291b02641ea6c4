"""Parts that differ only by where they stand become one field."""

from __future__ import annotations

import torch

import rfgraph


def test_a_roll_is_one_part():
    """Both segments of a rolled axis are one table, so shifted windows do not multiply parts."""
    node = rfgraph.analyze(lambda x: x.roll((1, 2), (2, 3)), (1, 3, 12, 12)).output()
    assert len(node.state.parts) == 1
    assert node.field.size == (1, 1)
    assert node.field.jump == (1, 1)
    assert node.region((0, 1)).hull == ((11, 11), (11, 11))


def test_branches_with_other_fields_elsewhere_stay_apart():
    """Rows of two branches differ in their columns' field too: position along rows is not all."""

    def model(x):
        return torch.cat([x[:, :, :6], torch.nn.functional.avg_pool2d(x, (1, 3), 1, (0, 1))], 2)

    node = rfgraph.analyze(model, (1, 3, 12, 12)).output()
    assert len(node.state.parts) == 2
    assert node.region((2, 5)).unclipped == ((2, 2), (5, 5))
    assert node.region((8, 5)).unclipped == ((2, 2), (4, 6))


def test_a_mean_over_stacked_frames_is_global():
    """Selecting every frame, stacking and averaging contracts the whole axis."""
    field = rfgraph.analyze(
        lambda x: torch.stack([f * 2 for f in x.unbind(2)], 2).mean(2), (1, 3, 8)
    ).output()
    assert field.field.is_global


def test_gathering_a_table_is_its_definition():
    """The union over a digit, for tables as for periodic maps, whatever stride and size."""
    from rfgraph.geometry.index_set import index_set
    from rfgraph.geometry.periodic import Finite
    from rfgraph.propagation.digits import gather_digit

    table = Finite(tuple(index_set({i, i * i % 7}) for i in range(23)))
    for stride in (-3, -1, 1, 2, 5):
        for size in range(1, 8):
            for length in (1, 9, 30):
                seen = gather_digit(table, stride, size, length)
                for v in range(length):
                    wanted = set().union(*(table.at(v + stride * t) for t in range(size)))
                    assert set(seen.at(v)) == wanted, (stride, size, v)
