"""Send a chunk with further attempts: contacts who were not reached are called again, each attempt once.

It returns when there is nothing to do now, with the moment of the next step: nothing but the files is kept between two
steps, so that the next one may be in another process.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import InitVar, dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from airflow_provider_directcall.campaigns.channels import Channel
from airflow_provider_directcall.campaigns.chunk_reach import reach_of
from airflow_provider_directcall.campaigns.chunk_sender import ChunkSender
from airflow_provider_directcall.campaigns.chunks import Contact
from airflow_provider_directcall.campaigns.history import ChunkHistory
from airflow_provider_directcall.campaigns.send_options import ChunkOutcome
from airflow_provider_directcall.campaigns.tracking import TrackOptions, track_attempts
from airflow_provider_directcall.campaigns.voice import (
    AttemptRules,
    DueAttempt,
    attempt_key,
    attempt_name,
    due_attempts,
)
from airflow_provider_directcall.campaigns.wave_log import Progress, WaveLog
from airflow_provider_directcall.delivery.decisions import OnUnknownOutcome

if TYPE_CHECKING:
    from airflow_provider_directcall.api.client import AsyncClient
    from airflow_provider_directcall.api.clock import Clock
    from airflow_provider_directcall.campaigns.guards import Guards
    from airflow_provider_directcall.campaigns.progress import ChunkProgress
    from airflow_provider_directcall.campaigns.send_options import SendOptions
    from airflow_provider_directcall.campaigns.storage import Folder

log = logging.getLogger(__name__)

#: So long, at least, first calls are placed by a budget before the prices of those that have ended are read.
_COST_AGE = timedelta(minutes=1)
#: Progress of contacts for whom a sender has something to do.
_UNFINISHED = frozenset({Progress.NOT_SENT, Progress.DOUBTFUL})


@dataclass(repr=False)
class Attempts:
    """The attempts of one chunk; see :func:`~.sending.send_chunk`.

    :param contacts: of the chunk.
    :param key: of the chunk.
    :param rules: which outcomes are followed by another attempt.
    """

    folder: Folder
    chunk_name: str
    contacts: InitVar[Sequence[Contact]]
    key: str
    client: AsyncClient
    clock: Clock
    options: SendOptions
    guards: Guards
    rules: AttemptRules
    on_progress: Callable[[ChunkProgress], None] | None = None

    def __post_init__(self, contacts: Sequence[Contact]) -> None:
        """Begin without a sender."""
        # A chunk with unknown outcomes goes on with the other contacts; its task fails at the end, if it is to fail.
        if self.options.on_unknown_outcome is OnUnknownOutcome.FAIL:
            self.options = replace(self.options, on_unknown_outcome=OnUnknownOutcome.HOLD)
        self._contacts = {contact.id: contact for contact in contacts}
        self._planned_parts = sum(contact.parts for contact in contacts)
        self._senders: dict[int, ChunkSender] = {}
        self._history = ChunkHistory({}, {})
        self._goes_on = False
        """Whether anything was sent, or waited for a line, since the last look."""

    async def send(self) -> ChunkOutcome:
        """Look at the statement, send further attempts and then first ones, until nothing is left to do now."""
        while True:
            looks_at = await self._look()
            now = self.clock.now()
            due = due_attempts(self._history.last_attempts(), self.rules, key=self.key, now=now)
            if (reason := self.guards.stop(self.folder)) is not None:
                return self._outcome(due, stopped=reason)
            paid = self._paid(due)
            # Those that are due already have a turn below, or wait for a line, and so for the end of a call.
            wakes = [looks_at, *(each.at for each in paid if each.at > now)]
            outcomes = await self._send_each(paid)
            if outcomes and outcomes[-1].stopped is not None and not outcomes[-1].over_budget:
                return self._outcome(due, stopped=outcomes[-1].stopped, retryable=outcomes[-1].retryable)
            if not self._goes_on:
                wakes += [outcome.waits_until for outcome in outcomes]
                over_budget = next((outcome.stopped for outcome in outcomes if outcome.over_budget), None)
                return self._at_rest(
                    due, paid, min((wake for wake in wakes if wake is not None), default=None), over_budget
                )

    async def _send_each(self, paid: Sequence[DueAttempt]) -> list[ChunkOutcome]:
        """Send each attempt for a while, and return the outcomes; one that stops the chunk is the last."""
        self._goes_on = False
        outcomes: list[ChunkOutcome] = []
        for attempt, contacts in self._work(paid):
            outcome = await self._send(attempt, contacts)
            if outcome is None:
                continue
            outcomes.append(outcome)
            if outcome.over_budget:
                # Calls in progress may cost less than they count for; another sender goes on then.
                del self._senders[attempt]
            elif outcome.stopped is not None:
                self._history = self._read_history()
                break
        return outcomes

    def _at_rest(
        self, due: Sequence[DueAttempt], paid: Sequence[DueAttempt], wakes_at: datetime | None, over_budget: str | None
    ) -> ChunkOutcome:
        """Return the outcome once there is nothing to do before the next wake, if there is one."""
        if over_budget is not None and (wakes_at is None or not self._open_calls()):
            return self._outcome(due, stopped=over_budget)
        if wakes_at is None and len(paid) < len(due):
            return self._outcome(due, stopped=f"{len(due) - len(paid)} further calls would pass budget_brl")
        return self._outcome(paid, waits_until=wakes_at)

    def _read_history(self) -> ChunkHistory:
        return ChunkHistory.read(self.folder, self.chunk_name, self._contacts)

    async def _look(self) -> datetime | None:
        """Look for the ends of all requests, and return when to look again."""
        self._history = self._read_history()
        since = [turn.result.since for turns in self._history.turns.values() for turn in turns if turn.is_open]
        if not since:
            return None
        options = TrackOptions(
            channel=self.options.requests.channel,
            until=max(since) + self._longest,
            poll_interval=timedelta(seconds=self.options.timeouts.poll_interval),
            origin=self.options.requests.origin,
        )
        looked = await track_attempts(
            self.folder, self.chunk_name, key=self.key, client=self.client, clock=self.clock, options=options
        )
        self._history = self._read_history()
        return looked.look_again_at

    @property
    def _longest(self) -> timedelta:
        return timedelta(seconds=self.options.timeouts.longest_seconds)

    def _paid(self, due: Sequence[DueAttempt]) -> Sequence[DueAttempt]:
        """Return the further calls that the budget pays for, after the first call to everyone."""
        further = self._history.parts(without=1)
        left = replace(self.guards, budget_brl=self._budget()).parts_left(self._planned_parts + further)
        if left is None:
            return due
        paid = []
        for each in due:
            left -= self._contacts[each.contact].parts
            if left < 0:
                break
            paid.append(each)
        return paid

    def _work(self, due: Iterable[DueAttempt]) -> list[tuple[int, list[Contact]]]:
        """Return the attempts with something to do now, and their contacts: the latest attempts first."""
        now = self.clock.now()
        work: dict[int, list[Contact]] = defaultdict(list)
        for each in due:
            if each.at <= now and each.contact in self._contacts:
                work[each.attempt].append(self._contacts[each.contact].at(each.place))
        for turns in self._history.turns.values():
            for turn in turns:
                if turn.result.progress in _UNFINISHED:
                    work.setdefault(turn.attempt, [])
        if any(contact not in self._history.turns for contact in self._contacts):
            work.setdefault(1, [])
        return sorted(work.items(), reverse=True)

    async def _send(self, attempt: int, contacts: Sequence[Contact]) -> ChunkOutcome | None:
        """Send an attempt for a while, or return None where no line is free."""
        now = self.clock.now()
        taken = self._open_calls(without=attempt)
        if taken >= self.options.calls_at_once:
            return None
        sender = self._senders.get(attempt) or self._sender(attempt)
        sender.add(contacts)
        if contacts:
            log.info("Attempt %d: %d contacts are due.", attempt, len(contacts))
        poll_interval = timedelta(seconds=self.options.timeouts.poll_interval)
        pause = max(self.rules.shortest_pause, poll_interval)
        if taken or self.guards.budget_brl is not None:
            # The cost of calls, and the end of those of other attempts, is known after a look only.
            pause = min(pause, max(_COST_AGE, poll_interval))
        before = sender.waves
        outcome = await sender.send(
            until=now + pause,
            lines_taken=taken,
            accepted_elsewhere=self._history.accepted(without=attempt),
            budget_brl=self._budget(without=attempt),
        )
        if sender.waves != before:
            # The next attempt has fewer lines, and less of the budget.
            self._history = self._read_history()
        self._goes_on |= sender.waves != before or sender.has_waited or self.clock.now() >= now + pause
        return outcome

    def _budget(self, *, without: int | None = None) -> Decimal | None:
        """Return the budget less what ended requests cost above the price, so that all parts count with the price.

        :param without: an attempt; then also less the parts of all others.
        """
        budget, price = self.guards.budget_brl, self.guards.price_brl
        if budget is None or price is None:
            return None
        others = 0 if without is None else self._history.parts(without=without)
        return budget - self._history.surplus_brl(price) - others * price

    def _open_calls(self, *, without: int = 0) -> int:
        if self.options.requests.channel is not Channel.CALL:
            return 0
        return self._history.open_turns(self.clock.now() - self._longest, without=without)

    def _sender(self, attempt: int) -> ChunkSender:
        is_first = attempt == 1
        contacts = list(self._contacts.values()) if is_first else self._in_log(attempt)
        name = attempt_name(self.chunk_name, attempt)
        sender = ChunkSender(
            contacts,
            self.folder,
            WaveLog(self.folder, name),
            key=attempt_key(self.key, attempt),
            client=self.client,
            clock=self.clock,
            options=self.options,
            guards=self.guards,
            on_progress=self.on_progress if is_first else None,
            reach=reach_of(self.guards, self.folder, name, list(self._contacts.values()), self.options),
        )
        self._senders[attempt] = sender
        return sender

    def _in_log(self, attempt: int) -> list[Contact]:
        """Return the contacts of a further attempt that have a result, with the numbers that were called."""
        return [
            self._contacts[contact].at(turn.result.place)
            for contact, turns in self._history.turns.items()
            for turn in turns
            if turn.attempt == attempt and contact in self._contacts
        ]

    def _outcome(
        self,
        due: Sequence[DueAttempt],
        *,
        waits_until: datetime | None = None,
        stopped: str | None = None,
        retryable: bool = False,
    ) -> ChunkOutcome:
        without_turn = sum(contact not in self._history.turns for contact in self._contacts)
        unfinished = sum(
            turns[-1].result.progress is Progress.NOT_SENT and len(turns) == 1 for turns in self._history.turns.values()
        )
        parts, price = self._history.parts(without=0), self.guards.price_brl
        return ChunkOutcome(
            states=dict(self._history.states()),
            waiting=without_turn + unfinished + len(due),
            parts=parts,
            cost_brl=None if price is None else price * parts + self._history.surplus_brl(price),
            waits_until=waits_until,
            calls_in_progress=self._open_calls(),
            stopped=stopped,
            retryable=retryable,
        )
