"""From a target string to the kind of target it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rfgraph.errors import TargetError

if TYPE_CHECKING:
    from rfgraph.targets.target import Target

FORMS = "torchvision:NAME, timm:NAME, package.module:NAME, path/to/file.py:NAME or a .pt2 file"


def resolve(text: str, *, real: bool = False) -> Target:
    """Return the model that `text` names, and its default inputs.

    Args:
        text: One of `torchvision:NAME`, `timm:NAME`, `package.module:NAME`,
            `path/to/file.py:NAME` and `path/to/program.pt2`.
        real: Whether parameters need data; without, large models are built much faster.

    Raises:
        TargetError: If `text` has none of these forms, or names nothing that can be built.
    """
    # torch and the model libraries are imported only for the targets that need them.
    kind, separator, name = text.partition(":")
    if text.endswith(".pt2"):
        from rfgraph.targets.exported_target import resolve_exported

        return resolve_exported(text)
    if not separator or not name or not kind:
        raise TargetError(f"'{text}' is not a target; write {FORMS}")
    if kind == "torchvision":
        from rfgraph.targets.torchvision_target import resolve_torchvision

        return resolve_torchvision(name, real=real)
    if kind == "timm":
        from rfgraph.targets.timm_target import resolve_timm

        return resolve_timm(name, real=real)
    from rfgraph.targets.python_target import resolve_python

    return resolve_python(text)
