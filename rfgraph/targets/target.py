"""What a target string resolves to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from torch import Tensor, nn
    from torch.export import ExportedProgram

    Model: TypeAlias = nn.Module | ExportedProgram


@dataclass(frozen=True, slots=True)
class InputSpec:
    """An input to be made: its shape and dtype; without a dtype, that of the model.

    Attributes:
        shape: The tensor's shape, batch axis included.
        dtype: A torch dtype's name such as `int64`, or None.
        name: The parameter of `forward` that it is passed as, or None for the next position.
        in_list: Whether the model takes it inside a list, as detection models take their images.
    """

    shape: tuple[int, ...]
    dtype: str | None = None
    name: str | None = None
    in_list: bool = False


@dataclass(frozen=True, slots=True)
class Target:
    """A model, and what it is called with unless the person says otherwise.

    Attributes:
        text: What the person typed.
        model: The module or exported program.
        inputs: The default inputs; None if nobody knows any.
        axes: The axes to analyse of the default inputs; None for the usual ones.
        examples: Positional example tensors that came with the model; they win over `inputs`.
        named_examples: Example tensors by parameter name.
    """

    text: str
    model: Model
    inputs: tuple[InputSpec, ...] | None = None
    axes: tuple[int, ...] | None = None
    examples: tuple[Tensor, ...] = ()
    named_examples: Mapping[str, Tensor] = field(default_factory=lambda: MappingProxyType({}))
