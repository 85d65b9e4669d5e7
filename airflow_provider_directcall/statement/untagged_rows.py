"""Rows of a shared read that show no tags: they may be any wait's, so the waits look by themselves in turn."""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from airflow_provider_directcall.api.replies import StatementRow
    from airflow_provider_directcall.statement.shared_read import SharedRead
    from airflow_provider_directcall.statement.waits import Waiter

#: Looks of their own after a read that leaves doubts: in an account that shows tags, and in one that shows none.
_FEW_LOOKS: Final = 1
_MANY_LOOKS: Final = 50


class UntaggedRows:
    """The rows without tags that the reads of a feed have shown.

    A silent statement says as little as one without tags.

    :param waiters: by their tickets; one that has left is dropped.
    :param matter: whether such a row may be a wait's; else nothing is ever in doubt.
    :ivar count: how many there were so far.
    :ivar shows_tags: whether any row of the account has shown tags.
    """

    def __init__(self, waiters: Mapping[int, Waiter], *, matter: bool) -> None:
        self.count = 0
        self.shows_tags = not matter
        self._matter = matter
        self._waiters = waiters
        self._shows_rows = False
        self._known: set[Hashable] = set()
        self._turns: deque[int] = deque()
        self._is_calm = False

    def join(self, ticket: int) -> None:
        """Give a wait its turn."""
        self._turns.append(ticket)
        self._is_calm = False

    def see(self, rows: Sequence[StatementRow]) -> None:
        """Note that the account shows rows, and tags; a page that was read counts."""
        self._shows_rows |= bool(rows)
        self.shows_tags |= any(row.tags for row in rows)

    def learn(self, read: SharedRead, oldest: datetime) -> None:
        """Count the rows of a whole read that are new.

        :param oldest: the first second of all waits' windows.
        """
        if not self._matter:
            return
        untagged: set[Hashable] = {row.key for row in read.rows if not row.tags and row.outcome is not None}
        if new := len(untagged - self._known):
            self.count, self._is_calm = self.count + new, False
        self._known = self._known | untagged if read.since > oldest else untagged

    def looking(self) -> Iterator[int]:
        """Yield the waits that look by themselves now; when none is left, nothing is in doubt."""
        if not self._matter or (self._is_calm and self._shows_rows):
            return
        left = _MANY_LOOKS if self._shows_rows and not self.shows_tags else _FEW_LOOKS
        for _ in range(len(self._turns)):
            ticket = self._turns.popleft()
            waiter = self._waiters.get(ticket)
            if waiter is None:
                continue
            self._turns.append(ticket)
            if waiter.is_covered and (not self._shows_rows or self.leave_open(waiter)):
                yield ticket
                left -= 1
                if not left:
                    return
        self._is_calm = True

    def leave_open(self, waiter: Waiter) -> bool:
        """Whether a wait has not looked by itself since the last of these rows, or is about to."""
        is_behind = not waiter.wait.is_identified and waiter.doubts_known < self.count
        return waiter.is_asking or waiter.own_at is not None or is_behind
