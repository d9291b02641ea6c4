"""Sentences for targets that name nothing."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from rfgraph.errors import TargetError


def unknown_name(what: str, name: str, known: Iterable[str]) -> TargetError:
    """Return the error for a `name` that `what` does not have, with the closest it has.

    >>> str(unknown_name("torchvision", "resnet5", ["resnet50", "vgg16"]))
    "torchvision has no 'resnet5'; close: resnet50"
    """
    close = difflib.get_close_matches(name, list(known), n=3)
    hint = f"; close: {', '.join(close)}" if close else ""
    return TargetError(f"{what} has no '{name}'{hint}")


def raised(doing: str, error: BaseException) -> TargetError:
    """Return the error for somebody else's code that raised `error` while `doing` something."""
    told = " ".join(str(error).split())
    return TargetError(f"{doing} raised {type(error).__name__}{f': {told}' if told else ''}")
