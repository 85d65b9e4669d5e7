"""Sends the waves of one chunk in one try.

A wave's intent is durable before its first request leaves, and its results before the next wave begins. Requests whose
outcome is unknown are looked for together, at the end of the chunk, or earlier when there is a wave of them: what a
killed process left in doubt comes before anything new is sent.
"""

from __future__ import annotations

import asyncio
import logging
import math
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from airflow_provider_directcall.api.errors import DirectcallError, DirectcallOutcomeUnknown
from airflow_provider_directcall.campaigns.chunks import Contact
from airflow_provider_directcall.campaigns.contact_outcomes import (
    MOST_SENDS,
    Addressed,
    Stop,
    answered,
    concluded,
    given_up,
    without_effect,
)
from airflow_provider_directcall.campaigns.doubts import Doubts
from airflow_provider_directcall.campaigns.errands import Answer, ChunkRequests, Outgoing
from airflow_provider_directcall.campaigns.errors import CampaignError
from airflow_provider_directcall.campaigns.guards import Guards, OutsideWindow
from airflow_provider_directcall.campaigns.lines import Lines
from airflow_provider_directcall.campaigns.openings import Openings
from airflow_provider_directcall.campaigns.pacing import Pace
from airflow_provider_directcall.campaigns.progress import ChunkProgress, ProgressMeter
from airflow_provider_directcall.campaigns.send_options import ChunkOutcome, SendOptions
from airflow_provider_directcall.campaigns.wave_log import STATE_OF, ContactResult, Progress, Wave, WaveLog, in_doubt
from airflow_provider_directcall.delivery.decisions import OnUnknownOutcome
from airflow_provider_directcall.delivery.reconciling import Reconciliation, Verdict

if TYPE_CHECKING:
    from airflow_provider_directcall.api.client import AsyncClient
    from airflow_provider_directcall.api.clock import Clock
    from airflow_provider_directcall.campaigns.chunk_reach import ChunkReach
    from airflow_provider_directcall.campaigns.storage import Folder

log = logging.getLogger(__name__)

#: A request of a wave leaves so soon, or keeps its turn: a process that sleeps, and wakes when another one has taken
#: its chunk over, must not send requests that that one has found absent.
_WAVE_TIME: Final = timedelta(seconds=60)
#: So long the client repeats a request that could not leave.
_CLIENT_TIME: Final = timedelta(seconds=60)

_DECIDED: Final = frozenset({Progress.SENT, Progress.UNKNOWN, Progress.REFUSED})
_MAY_HAVE_LEFT: Final = frozenset({Progress.SENT, Progress.DOUBTFUL, Progress.UNKNOWN})


