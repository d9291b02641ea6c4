"""Figures compared with stored pictures of them.

`RFGRAPH_UPDATE_IMAGES=1 pytest tests/plot` stores what is drawn now: look at every changed picture
before it is committed.
"""

import os
from pathlib import Path

from matplotlib.testing.compare import compare_images

from rfgraph import plot

REFERENCE = Path(__file__).parent / "reference"
TOLERANCE = 6
"""Root mean square of pixel differences, of 255: other versions of the font renderer."""


def assert_looks_like(figure, name, folder):
    """Assert that `figure` looks like the stored picture `name`, within the tolerance."""
    stored = REFERENCE / f"{name}.png"
    if os.environ.get("RFGRAPH_UPDATE_IMAGES"):
        plot.save(figure, stored, dpi=60)
    drawn = Path(folder) / f"{name}.png"
    plot.save(figure, drawn, dpi=60)
    difference = compare_images(str(stored), str(drawn), tol=TOLERANCE)
    assert difference is None, difference
