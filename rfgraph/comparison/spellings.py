"""The output formats of a difference, by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from rfgraph.comparison import data_spelling, markdown_spelling, text_spelling
from rfgraph.comparison.difference import Difference

SPELLINGS: Mapping[str, Callable[[Difference], str]] = MappingProxyType(
    {
        "text": text_spelling.spell,
        "yaml": data_spelling.spell_yaml,
        "json": data_spelling.spell_json,
        "markdown": markdown_spelling.spell,
    }
)
