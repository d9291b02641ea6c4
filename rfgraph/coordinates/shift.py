"""Branches that meet although they look at different places."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction


@dataclass(frozen=True, slots=True)
class Shift:
    """A branch whose elements lie elsewhere than those of the branch that it meets.

    Attributes:
        node: Where the branches meet.
        source: The node that the shifted branch comes from.
        reference: The node that the other branch comes from.
        axis: The input's tensor axis.
        pixels: Centre of the branch's elements less that of the reference's, in input positions.
        elements: The same in elements of the branch.
    """

    node: str
    source: str
    reference: str
    axis: int
    pixels: Fraction
    elements: Fraction

    @property
    def pad(self) -> int | None:
        """Elements to put before the branch, and to take off its end, so that both agree.

        Negative to take off the front instead. None where only a fraction of an element would:
        then padding before an earlier stride has to change.
        """
        return self.elements.numerator if self.elements.denominator == 1 else None

    @property
    def fix(self) -> str:
        """What would align the branch, as a sentence."""
        off = (
            f"at {self.node}, {self.source} lies {self.pixels} input positions off "
            f"{self.reference} along axis {self.axis}"
        )
        if self.pad is None:
            return (
                f"{off}, {self.elements} of an element, which no whole padding makes up: change "
                "the padding before a stride or the kind of resampling."
            )
        if self.pad > 0:
            return f"{off}: pad it by {self.pad} before and crop {self.pad} after."
        return f"{off}: crop it by {-self.pad} before and pad {-self.pad} after."
