"""Something that the report page points at."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """A remark about the model, such as one of an audit, as plain data.

    Attributes:
        title: What was found, in a few words.
        text: What it means and what to do.
        node: The node or module it is about; empty for the whole model.
        severity: `error`, `warning` or `note`.
    """

    title: str
    text: str = ""
    node: str = ""
    severity: str = "warning"
