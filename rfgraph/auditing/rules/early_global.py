"""Global context enters long before the local field has grown.

Squeeze-and-excite, instance or group norm statistics and pooled gates make every later element
depend on the whole input. That is often wanted, but it means that the model cannot be run on tiles
or streams with the same result, and that early features depend on what is far away.

The finding names the first place where that happens, if the local field there is at most a
quarter of what it grows to. It is a note: squeeze-and-excite networks are built this way, and in
them the early excitations turn out to be hardly specific to the input's class.

Literature: Hu, Shen and Sun, Squeeze-and-Excitation Networks, CVPR 2018, section 6.4 (role of
excitation by depth). Wu and He, Group Normalization, ECCV 2018.
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
    """Compare the local field where the first global path begins with the largest one."""
    widest = subject.widest
    first = next(
        (n for n in subject.useful_nodes() if n.fields[subject.main_input].is_global), None
    )
    if widest is None or first is None or not first.sources:
        return
    before = subject.analysis[first.sources[0]].fields[subject.main_input].size
    largest = widest.fields[subject.main_input].size
    if None in before or any(
        4 * (here or 0) > (there or 0) for here, there in zip(before, largest, strict=True)
    ):
        return
    yield Problem(
        first.name,
        f"every later element depends on the whole input, where the local field is "
        f"{axes_text(before)} of the {axes_text(largest)} that it grows to",
    )


RULE = Rule(
    "RF401",
    "early-global-context",
    Severity.NOTE,
    check,
    "Leave out the global operator in early stages if the model should run on tiles or streams.",
)
