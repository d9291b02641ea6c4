"""What a person can do about a violated field."""

from __future__ import annotations

from collections.abc import Sequence

import networkx as nx

from rfgraph.analysis import Analysis
from rfgraph.checking.finding import CheckFinding, Verdict

_SHOWN = 6


def advice_on(analysis: Analysis, found: Sequence[CheckFinding]) -> str:
    """Return where the first violation comes from and what to do; empty without one."""
    bad = {f.node for f in found if f.verdict is Verdict.VIOLATED}
    if not bad:
        return ""
    names = [node.name for node in analysis]
    first = min(bad, key=names.index)
    good = {f.node for f in found} - bad
    graph = analysis.graph
    fine: set[str] = set()
    for name in good:
        fine |= {name, *nx.ancestors(graph, name)}
    suspects = [n for n in names if n not in fine and n in {first, *nx.ancestors(graph, first)}]
    kinds = list(dict.fromkeys(analysis[n].operator for n in suspects if n in graph))
    kinds = [kind for kind in kinds if kind not in ("input", "<built-in function getitem>")]
    shown = ", ".join(kinds[:_SHOWN]) + (", …" if len(kinds) > _SHOWN else "")
    return (
        f"First violated: {first}. The rule of one of the operators before it is wrong: {shown}. "
        "If you passed a rule of your own, correct it; otherwise please report the operator. Check "
        "more nodes before this one to find which."
    )
