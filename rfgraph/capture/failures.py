"""The message of a capture that failed: where, on what, and what to do about it."""

from __future__ import annotations

import re
from collections.abc import Sequence

_REMEDIES: tuple[tuple[str, str], ...] = (
    (
        r"to have (\d+) channels, but got (\d+) channels",
        "give an input with {0} channels instead of {1}",
    ),
    (
        r"'lengths' argument should be a 1D CPU",
        (
            "packed sequences are laid out by the values of their lengths: pass real=True to "
            "record with data, and lengths that do not depend on the input"
        ),
    ),
    (
        r"Input type .*(?:int|bool|Long|Int|Byte).* and (?:weight|bias) type",
        "give a floating point input (a shape makes one of the model's own dtype)",
    ),
    (
        r"Input type .* and (?:weight|bias) type|same dtype|expected scalar type",
        "give an input of the dtype of the model's parameters",
    ),
    (
        r"tensor.*for argument.*'?indices'?.*|Expected tensor for argument .*(?:Long|Int)",
        "give integer tensors where the model looks up indices (a shape makes floating point)",
    ),
    (
        (
            r"shapes cannot be multiplied|must match the size|size mismatch|normalized_shape|"
            r"a and b must have same reduction dim"
        ),
        "give an input of the size that the model was made for",
    ),
    (
        (
            r"[Mm]eta tensor|'?Meta'? backend|data[- ]dependent|no data|"
            r"not implemented for.*[Mm]eta|FakeTensor|nonzero|unbacked"
        ),
        "pass real=True to record with data",
    ),
    (
        (
            r"[Kk]ernel size can't be greater than|[Oo]utput size is too small|negative output|"
            r"too small|larger than|smaller than kernel size|should be less than"
        ),
        "give a larger input",
    ),
)


def explain(
    error: BaseException, module: str, kind: str, function: str | None, shapes: Sequence[str]
) -> str:
    """Return the sentence of a `CaptureError` for ``error``.

    Args:
        error: What the model raised.
        module: Path of the innermost module that raised, ``""`` for the model itself.
        kind: Its class name.
        function: The function that raised, if it was one of PyTorch's.
        shapes: What the function was given.
    """
    text = str(error).strip()
    first = text.splitlines()[0] if text else type(error).__name__
    where = f"module {module!r} ({kind})" if module else f"the model ({kind})"
    if function is not None:
        where += f", function {function!r}"
        if shapes:
            where += f" on {', '.join(shapes)}"
    remedy = remedy_for(text)
    return f"Running {where} raised {type(error).__name__}: {first.rstrip('.')}; {remedy}."


def remedy_for(text: str) -> str:
    """Return what to do about an error message."""
    for pattern, remedy in _REMEDIES:
        found = re.search(pattern, text)
        if found:
            return remedy.format(*found.groups())
    return "check that the model runs on inputs of these shapes, or pass real=True"
