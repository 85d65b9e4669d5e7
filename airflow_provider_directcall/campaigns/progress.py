"""The progress of a chunk while it is sent: counts only."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from airflow_provider_directcall.api.clock import Clock


@dataclass(frozen=True, slots=True, kw_only=True)
class ChunkProgress:
    """How far a chunk has come.

    :ivar sent: contacts that were sent to, in earlier tries too.
    :ivar total: contacts of the chunk.
    :ivar per_second: contacts a second in this try.
    :ivar seconds_left: at this rate; None before the first was sent.
    :ivar failures: reason -> contacts of this try that were refused, or whose outcome is unknown so far.
    """

    sent: int
    total: int
    per_second: float
    seconds_left: float | None
    failures: Mapping[str, int]

    def as_json(self) -> dict[str, object]:
        """Return it as JSON values."""
        return {
            "sent": self.sent,
            "total": self.total,
            "per_second": round(self.per_second, 1),
            "seconds_left": None if self.seconds_left is None else round(self.seconds_left),
            "failures": dict(self.failures),
        }


class ProgressMeter:
    """Counts contacts, and reports every few seconds.

    :param every: seconds.
    :param done: contacts that were sent to in earlier tries.
    """

    def __init__(
        self, clock: Clock, every: float, report: Callable[[ChunkProgress], None] | None, *, total: int, done: int
    ) -> None:
        self._clock = clock
        self._every = every
        self._report = report
        self._total = total
        self._before = done
        self._sent = 0
        self._failures: dict[str, str] = {}
        """Contact's id -> reason."""
        self._began = self._reported = clock.monotonic()

    def sent(self, contacts: Collection[str]) -> None:
        """Count contacts that were accepted, or found as accepted."""
        self._sent += len(contacts)
        self.waits(contacts)

    def failed(self, contact: str, reason: str) -> None:
        """Count a contact that was refused, or whose outcome is unknown, by its last reason."""
        self._failures[contact] = reason
        self._report_if_due()

    def waits(self, contacts: Iterable[str]) -> None:
        """Take contacts back from those that failed: their turn comes again."""
        for contact in contacts:
            self._failures.pop(contact, None)
        self._report_if_due()

    def _report_if_due(self) -> None:
        if self._report is not None and self._clock.monotonic() - self._reported >= self._every:
            self.report()

    def report(self) -> None:
        """Report now."""
        if self._report is None:
            return
        self._reported = self._clock.monotonic()
        seconds = self._reported - self._began
        rate = self._sent / seconds if seconds > 0 else 0.0
        sent = self._before + self._sent
        left = (self._total - sent) / rate if rate else None
        self._report(
            ChunkProgress(
                sent=sent,
                total=self._total,
                per_second=rate,
                seconds_left=left,
                failures=dict(Counter(self._failures.values())),
            )
        )
