"""What an audit found."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from rfgraph.errors import ConfigError


class Severity(IntEnum):
    """How bad a finding is, in ascending order."""

    NOTE = 1  # worth knowing
    WARNING = 2  # probably not what was meant
    ERROR = 3  # wrong

    @classmethod
    def from_word(cls, word: str) -> Severity:
        """Return the severity that options spell so.

        Raises:
            ConfigError: If there is none.
        """
        for severity in cls:
            if severity.word == word:
                return severity
        known = ", ".join(severity.word for severity in cls)
        raise ConfigError(f"'{word}' is no severity; known: {known}")

    @property
    def word(self) -> str:
        """The severity as options and output spell it."""
        return self.name.lower()


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that an audit found in one model.

    Attributes:
        code: Stable code of the rule, such as ``RF204``.
        name: Readable name of the rule, such as ``checkerboard``.
        severity: How bad it is.
        node: Name of the node to look at.
        message: One sentence with the numbers.
        remedy: One sentence that says how to fix it.
    """

    code: str
    name: str
    severity: Severity
    node: str
    message: str
    remedy: str


@dataclass(frozen=True, slots=True)
class Skipped:
    """A rule that could not be applied, and why."""

    code: str
    name: str
    reason: str
