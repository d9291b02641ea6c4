"""The output formats of audits: one file each."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

from rfgraph.auditing.audited import Audited
from rfgraph.auditing.spellings import data, github, markdown, sarif, text

SPELLINGS: Mapping[str, Callable[[Sequence[Audited]], str]] = MappingProxyType(
    {
        "text": text.spell,
        "yaml": data.spell_yaml,
        "json": data.spell_json,
        "markdown": markdown.spell,
        "sarif": sarif.spell,
        "github": github.spell,
    }
)
"""A function from audited models to text, by the name of the format."""

__all__ = ["SPELLINGS"]
