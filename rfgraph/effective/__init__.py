"""The effective receptive field: how much each input position really weighs (Luo et al. 2016)."""

from rfgraph.effective.effective_field import EffectiveField
from rfgraph.effective.erf import erf
from rfgraph.effective.gaussian import Gaussian
from rfgraph.effective.mass import Mass

__all__ = ["EffectiveField", "Gaussian", "Mass", "erf"]
