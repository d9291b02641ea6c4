"""The tensors that a target's model is called with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from rfgraph.errors import TargetError
from rfgraph.targets.target import InputSpec, Target

if TYPE_CHECKING:
    from torch import Tensor

    from rfgraph.targets.target import Model

    Argument: TypeAlias = Tensor | list[Tensor]

DTYPES = frozenset(
    {
        "bfloat16",
        "bool",
        "complex64",
        "float16",
        "float32",
        "float64",
        "int16",
        "int32",
        "int64",
        "int8",
        "uint8",
    }
)


@dataclass(frozen=True, slots=True)
class Arguments:
    """What a model is called with, by position and by name."""

    positional: tuple[Argument, ...]
    named: Mapping[str, Argument]


def materialize(target: Target, inputs: Sequence[InputSpec] | None = None) -> Arguments:
    """Return tensors without data as `inputs`, or else the target's defaults, ask for.

    Args:
        target: The model, which decides the dtype where an input names none.
        inputs: What the person asked for.

    Raises:
        TargetError: If nobody says what the inputs are.
        InputError: If a size is zero.
    """
    if not inputs and (target.examples or target.named_examples):
        return Arguments(tuple(target.examples), dict(target.named_examples))
    specs = inputs or target.inputs
    if not specs:
        raise TargetError(
            f"'{target.text}' has no default input; give its shape, such as --input 1x3x224x224"
        )
    made = [(spec, _tensor(spec, target.model)) for spec in specs]
    return Arguments(
        positional=tuple(
            [tensor] if spec.in_list else tensor for spec, tensor in made if spec.name is None
        ),
        named={spec.name: tensor for spec, tensor in made if spec.name is not None},
    )


def _tensor(spec: InputSpec, model: Model) -> Tensor:
    import torch

    from rfgraph.capture.inputs import check_shape, floating_dtype

    check_shape(spec.shape, f"the input {spec.name}" if spec.name else "the input")
    dtype = getattr(torch, spec.dtype) if spec.dtype else floating_dtype(model)
    return torch.empty(spec.shape, dtype=dtype, device="meta")
