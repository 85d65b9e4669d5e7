"""When the waits of a feed look by themselves, and when their time is over."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from airflow_provider_directcall.statement.waits import Waiter


class LookTimes:
    """The next look of each wait's own, and the deadlines.

    :param waiters: by their tickets; one that has left is dropped.
    """

    def __init__(self, waiters: Mapping[int, Waiter]) -> None:
        self._waiters = waiters
        self._own: list[tuple[datetime, int]] = []
        self._deadlines: list[tuple[datetime, int]] = []

    def look(self, ticket: int, at: datetime) -> None:
        """Let a wait look by itself, unless it does so earlier, or now."""
        waiter = self._waiters[ticket]
        if waiter.is_asking or (waiter.own_at is not None and waiter.own_at <= at):
            return
        waiter.own_at = at
        heapq.heappush(self._own, (at, ticket))

    def first_look(self) -> datetime | None:
        """Return when the first wait looks by itself."""
        while self._own:
            at, ticket = self._own[0]
            waiter = self._waiters.get(ticket)
            if waiter is not None and waiter.own_at == at:
                return at
            heapq.heappop(self._own)
        return None

    def next_due(self, now: datetime) -> int | None:
        """Take the wait that looks now, or return None."""
        first = self.first_look()
        return heapq.heappop(self._own)[1] if first is not None and first <= now else None

    def end_at(self, ticket: int, deadline: datetime) -> None:
        """Set the deadline of a wait."""
        heapq.heappush(self._deadlines, (deadline, ticket))

    def first_deadline(self) -> datetime | None:
        """Return the first deadline that has not been taken."""
        while self._deadlines and self._deadlines[0][1] not in self._waiters:
            heapq.heappop(self._deadlines)
        return self._deadlines[0][0] if self._deadlines else None

    def take_ended(self, now: datetime) -> Iterator[int]:
        """Take the waits whose deadline has come."""
        while (deadline := self.first_deadline()) is not None and deadline <= now:
            yield heapq.heappop(self._deadlines)[1]
