"""Whether the answer of somebody's own rule fits the shapes of the call that it is about."""

from __future__ import annotations

from rfgraph.errors import RuleError
from rfgraph.geometry.tensor_map import Axes, Lookup, Reshape, Shape
from rfgraph.rules.call import Call, PerOutput, Read, Reads, shape


def check_reads(call: Call, reads: Reads | PerOutput) -> None:
    """Checks what a rule returned, so that a slip is named and not computed with.

    Raises:
        RuleError: Not as many outputs as the call has, a source that is no argument of it, or a
            map whose axes or shape are not those of its source or of the output.
    """
    name, outs = call.node.meta["name"], call.outs()
    if isinstance(reads, PerOutput):
        if len(reads.outputs) != len(outs):
            message = (
                f"The rule of {name} gives reads for {len(reads.outputs)} outputs, but the call "
                f"has {len(outs)}."
            )
            raise RuleError(message)
        pairs = list(zip(reads.outputs, outs, strict=True))
    else:
        pairs = [(reads, out) for out in outs]
    for found, out in pairs:
        for read in found:
            _check(name, call, read, out)


def _check(name: str, call: Call, read: Read, out: Shape | None) -> None:
    source, sources = read.source, call.node.all_input_nodes
    if source not in sources:
        message = f"The rule of {name} reads {source!r}, which is no tensor argument of the call."
        raise RuleError(message)
    own = shape(source)
    if isinstance(read.map, Axes):
        if len(read.map.reads) != len(own):
            message = (
                f"The rule of {name} gives {len(read.map.reads)} axes for an argument of shape "
                f"{own}; give one AxisRead per input axis."
            )
            raise RuleError(message)
        beyond = [
            r.out_axis
            for r in read.map.reads
            if r.out_axis is not None and out is not None and not 0 <= r.out_axis < len(out)
        ]
        if beyond:
            message = (
                f"The rule of {name} names output axis {beyond[0]}, but the output has shape "
                f"{out}; axes count from 0."
            )
            raise RuleError(message)
        for axis, r in enumerate(read.map.reads):
            if not r.is_identity or out is None or r.out_axis is None:
                continue
            if own[axis] != out[r.out_axis]:
                message = (
                    f"The rule of {name} passes axis {axis} of length {own[axis]} through to "
                    f"output axis {r.out_axis} of length {out[r.out_axis]}; they must be equal."
                )
                raise RuleError(message)
    elif isinstance(read.map, Lookup | Reshape) and read.map.in_shape != own:
        message = (
            f"The rule of {name} has a map for shape {read.map.in_shape}, but its argument has "
            f"shape {own}."
        )
        raise RuleError(message)
