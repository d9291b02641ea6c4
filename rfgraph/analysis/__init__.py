"""The answer to the question: which inputs can this neuron see?"""

from rfgraph.analysis.analysis import Analysis
from rfgraph.analysis.analyze import analyze, analyze_recording
from rfgraph.analysis.branch import Branch
from rfgraph.analysis.field import Field
from rfgraph.analysis.input_info import InputInfo
from rfgraph.analysis.node import Node
from rfgraph.analysis.region import Region
from rfgraph.analysis.window import Window

__all__ = [
    "Analysis",
    "Branch",
    "Field",
    "InputInfo",
    "Node",
    "Region",
    "Window",
    "analyze",
    "analyze_recording",
]
