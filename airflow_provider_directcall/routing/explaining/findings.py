"""What a check of rules or of a calendar can find."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

__all__ = ["Code", "Finding", "Severity"]


class Severity(StrEnum):
    """How bad it is: an error is surely not what was meant; a warning may be."""

    ERROR = "error"
    WARNING = "warning"


class Code(StrEnum):
    """What was found."""

    UNREACHABLE = "unreachable"
    """A rule that is never tried: others in front of it end every call for which it holds."""
    SAME_PRIORITY = "same_priority"
    """Two rules at one priority hold at once and do different things. Which is tried first is not known."""
    REPEATED = "repeated"
    """Two rules do the very same for the same calls."""
    GAP = "gap"
    """At some times, or for some callers, no rule holds. What the vendor does then is not known."""
    RINGS_OUT = "rings_out"
    """Only rules hold that go on to the next one: when nobody picks up, none is left, or a chain hangs up."""
    LOOP = "loop"
    """A call is forwarded to the number itself, or comes back over others of the account."""
    LONG_WAIT = "long_wait"
    """Phones ring for longer than the limit, taken together, before the call ends."""
    UNREADABLE = "unreadable"
    """A rule's weekdays or times cannot be read, so the checks leave it out."""
    HOURS_OVERLAP = "hours_overlap"
    """Two rows of opening hours share some time."""
    PAST_OVERRIDE = "past_override"
    """An override is over."""
    PAST_EMERGENCY = "past_emergency"
    """The emergency is over."""
    ENDLESS_EMERGENCY = "endless_emergency"
    """An emergency without an end stands for longer than the limit, or nobody knows since when."""


_ERRORS: Final = frozenset({Code.UNREACHABLE, Code.SAME_PRIORITY, Code.GAP, Code.LOOP})


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was found.

    :ivar code: what it is.
    :ivar text: for people; phone numbers are masked.
    :ivar where: what it is about: ``rule 18000 at priority 2``, ``open[1]``, ``overrides[0]``, ``rules``.
    """

    code: Code
    text: str
    where: str

    @property
    def severity(self) -> Severity:
        """An error is surely not what was meant."""
        return Severity.ERROR if self.code in _ERRORS else Severity.WARNING

    def __str__(self) -> str:
        """On one line."""
        return f"{self.severity}: {self.where}: {self.text} [{self.code}]"
