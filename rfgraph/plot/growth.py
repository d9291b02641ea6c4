"""How the field grows from operator to operator, and where it has outgrown the input."""

from __future__ import annotations

from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, ScalarFormatter

from rfgraph.analysis import Analysis, Node
from rfgraph.errors import InputError
from rfgraph.plot.style import colour, dash, new_figure, style

_LABELS = 24
"""Names that fit under the curve."""


@dataclass(frozen=True, slots=True)
class Step:
    """An operator that widens the field along some axis.

    Attributes:
        node: The operator's node.
        size: Its size per axis in input positions; None on an axis without a local path.
        unproductive: Per axis, whether all that it reads covered the whole input already.
    """

    node: Node
    size: tuple[int | None, ...]
    unproductive: tuple[bool, ...]


def growth_steps(analysis: Analysis, input_name: str) -> tuple[Step, ...]:
    """Return the operators that widen the field in one input, in execution order.

    An operator that widens a field which already covers the input adds padding, not context:
    Richter et al., *(Input) Size Matters for CNN Classifiers*, 2021, call it unproductive.

    Args:
        analysis: The analysis of the model.
        input_name: The input that sizes are counted in.
    """
    lengths = analysis.inputs[input_name].lengths
    steps = []
    for node in analysis.nodes:
        size = node.fields[input_name].size
        sources = [
            analysis[source].fields[input_name].size for source in analysis.graph.pred[node.name]
        ]
        before = [max((s[k] or 0 for s in sources), default=0) for k in range(len(lengths))]
        wider = [now is not None and now > was for now, was in zip(size, before, strict=True)]
        if sources and any(wider):
            spent = tuple(
                grown and was >= length
                for grown, was, length in zip(wider, before, lengths, strict=True)
            )
            steps.append(Step(node, size, spent))
    return tuple(steps)


def growth(analysis: Analysis, *, input: str | None = None) -> Figure:  # noqa: A002 -- as in Node
    """Return a figure of the field's size after every operator that widens it.

    The dashed line is the input's size; hollow marks are unproductive operators, which read only
    fields that cover the input already. A dotted vertical line says where the first global path
    comes in.

    Args:
        analysis: The analysis of the model.
        input: The input that sizes are counted in; the first by default.

    Raises:
        InputError: There is no such input, or no operator widens its field.
    """
    name = next(iter(analysis.inputs)) if input is None else input
    if name not in analysis.inputs:
        known = ", ".join(analysis.inputs)
        raise InputError(f"The model has no input {name!r}; its inputs are {known}.")
    info = analysis.inputs[name]
    steps = growth_steps(analysis, name)
    if not steps:
        raise InputError(f"no operator widens the field in {name}, so there is no growth to draw")
    figure, (axes,) = new_figure(max(6.4, min(12.0, 2 + 0.22 * len(steps))), 4.6)
    with style():
        for k, curve in enumerate(_curves(steps, info.lengths, info.axes)):
            _draw(axes, curve, k)
        _mark_global(axes, analysis, name, steps)
        axes.set_yscale("log", base=2)
        axes.yaxis.set_major_formatter(ScalarFormatter())
        axes.grid(axis="y", alpha=0.3)
        axes.set_ylabel("receptive field size (px, log scale)")
        _name_steps(axes, steps)
        axes.set_title("Where the receptive field grows")
        axes.legend(loc="lower right", frameon=False, fontsize=8)
    return figure


@dataclass(frozen=True, slots=True)
class _Curve:
    """The sizes along axes that grow alike.

    Attributes:
        sizes: One per step.
        spent: On how many of the axes each step is unproductive.
        lengths: The input's length along each axis.
        label: The axes, for the legend; empty if they are all.
    """

    sizes: tuple[int | None, ...]
    spent: tuple[int, ...]
    lengths: tuple[int, ...]
    label: str


def _curves(
    steps: tuple[Step, ...], lengths: tuple[int, ...], tensor_axes: tuple[int, ...]
) -> list[_Curve]:
    alike: dict[tuple[int | None, ...], list[int]] = {}
    for k in range(len(lengths)):
        alike.setdefault(tuple(step.size[k] for step in steps), []).append(k)
    return [
        _Curve(
            sizes,
            tuple(sum(step.unproductive[k] for k in axes) for step in steps),
            tuple(lengths[k] for k in axes),
            f", axis {', '.join(str(tensor_axes[k]) for k in axes)}" if len(alike) > 1 else "",
        )
        for sizes, axes in alike.items()
    ]


def _draw(axes: Axes, curve: _Curve, k: int) -> None:
    size_at = {i: size for i, size in enumerate(curve.sizes) if size is not None}
    axes.plot(
        list(size_at),
        list(size_at.values()),
        linestyle=dash(k),
        color=colour(k),
        linewidth=1.5,
        zorder=2,
    )
    many = len(curve.lengths)
    for filling, counts, text in (
        ("full", {0}, "size"),
        ("bottom", set(range(1, many)), "unproductive along one axis"),
        ("none", {many}, "unproductive"),
    ):
        at = [i for i in size_at if curve.spent[i] in counts]
        if at:
            axes.plot(
                at, [size_at[i] for i in at], "o", color="white", linestyle="none", zorder=3,
                markersize=5.5,
            )  # fmt: skip
            axes.plot(
                at, [size_at[i] for i in at], "o", color=colour(k), fillstyle=filling,
                markersize=5.5, zorder=4, label=f"{text}{curve.label}",
            )  # fmt: skip
    for length in sorted(set(curve.lengths)):
        axes.axhline(
            length, color=colour(k + 4), linestyle="--", linewidth=1.2,
            label=f"input{curve.label}: {length} px",
        )  # fmt: skip


def _mark_global(axes: Axes, analysis: Analysis, name: str, steps: tuple[Step, ...]) -> None:
    order = {node.name: k for k, node in enumerate(analysis.nodes)}
    first = next((n for n in analysis.nodes if n.fields[name].is_global), None)
    if first is None:
        return
    before = sum(order[step.node.name] < order[first.name] for step in steps)
    axes.axvline(
        before - 0.5, color="0.35", linestyle=":", linewidth=1.4,
        label=f"global from {first.name} on",
    )  # fmt: skip


def _name_steps(axes: Axes, steps: tuple[Step, ...]) -> None:
    axes.set_xlim(-0.8, len(steps) - 0.2)
    if len(steps) > _LABELS:
        axes.xaxis.set_major_locator(MaxNLocator(10, integer=True))
        axes.set_xlabel(f"operators that widen the field, in order ({len(steps)} in all)")
        return
    axes.set_xticks(range(len(steps)), [step.node.name for step in steps], rotation=60, ha="right")
    axes.tick_params(axis="x", labelsize=8)
    for label in axes.get_xticklabels():
        label.set_rotation_mode("anchor")
    axes.set_xlabel("operators that widen the field, in order")
