"""The text of a report or a configuration as plain data, with the line of each value.

YAML is read without tags, aliases, merges, floats, dates or octal integers: neither needs any of
them, and each is a way for a file to mean something else than it seems to.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import NoReturn

import yaml

from rfgraph.errors import ReportError
from rfgraph.report.readers import Data, Place

_Loader: type[yaml.SafeLoader | yaml.CSafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

_RESOLVER = yaml.resolver.Resolver()

_DEEPEST = 20
"""Levels of nesting; a report has seven."""

_DECIMAL = re.compile(r"-?(0|[1-9][0-9]*)")
_WORDS: Mapping[str, bool | None] = {"true": True, "false": False, "null": None}


def read_yaml(text: str, origin: str, noun: str = "report") -> tuple[Data, dict[Place, int]]:
    """Return the data in the YAML `text`, and the line (from 1) where each value begins.

    Args:
        text: One YAML document.
        origin: What to call the text in messages, usually the file's path.
        noun: What the text should hold.

    Raises:
        ReportError: If the text is not the YAML that its kind is made of.
    """
    reader = _YamlReader(yaml.parse(text, Loader=_Loader), origin, noun)
    try:
        return reader.document(), reader.lines
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise ReportError(f"{origin}, line {line}: not valid YAML: {error.problem}") from None
    except yaml.YAMLError as error:
        raise ReportError(f"{origin}: not valid YAML: {' '.join(str(error).split())}") from None


def read_json(text: str, origin: str, noun: str = "report") -> Data:
    """Return the data in the JSON `text`.

    Args:
        text: One JSON document.
        origin: What to call the text in messages, usually the file's path.
        noun: What the text should hold.

    Raises:
        ReportError: If the text is not the JSON that its kind is made of.
    """

    def refuse_number(literal: str) -> NoReturn:
        raise ReportError(f"{origin}: a {noun} holds no floats, but here is {literal[:40]}")

    def unique(pairs: list[tuple[str, Data]]) -> dict[str, Data]:
        table = dict(pairs)
        if len(table) < len(pairs):
            keys = [key for key, _ in pairs]
            repeated = next(key for key in keys if keys.count(key) > 1)
            raise ReportError(f"{origin}: the key '{repeated}' is given twice")
        return table

    try:
        data: Data = json.loads(
            text,
            parse_float=refuse_number,
            parse_constant=refuse_number,
            object_pairs_hook=unique,
        )
    except json.JSONDecodeError as error:
        raise ReportError(f"{origin}, line {error.lineno}: not valid JSON: {error.msg}") from None
    except RecursionError:
        raise ReportError(f"{origin}: nested too deeply for a {noun}") from None
    except ValueError:
        raise ReportError(f"{origin}: an integer has too many digits") from None
    return data


class _YamlReader:
    """Builds data from parser events, never from parsed trees, whose depth nobody bounds."""

    def __init__(self, events: Iterable[yaml.Event], origin: str, noun: str) -> None:
        self.lines: dict[Place, int] = {}
        self._events = iter(events)
        self._origin = origin
        self._noun = noun

    def document(self) -> Data:
        """Return the data of the only document."""
        next(self._events)  # the stream begins
        if isinstance(next(self._events), yaml.StreamEndEvent):
            raise ReportError(f"{self._origin}: the file is empty, so it is not a {self._noun}")
        data = self._data(next(self._events), ())
        next(self._events)  # the document ends
        rest = next(self._events)
        if not isinstance(rest, yaml.StreamEndEvent):
            raise self._refusal(rest, "a second document")
        return data

    def _data(self, event: yaml.Event, place: Place) -> Data:
        if len(place) > _DEEPEST:
            raise self._refusal(event, f"a level of nesting that no {self._noun} has")
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            raise self._refusal(event, f"an anchor or alias, which {self._noun}s do not use")
        if getattr(event, "tag", None):
            raise self._refusal(event, f"a tag, which {self._noun}s do not use")
        self.lines.setdefault(place, _line(event))
        if isinstance(event, yaml.ScalarEvent):
            return self._scalar(event)
        if isinstance(event, yaml.SequenceStartEvent):
            return self._list(place)
        return self._table(place)

    def _list(self, place: Place) -> list[Data]:
        items: list[Data] = []
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            items.append(self._data(event, (*place, len(items))))
        return items

    def _table(self, place: Place) -> dict[str, Data]:
        table: dict[str, Data] = {}
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            key = self._scalar(event) if isinstance(event, yaml.ScalarEvent) else None
            if not isinstance(key, str):
                raise self._refusal(event, "a key that is not text")
            if key in table:
                raise self._refusal(event, f"the key '{key}' a second time")
            inner: Place = (*place, key)
            self.lines[inner] = _line(event)
            table[key] = self._data(next(self._events), inner)
        return table

    def _scalar(self, event: yaml.ScalarEvent) -> bool | int | str | None:
        if not event.implicit[0]:
            return str(event.value)
        kind = _kind(event)
        if kind == "str":
            return str(event.value)
        if kind in {"bool", "null"} and event.value in _WORDS:
            return _WORDS[event.value]
        if kind == "int" and _DECIMAL.fullmatch(event.value):
            try:
                return int(event.value)
            except ValueError:
                raise self._refusal(event, "an integer of too many digits") from None
        remedy = "write text in double quotes, numbers as decimal integers"
        raise self._refusal(event, f"{event.value[:40]!r} read as {kind}; {remedy}")

    def _refusal(self, event: yaml.Event, what: str) -> ReportError:
        return ReportError(f"{self._origin}, line {_line(event)}: here is {what}")


def _kind(event: yaml.ScalarEvent) -> str:
    """Return what YAML 1.1 takes an unquoted scalar for: str, int, bool, null, float, ..."""
    tag: str = _RESOLVER.resolve(yaml.ScalarNode, event.value, event.implicit)  # type: ignore[no-untyped-call]
    return tag.rpartition(":")[2]


def _line(event: yaml.Event) -> int:
    return event.start_mark.line + 1 if event.start_mark else 1