class ChunkSender:
    """Sends the contacts of one chunk in one try; see :func:`~.sending.send_chunk`."""

    def __init__(
        self,
        contacts: Sequence[Contact],
        folder: Folder,
        waves: WaveLog,
        *,
        key: str,
        client: AsyncClient,
        clock: Clock,
        options: SendOptions,
        guards: Guards,
        on_progress: Callable[[ChunkProgress], None] | None = None,
        reach: ChunkReach | None = None,
    ) -> None:
        self._contacts = {contact.id: contact for contact in contacts}
        self._folder = folder
        self._waves = waves
        self._client = client
        self._clock = clock
        self._options = options
        self._guards = guards
        self._requests = ChunkRequests(key, options.requests)
        self._pacer = guards.pacer or Pace(options.parts_per_second, clock)
        self._openings = Openings(guards.window)
        self._reach = reach
        waves.claim()
        state = waves.state()
        self._known = state.latest
        self._results = {own: self._reopened(each) for own, each in state.latest.items() if own in self._contacts}
        self._next_wave = state.next_wave
        self._others_end_at = _end_of_wave(state.unfinished_since)
        """When the last request of another process, killed or not, has left; None without one."""
        self._wave_ends_at = clock.now()
        pace = options.parts_per_second
        self._parts_in_wave = math.inf if pace is None else pace * _WAVE_TIME.total_seconds()
        self._parts = sum(result.parts for result in self._results.values())
        self._pending = {own: each for own, each in self._contacts.items() if self._is_pending(own)}
        self._lines = Lines(key, self._results.values(), self._contacts, client, clock, options)
        self._reconciliations: dict[str, Reconciliation] = {}
        self._turns: Counter[str] = Counter()
        self._refusals: Counter[str] = Counter()
        """Requests of this try that were refused by a code that may pass."""
        self._accepted_elsewhere = 0
        self._until: datetime | None = None
        self.has_waited = False
        """Whether the last :meth:`send` ended as a line was free again: its caller looks for the cost of the call."""
        self._finished: Counter[Progress] = Counter()
        """Final results of this try."""
        self._left_out: list[ContactResult] = []
        self._stop: Stop | None = None
        # Not those in doubt: they count when they are found.
        done = sum(result.progress is Progress.SENT for result in self._results.values())
        self._meter = ProgressMeter(clock, options.progress_seconds, on_progress, total=len(self._contacts), done=done)

    def _reopened(self, result: ContactResult) -> ContactResult:
        """Look again for contacts who stayed unknown in an earlier try, unless the policy is to leave it."""
        is_left = self._options.on_unknown_outcome is OnUnknownOutcome.HOLD
        is_unknown = result.progress is Progress.UNKNOWN and not is_left
        return replace(result, progress=Progress.DOUBTFUL) if is_unknown else result

    def _is_pending(self, contact: str) -> bool:
        result = self._results.get(contact)
        return result is None or result.progress is Progress.NOT_SENT

    @property
    def waves(self) -> int:
        """The number of the next wave: it grows with whatever is written."""
        return self._next_wave

    def add(self, contacts: Iterable[Contact]) -> None:
        """Take more contacts; those of which the log has a result are known already."""
        for contact in contacts:
            if contact.id not in self._contacts and contact.id not in self._known:
                self._contacts[contact.id] = self._pending[contact.id] = contact
                if self._reach is not None:
                    self._reach.add(contact)

    async def send_alone(self) -> ChunkOutcome:
        """Send a chunk without further attempts: its calls take their lines until they have ended."""
        outcome = await self.send()
        if outcome.stopped is not None or not self._lines.busy:
            return outcome
        await self._lines.forget_ended()
        wakes = [wake for wake in (self._lines.look_again_at(), outcome.waits_until) if wake is not None]
        return replace(outcome, waits_until=min(wakes, default=None), calls_in_progress=self._lines.busy)

    async def send(
        self,
        *,
        until: datetime | None = None,
        lines_taken: int = 0,
        accepted_elsewhere: int = 0,
        budget_brl: Decimal | None = None,
    ) -> ChunkOutcome:
        """Send wave by wave, until there is no contact left or a guard stops it. It can be called again.

        :param until: aware; no wave begins after it.
        :param lines_taken: lines of other calls in progress.
        :param accepted_elsewhere: accepted requests of the chunk's other attempts.
        :param budget_brl: in place of that of the guards.
        """
        self._check_account()
        self._until, self._lines.taken, self.has_waited = until, lines_taken, False
        self._accepted_elsewhere = accepted_elsewhere
        if budget_brl is not None:
            self._guards = replace(self._guards, budget_brl=budget_brl)
        while (
            (stop := self._stop or self._asked_to_stop()) is None and not self._is_over() and await self._has_gone_on()
        ):
            pass
        self._write_left_out()
        self._meter.report()
        return self._outcome(self._stop or stop or self._end())

    async def _has_gone_on(self) -> bool:
        """Send a wave, or look for requests in doubt; return whether there was anything to do."""
        doubtful = self._doubtful()
        if len(doubtful) >= self._options.contacts_in_wave:
            await self._reconcile(doubtful)
        elif doubtful and self._lines.are_taken:
            # A call that did not arrive shows no row, and would keep its line for the longest time of a call.
            await self._reconcile(doubtful, until_free=True)
        elif (wave := await self._next_contacts()) is None:
            return True
        elif wave:
            await self._send_wave(wave)
        elif doubtful:
            await self._reconcile(doubtful)
        elif given_up := self._given_up():
            self._finish(given_up)
        else:
            return False
        return True

    def _check_account(self) -> None:
        """Check with the first contact that the account has what all requests need.

        :raises CampaignError: it has not, such as a default origin.
        """
        for contact in self._pending.values():
            (outgoing,) = self._requests.outgoing([], [contact])
            try:
                request = outgoing.request()
            except ValueError:
                continue
            try:
                self._client.check(request)
            except ValueError as error:
                raise CampaignError(str(error)) from None
            return

    def _asked_to_stop(self) -> Stop | None:
        failed = self._finished[Progress.REFUSED] + self._finished[Progress.UNKNOWN]
        reason = self._guards.stop(self._folder) or self._guards.failed_share(failed, self._finished.total())
        return None if reason is None else Stop(reason)

    def _is_over(self) -> bool:
        return self._until is not None and self._clock.now() >= self._until

    def _is_interrupted(self) -> bool:
        return self._is_over() or self._asked_to_stop() is not None

    def _doubtful(self) -> list[ContactResult]:
        return [result for result in self._results.values() if result.progress is Progress.DOUBTFUL]

    # Waves

    async def _next_contacts(self) -> list[Contact] | None:
        """Return the contacts of the next wave: due, not excluded, and within the budget.

        None where there is something to do before: it is to stop, or its time is over.
        """
        if not self._pending:
            return []
        is_waiting = self._lines.are_taken
        free = await self._lines.free(self._is_interrupted)
        if is_waiting and self._until is not None and self._guards.budget_brl is not None:
            # The cost of the call that ended now is known after the caller's look.
            self._until, self.has_waited = self._clock.now(), True
        if not free or self._is_over():
            return None
        room, parts_left = min(self._options.contacts_in_wave, free), self._guards.parts_left(self._parts)
        wave: list[Contact] = []
        parts = 0
        for contact in self._due():
            parts += contact.parts
            if parts_left is not None and parts > parts_left:
                if not wave and not self._doubtful():
                    self._stop = Stop("the next message would pass budget_brl", over_budget=True)
                    return None
                break
            wave.append(contact)
            if len(wave) >= room or parts >= self._parts_in_wave:
                break
        return wave

    def _due(self) -> Iterator[Contact]:
        """Yield contacts whose turn it is; leave out those that may not be reached any more."""
        now = self._clock.now()
        excluded = self._guards.excluded() if self._guards.excluded is not None else None
        for contact in list(self._pending.values()):
            if self._turns[contact.id] >= MOST_SENDS:
                continue
            if excluded is not None and contact.number in excluded.opted_out:
                self._leave_out(contact, Progress.OPTED_OUT)
            elif excluded is not None and contact.number in excluded.suppressed:
                self._leave_out(contact, Progress.SUPPRESSED, excluded.suppressed[contact.number])
            elif self._openings.is_open(contact, now):
                # Only now: on the day on which its window opens, its number may be reached again.
                if reason := self._reach.reason(contact.number, now) if self._reach is not None else None:
                    self._leave_out(contact, Progress.SUPPRESSED, reason)
                else:
                    yield contact
            elif self._is_skipped(contact, now):
                self._leave_out(contact, Progress.OUT_OF_WINDOW)

    def _is_skipped(self, contact: Contact, now: datetime) -> bool:
        never_opens = self._openings.next(contact, now) is None
        return never_opens or self._guards.outside_window is OutsideWindow.SKIP

    def _leave_out(self, contact: Contact, progress: Progress, reason: str = "") -> None:
        now = self._clock.now()
        result = ContactResult(contact.id, progress, now, sends=0, reason=reason, place=contact.place)
        del self._pending[contact.id]
        self._left_out.append(result)
        self._results[contact.id] = result

    async def _send_wave(self, contacts: Sequence[Contact]) -> None:
        wave = self._wave(contacts)
        self._write_reached(wave, contacts)
        self._waves.begin(wave)
        if not self._waves.is_claimed():
            self._stop = Stop("another process has begun to send this chunk")
            return
        self._wave_ends_at = wave.since + _WAVE_TIME
        self._parts += sum(contact.parts for contact in contacts)
        began = {own: in_doubt(own, wave, self._results.get(own)) for own in wave.sends}
        has_been_sent = {own for own, result in began.items() if result.sends > 1}
        together = [contact for contact in contacts if contact.id not in has_been_sent]
        alone = [contact for contact in contacts if contact.id in has_been_sent]
        requests = iter(self._requests.outgoing(together, alone))
        results: list[ContactResult] = []

        async def send_each() -> None:
            for outgoing in requests:
                results.extend(await self._send(outgoing, began))

        async with asyncio.TaskGroup() as workers:
            for _ in range(min(self._options.concurrency, len(contacts))):
                workers.create_task(send_each())
        left = {result.contact for result in results if result.progress in _MAY_HAVE_LEFT}
        if len(left) < len(contacts):
            self._write_reached(wave, [contact for contact in contacts if contact.id in left])
        self._finish(results)

    def _write_reached(self, wave: Wave, contacts: Sequence[Contact]) -> None:
        if self._reach is not None:
            self._reach.write(wave.number, contacts, wave.since)

    def _wave(self, contacts: Sequence[Contact]) -> Wave:
        sends, parts = {}, {}
        for contact in contacts:
            last = self._results.get(contact.id)
            sends[contact.id] = (last.sends if last is not None else 0) + 1
            parts[contact.id] = (last.parts if last is not None else 0) + contact.parts
        places = {contact.id: contact.place for contact in contacts if contact.place}
        # Results know their wave by its time, so that no two waves of a chunk have the same.
        since, taken = self._clock.now(), {result.since for result in self._results.values()}
        while since in taken:
            since += timedelta.resolution
        return Wave(self._next_wave, since, sends, parts, places)

    async def _send(self, outgoing: Outgoing, began: Mapping[str, ContactResult]) -> list[ContactResult]:
        """Send one request; return nothing for contacts that surely were not sent to and keep their turn."""
        left = (self._wave_ends_at - self._clock.now()).total_seconds()
        if left < 0 or not await self._pacer.turn(outgoing.parts, within=left):
            return []
        now = self._clock.now()
        is_late = now > self._wave_ends_at
        if (
            self._stop is not None
            or is_late
            or not all(self._openings.is_open(each, now) for each in outgoing.contacts)
        ):
            return []
        self._turns.update(contact.id for contact in outgoing.contacts)
        sent = [Addressed(contact, began[contact.id]) for contact in outgoing.contacts]
        try:
            reply = await self._client.send(outgoing.request())
            accepted = outgoing.errand.accepted(reply)
        except DirectcallOutcomeUnknown as unknown:
            return self._counted([replace(each.result, code=unknown.code, reason=str(unknown)) for each in sent])
        except (DirectcallError, ValueError) as error:
            results, stop = without_effect(sent, error)
            self._stop = self._stop or stop
            if not results:
                self._turns.subtract(contact.id for contact in outgoing.contacts)
            return self._counted(results)
        answers = zip(sent, outgoing.answers(accepted, reply), strict=True)
        return self._counted([self._answered(each, answer) for each, answer in answers])

    def _answered(self, sent: Addressed, answer: Answer) -> ContactResult:
        result, stop = answered(sent, answer)
        self._stop = self._stop or stop
        return result

    def _counted(self, results: list[ContactResult]) -> list[ContactResult]:
        self._meter.sent([result.contact for result in results if result.progress is Progress.SENT])
        for result in results:
            if result.progress is not Progress.SENT:
                self._meter.failed(result.contact, result.reason)
            if result.progress is Progress.DOUBTFUL and result.code is not None:
                self._refusals[result.contact] += 1
        return results

    def _finish(self, results: Sequence[ContactResult]) -> None:
        """Write results, then take them over."""
        self._waves.finish(self._next_wave, [*self._left_out, *results])
        self._next_wave += 1
        self._left_out = []
        for result in results:
            self._results[result.contact] = result
            self._take_over(result)
        self._parts = sum(result.parts for result in self._results.values())

    def _take_over(self, result: ContactResult) -> None:
        self._lines.update(result)
        if result.progress is Progress.NOT_SENT:
            self._pending[result.contact] = self._contacts[result.contact]
            return
        self._pending.pop(result.contact, None)
        if result.progress is not Progress.DOUBTFUL:
            self._finished[result.progress] += 1

    def _write_left_out(self) -> None:
        if self._left_out:
            self._finish([])

    # Requests in doubt

    async def _reconcile(self, doubtful: Sequence[ContactResult], *, until_free: bool = False) -> None:
        """Look for requests in doubt; write the results of each look.

        :param until_free: stop looking once a line is free for other calls, or there is something else to do.
        """
        log.info("Looking for %d requests whose outcome is unknown.", len(doubtful))
        of_contact = {result.contact: result for result in doubtful}
        begins_at = max(self._clock.now(), self._others_end_at or self._clock.now())
        looks = Doubts(
            self._requests,
            [Addressed(self._contacts[own], result) for own, result in of_contact.items()],
            self._client,
            self._clock,
            self._options.timeouts,
            begins_at,
            [Addressed(self._contacts[own], each) for own, each in self._results.items() if each.progress in _DECIDED],
            self._reconciliations,
        )
        counts: Counter[str] = Counter()
        async with aclosing(looks.verdicts()) as verdicts_of_looks:
            async for verdicts in verdicts_of_looks:
                counts.update(verdict.kind.value for verdict in verdicts.values())
                if verdicts:
                    self._finish([self._concluded(of_contact[own], verdict) for own, verdict in verdicts.items()])
                if until_free and await self._is_free_or_interrupted():
                    break
        log.info("Outcomes: %s", ", ".join(f"{count} {kind}" for kind, count in counts.items()) or "none yet")

    async def _is_free_or_interrupted(self) -> bool:
        await self._lines.forget_ended()
        return not self._lines.are_taken or self._is_interrupted()

    def _concluded(self, doubtful: ContactResult, verdict: Verdict) -> ContactResult:
        result, stop = concluded(doubtful, verdict, self._options.on_unknown_outcome)
        self._stop = stop or self._stop
        if result.progress is Progress.SENT:
            self._meter.sent([result.contact])
        elif result.progress is Progress.NOT_SENT:
            self._meter.waits([result.contact])
        else:
            self._meter.failed(result.contact, result.reason)
        return result

    # The end

    def _given_up(self) -> list[ContactResult]:
        pending = [self._results[own] for own in self._pending if own in self._results]
        accepted = sum(result.progress is Progress.SENT for result in self._results.values())
        results = given_up(pending, self._refusals, accepted + self._accepted_elsewhere)
        for result in results:
            self._meter.failed(result.contact, result.reason)
        return results

    def _end(self) -> Stop | None:
        """Return why a chunk that came to its end is not done, or None."""
        exhausted = sum(self._turns[own] >= MOST_SENDS for own in self._pending)
        if exhausted:
            reason = f"{exhausted} contacts surely did not get {MOST_SENDS} requests each"
            return Stop(reason, retryable=True)
        unknown = sum(result.progress is Progress.UNKNOWN for result in self._results.values())
        if unknown and not self._pending and self._options.on_unknown_outcome is OnUnknownOutcome.FAIL:
            return Stop(f"the outcome of {unknown} requests is unknown: look at Directcall's statement")
        return None

    def _outcome(self, stop: Stop | None) -> ChunkOutcome:
        states = Counter(
            STATE_OF[result.progress].value for result in self._results.values() if result.progress in STATE_OF
        )
        price, now = self._guards.price_brl, self._clock.now()
        openings = [self._openings.next(contact, now) for contact in self._pending.values()] if stop is None else []
        return ChunkOutcome(
            states=dict(states),
            waiting=len(self._pending),
            parts=self._parts,
            cost_brl=None if price is None else price * self._parts,
            waits_until=min((opening for opening in openings if opening is not None), default=None),
            stopped=None if stop is None else stop.reason,
            retryable=stop is not None and stop.retryable,
            over_budget=stop is not None and stop.over_budget,
        )


def _end_of_wave(since: datetime | None) -> datetime | None:
    return None if since is None else since + _WAVE_TIME + _CLIENT_TIME
