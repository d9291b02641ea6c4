"""Single changes of a model that give a node a wanted field, each verified, with what they cost."""

from rfgraph.design.change import Change
from rfgraph.design.cost import Cost
from rfgraph.design.suggest import suggest
from rfgraph.design.suggestions import Refusal, Suggestion, Suggestions

__all__ = ["Change", "Cost", "Refusal", "Suggestion", "Suggestions", "suggest"]
