"""Pictures as tensors: read, resized, or drawn as a test chart."""

from rfgraph.pictures.chart import chart
from rfgraph.pictures.convert import as_array
from rfgraph.pictures.folder import SUFFIXES, list_pictures
from rfgraph.pictures.load import load_picture

__all__ = ["SUFFIXES", "as_array", "chart", "list_pictures", "load_picture"]
