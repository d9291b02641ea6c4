"""Differences between two reports: what changed, and at which operator the change entered.

The package is not called `diff` because `rfgraph.diff` is the function.
"""

from rfgraph.comparison.compare import diff
from rfgraph.comparison.difference import Change, Difference, NodeChange
from rfgraph.comparison.read import read_report
from rfgraph.comparison.spellings import SPELLINGS

__all__ = ["SPELLINGS", "Change", "Difference", "NodeChange", "diff", "read_report"]
