"""The largest local field is smaller than the objects to be seen, or than the input.

What a local path does not see, no later layer can add: a detector whose features see 64 pixels
cannot tell a 200-pixel object from its parts. With `object_size` in the configuration the largest
local field is held against it, and a smaller one is a warning. Without, it is held against the
input, and a smaller one is a note: a classifier that averages local features works, but as a bag of
local patches; a dense predictor works, but each output sees only its patch. Models whose positions
are mixed with weights (attention, a linear layer over the map) are not told this without an
object_size, for they weigh all patches against each other.

Accuracy grows with the receptive field up to the size of the objects, roughly with its logarithm.

Literature: Araujo, Norris and Sim, Computing Receptive Fields of Convolutional Neural Networks,
Distill 2019 (accuracy against receptive field). Brendel and Bethge, Approximating CNNs with
Bag-of-local-Features models, ICLR 2019. Luo et al., Understanding the Effective Receptive Field,
NeurIPS 2016 (what is really used is smaller still).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from rfgraph.auditing.finding import Severity
from rfgraph.auditing.rule import Problem, Rule
from rfgraph.auditing.subject import axes_text

if TYPE_CHECKING:
    from rfgraph.auditing.subject import Subject


def check(subject: Subject) -> Iterator[Problem]:
    """Compare the largest local field with the object size, or else with the input."""
    node = subject.widest
    if node is None:
        return
    sizes = tuple(size or 0 for size in node.fields[subject.main_input].size)
    wanted = subject.options.object_size
    if wanted is not None:
        if min(sizes) < wanted:
            yield Problem(
                node.name,
                f"the largest local field is {axes_text(sizes)}, smaller than the objects of "
                f"{wanted} that it should see",
            )
        return
    if subject.only_averages and any(
        size < length for size, length in zip(sizes, subject.lengths, strict=True)
    ):
        yield Problem(
            node.name,
            f"the largest local field is {axes_text(sizes)}, smaller than the input of "
            f"{axes_text(subject.lengths)}",
            Severity.NOTE,
        )


RULE = Rule(
    "RF101",
    "small-field",
    Severity.WARNING,
    check,
    "Add depth, stride or dilation before the last feature map, use smaller inputs, or say with "
    "object_size how large the objects are.",
)
