"""Figures as files."""

import subprocess
import sys

import pytest

from rfgraph import plot
from rfgraph.errors import ReportError

HEADS = {"png": b"\x89PNG", "svg": b"<?xml", "pdf": b"%PDF"}


@pytest.mark.parametrize("ending", HEADS)
def test_formats_are_reproducible(tmp_path, ending):
    """The same figure is the same file, whatever the date."""
    files = []
    for k in range(2):
        path = tmp_path / f"{k}.{ending}"
        plot.save(plot.pooling([[0.0, 1.0], [2.0, 3.0]]), path)
        files.append(path.read_bytes())
    assert files[0].startswith(HEADS[ending])
    assert files[0] == files[1]


def test_other_endings_are_refused(tmp_path):
    """Nothing is written under a name that stands for no format."""
    with pytest.raises(ReportError, match=r"known endings: \.png, \.svg, \.pdf"):
        plot.save(plot.pooling([[0.0, 1.0], [2.0, 3.0]]), tmp_path / "a.bmp")
    assert not list(tmp_path.iterdir())


def test_without_matplotlib_the_extra_is_named():
    """The rest of rfgraph works, and the sentence says what to install."""
    code = """
import sys
sys.modules["matplotlib"] = None
import rfgraph
try:
    rfgraph.plot
except rfgraph.MissingExtraError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "rfgraph.plot needs matplotlib: pip install 'rfgraph[plot]'\n"
