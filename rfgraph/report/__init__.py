"""Reports: what an analysis found, as plain data, and its spellings as text.

`facts` is the data, `formats.FORMATS` the spellings, `load` the way back. Nothing here knows torch.
"""

from rfgraph.report.analysed import from_analysis
from rfgraph.report.facts import (
    BranchFacts,
    FieldFacts,
    InputFacts,
    ModuleFacts,
    NodeFacts,
    Report,
    WindowFacts,
)
from rfgraph.report.formats import FORMATS, format_of, save
from rfgraph.report.load import load, loads
from rfgraph.report.selection import EVERYTHING, Level, Selection
from rfgraph.report.write import write_text

__all__ = [
    "EVERYTHING",
    "FORMATS",
    "BranchFacts",
    "FieldFacts",
    "InputFacts",
    "Level",
    "ModuleFacts",
    "NodeFacts",
    "Report",
    "Selection",
    "WindowFacts",
    "format_of",
    "from_analysis",
    "load",
    "loads",
    "save",
    "write_text",
]
