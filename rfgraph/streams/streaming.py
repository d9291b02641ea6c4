"""From an analysis to the figures of a stream."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from math import ceil, floor

import networkx as nx

from rfgraph.analysis import Analysis, Node
from rfgraph.errors import StreamingError, TilingError
from rfgraph.geometry.index_set import IndexSet
from rfgraph.geometry.periodic import Periodic
from rfgraph.geometry.tensor_map import Axes, Whole
from rfgraph.propagation.field import AxisField
from rfgraph.propagation.graph import edge_of
from rfgraph.streams.plan import LayerState, StreamPlan
from rfgraph.tiles.margins import Margins, margins
from rfgraph.tiles.position_constants import refuse_position_constants
from rfgraph.tiles.tiling import find_node, only_input, place_of


def streaming(
    analysis: Analysis,
    node: str | Node | None = None,
    *,
    axis: int | None = None,
    sample_rate: float | Fraction | None = None,
) -> StreamPlan:
    """How a node depends on time: look-back, look-ahead, latency, states, and a chunked runner.

    Args:
        analysis: The analysis on a signal that is longer than the node's field.
        node: An output, or what a module returned; the first output by default.
        axis: The input's tensor axis that is time; by default its last analysed one.
        sample_rate: Input samples (or frames) per second, for figures in milliseconds.

    Raises:
        StreamingError: Time is not an analysed axis, or the node does not move along with it: some
            operator mixes the whole axis.
        NodeNotFoundError: There is no such node.
    """
    wanted = find_node(analysis, node)
    try:
        info, place = only_input(analysis, wanted), place_of(analysis, wanted)
    except TilingError as error:
        raise StreamingError(str(error).replace("Tiling", "Streaming")) from None
    time = info.axes[-1] if axis is None else axis
    if time not in info.axes:
        raise StreamingError(f"Axis {time} is not analysed; the analysed axes are {info.axes}.")
    if sample_rate is not None and sample_rate <= 0:
        raise StreamingError(f"sample_rate= takes samples per second; got {sample_rate}.")
    k = info.axes.index(time)
    found = wanted.field.axes[k]
    if found.is_global:
        raise StreamingError(
            f"{wanted.name} cannot run on a stream: {', '.join(found.origins)} mixes the whole of "
            "time, so the first output waits for the last sample; ask for a node before it, or "
            "replace the operator by one that looks back only."
        )
    timing = _timing(found, wanted)
    if timing is None or found.along is None:
        raise StreamingError(
            f"{wanted.name} does not move along with axis {time}: its field follows no pattern; if "
            "the signal is only a few fields long, analyse a longer one."
        )
    jump, look_back, look_ahead, latency = timing
    blocker: str | None = None
    cuts: Margins | None = None
    try:
        cuts = margins(wanted, k)
        refuse_position_constants(analysis, wanted, {time})
    except TilingError as error:
        blocker, cuts = str(error).replace("tiled", "computed in chunks"), None
    if cuts is not None and look_back is None:
        cuts = None
        blocker = (
            f"{wanted.name} cannot be computed in chunks: it looks back over the whole of the "
            f"analysed signal of {found.length}; if it does so on a longer one, it keeps a running "
            "state."
        )
    rate = None if sample_rate is None else Fraction(sample_rate)
    return StreamPlan(
        wanted.name, time, found.along, rate, jump, look_back, look_ahead, latency,
        _first_ahead(analysis, wanted, k) if look_ahead else None,
        tuple(_states(analysis, wanted, k)), blocker, cuts, analysis, place,
    )  # fmt: skip


def _timing(field: AxisField, node: Node) -> tuple[Fraction, int | None, int, int] | None:
    """(jump, look-back, look-ahead, latency) of a field along time."""
    jump, looks = Fraction(1), list[tuple[int, IndexSet]]()
    back: int | None = None
    if isinstance(field.interior, Periodic) and field.interior.advance > 0:
        jump = field.interior.slope
        looks = list(enumerate(field.interior.sets))
        if field.size is not None and field.size < field.length:
            # A longer one may be cut by the start alone: a running sum is a window of any length.
            back = max((floor(o * jump) - seen.first for o, seen in looks if seen), default=0)
    if field.interior is None and field.local is not None:
        # A prefix: what an element sees grows, only its end moves along.
        if field.along is None or node.shape[field.along] != field.length:
            return None
        looks = list(enumerate(field.local.sets))
    if not any(seen for _, seen in looks):
        return None
    latency = max(seen.last - floor(o * jump) for o, seen in looks if seen)
    ahead = max(seen.last - ceil((o + 1) * jump) + 1 for o, seen in looks if seen)
    return jump, None if back is None else max(back, 0), max(ahead, 0), max(latency, 0)


def _first_ahead(analysis: Analysis, node: Node, k: int) -> str | None:
    upstream = nx.ancestors(analysis.graph, node.name) | {node.name}
    for candidate in analysis.nodes:
        if candidate.name in upstream:
            timing = _timing(candidate.field.axes[k], candidate)
            if timing is not None and timing[2] > 0:
                return candidate.name
    return None


def _states(analysis: Analysis, node: Node, k: int) -> Iterator[LayerState]:
    """The windows on the way to the node that reach over more than one stride.

    A window as long as the signal may be a running state, whose size no window tells.
    """
    upstream = nx.ancestors(analysis.graph, node.name) | {node.name}
    for reader in analysis.nodes:
        if reader.name not in upstream:
            continue
        for source in analysis.graph.pred[reader.name]:
            field = analysis[source].field.axes[k]
            for read in edge_of(analysis.graph, source, reader.name).reads:
                if field.along is None or field.interior is None or not isinstance(read.map, Axes):
                    continue
                how = read.map.reads[field.along].reads
                if isinstance(how, Whole) or not isinstance(how.interior, Periodic):
                    continue
                # What all outputs of one period read, less what the next period leaves behind.
                seen = [s for s in how.interior.sets if s]
                kept = max((s.last for s in seen), default=0) - min(
                    (s.first for s in seen), default=0
                )
                scans = kept + 1 >= analysis[source].shape[field.along]
                if not scans and kept + 1 > how.interior.advance > 0:
                    elements = kept + 1 - how.interior.advance
                    yield LayerState(reader.name, source, elements, field.interior.slope)
