"""What windows and spreads mean without options."""

from rfgraph.geometry.window import spread, window


def test_a_window_without_options_starts_at_its_position():
    """Stride 1, dilation 1, no padding."""
    assert list(window(3).at(4, length=9)) == [4, 5, 6]


def test_a_spread_without_options_ends_at_its_position():
    """Stride 1, dilation 1, no padding."""
    assert list(spread(3).at(4, length=9)) == [2, 3, 4]
