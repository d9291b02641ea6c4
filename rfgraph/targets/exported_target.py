"""`path/to/program.pt2`: a saved `torch.export.ExportedProgram`, with its own example inputs."""

from __future__ import annotations

from pathlib import Path

import torch

from rfgraph.errors import TargetError
from rfgraph.targets.failure import raised
from rfgraph.targets.target import Target


def resolve_exported(text: str) -> Target:
    """Return the exported program in the file `text`, with the inputs it was exported with.

    Raises:
        TargetError: If there is no such file, or it holds no exported program.
    """
    path = Path(text)
    if not path.is_file():
        raise TargetError(f"there is no file {path}")
    try:
        program = torch.export.load(str(path))
    except Exception as error:
        raise raised(f"loading {path} as an ExportedProgram", error) from error
    positional, named = program.example_inputs or ((), {})
    return Target(
        text,
        program,
        examples=tuple(value for value in positional if isinstance(value, torch.Tensor)),
        named_examples={
            name: value for name, value in named.items() if isinstance(value, torch.Tensor)
        },
    )
