"""Figures: what modules compute, and what they can see. Needs the extra `rfgraph[plot]`.

Every function returns a :class:`matplotlib.figure.Figure` of its own, without pyplot's state;
:func:`save` writes it. Pixel i is centred at i, as everywhere in rfgraph.
"""

from rfgraph.errors import MissingExtraError

try:
    import matplotlib as mpl  # noqa: F401 -- to say what is missing before anything else
except ImportError:
    raise MissingExtraError("rfgraph.plot", "matplotlib") from None

from rfgraph.plot.branches import branches
from rfgraph.plot.erf import erf
from rfgraph.plot.feature_maps import feature_maps
from rfgraph.plot.fields import fields
from rfgraph.plot.footprint import footprint
from rfgraph.plot.graph import graph
from rfgraph.plot.growth import growth
from rfgraph.plot.influence import density, influence
from rfgraph.plot.kernels import kernels
from rfgraph.plot.patches import patches
from rfgraph.plot.pooling import pooling
from rfgraph.plot.projection import projection
from rfgraph.plot.save import save

__all__ = [
    "branches",
    "density",
    "erf",
    "feature_maps",
    "fields",
    "footprint",
    "graph",
    "growth",
    "influence",
    "kernels",
    "patches",
    "pooling",
    "projection",
    "save",
]
