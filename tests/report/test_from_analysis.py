"""Facts are what the analysis says, in plain types."""

from enum import Enum
from fractions import Fraction
from types import SimpleNamespace

from rfgraph.report import from_analysis
from tests.report.examples import field, node


class Certainty(Enum):
    """A status as the analysis has it."""

    EXACT = "exact"


def test_fields_are_copied_and_whole_fractions_become_integers():
    """Tuples stay tuples, 4/2 becomes 2, and the caller's provenance is added."""
    facts = field((7, 7), (Fraction(4, 2), Fraction(1, 2)), (-3, -3))
    conv = SimpleNamespace(
        **{
            key: getattr(node("conv", {"x": facts}), key)
            for key in node("conv", {}).__slots__
            if key not in {"status", "path_count"}
        },
        status=Certainty.EXACT,
        paths=SimpleNamespace(count=3),
    )
    analysis = SimpleNamespace(
        nodes=(conv,),
        inputs={"x": SimpleNamespace(shape=(1, 3, 9, 9), dtype="float32", axes=(2, 3))},
        outputs={"output": conv},
        modules={"conv": (conv,)},
        module_types={"conv": "Conv2d"},
        provenance={"torch": "2"},
    )
    report = from_analysis(analysis, provenance={"target": "t"})
    jump = report.nodes[0].fields["x"].jump
    assert jump == (2, Fraction(1, 2))
    assert type(jump[0]) is int
    assert report.nodes[0].path_count == 3
    assert report.nodes[0].status == "exact"
    assert report.modules["conv"].nodes == ("conv",)
    assert report.modules["conv"].type == "Conv2d"
    assert report.provenance == {"torch": "2", "target": "t"}
