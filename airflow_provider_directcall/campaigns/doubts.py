"""Requests of a chunk whose outcome is unknown: all of them are looked for at once, over some time."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

from airflow_provider_directcall.api.bounds import LOT_LOOKUP_ROWS
from airflow_provider_directcall.api.errors import DirectcallError, DirectcallLookupTooLong, DirectcallReplyError
from airflow_provider_directcall.campaigns.absence_proofs import (
    SharedRequests,
    compared_with,
    lists_each_recipient,
    with_proof,
)
from airflow_provider_directcall.campaigns.contact_outcomes import Addressed
from airflow_provider_directcall.campaigns.wave_log import Progress
from airflow_provider_directcall.delivery.matching import Match, MatchKind
from airflow_provider_directcall.delivery.reconciling import (
    ReconcileTimeouts,
    Reconciliation,
    Verdict,
    VerdictKind,
)
from airflow_provider_directcall.delivery.witnesses import Witness

if TYPE_CHECKING:
    from airflow_provider_directcall.api.client import AsyncClient
    from airflow_provider_directcall.api.clock import Clock
    from airflow_provider_directcall.api.lookups import Lookup
    from airflow_provider_directcall.campaigns.errands import ChunkRequests
    from airflow_provider_directcall.delivery.calls import CallErrand

log = logging.getLogger(__name__)

#: Questions about calls in progress at once: the vendor answers one pair of numbers at a time.
_AT_ONCE = 20


class Doubts:
    """Looks for contacts until there is a verdict on each.

    :param requests: of the chunk.
    :param doubts: the contacts.
    :param begins_at: aware; when the last of their requests has left.
    :param decided: other contacts whose requests arrived, or may have arrived.
    :param reconciliations: of contacts that were looked for before, by their ids; those without a verdict stay in it.
    """

    def __init__(
        self,
        requests: ChunkRequests,
        doubts: Sequence[Addressed],
        client: AsyncClient,
        clock: Clock,
        timeouts: ReconcileTimeouts,
        begins_at: datetime,
        decided: Sequence[Addressed] = (),
        reconciliations: dict[str, Reconciliation] | None = None,
    ) -> None:
        self._requests = requests
        self._doubts = list(doubts)
        self._client = client
        self._clock = clock
        self._timeouts = timeouts
        # Of those sent again, the time of the last request is not known.
        self._arrived = [each for each in decided if each.result.progress is Progress.SENT and each.result.sends == 1]
        self._shared = SharedRequests(requests)
        self._shared.add([*doubts, *decided])
        for each in [*doubts, *decided]:
            # Without an id, a refused one arrived with no other.
            is_left = each.result.progress in {Progress.SENT, Progress.UNKNOWN}
            if each.result.sends == 1 and (is_left or each.result.ids):
                self._shared.note(each, each.result.ids)
        self._reconciliations = {} if reconciliations is None else reconciliations
        for each in doubts:
            self._reconciliations.setdefault(each.contact.id, Reconciliation(begins_at, timeouts))

    async def verdicts(self) -> AsyncGenerator[Mapping[str, Verdict], None]:
        """Yield the new verdicts of each look, by the contact's id, or none, until there are no more doubts."""
        while self._doubts:
            verdicts = await self._look()
            for own in verdicts:
                del self._reconciliations[own]
            yield verdicts
            self._arrived += [
                Addressed(each.contact, replace(each.result, ids=verdicts[each.contact.id].ids))
                for each in self._doubts
                if each.result.sends == 1 and _is_found(verdicts.get(each.contact.id))
            ]
            self._doubts = [each for each in self._doubts if each.contact.id not in verdicts]
            if self._doubts:
                await self._clock.sleep_async(self._timeouts.pause)

    async def _look(self) -> dict[str, Verdict]:
        asked_at = self._clock.now()
        matches = await self._find(asked_at)
        now = self._clock.now()
        verdicts: dict[str, Verdict] = {}
        absent: list[Addressed] = []
        for doubt, match in zip(self._doubts, matches, strict=True):
            if match.kind is not MatchKind.NONE:
                self._shared.note(doubt, match.ids)
            verdict = self._reconciliations[doubt.contact.id].observe(match, asked_at, now)
            if verdict is not None and verdict.kind is VerdictKind.ABSENT:
                absent.append(doubt)
            elif verdict is not None:
                verdicts[doubt.contact.id] = verdict
        if absent:
            verdicts |= await self._confirmed(absent, asked_at)
        self._log_errors(matches)
        return verdicts

    async def _confirmed(self, absent: Sequence[Addressed], asked_at: datetime) -> dict[str, Verdict]:
        """Return the verdicts on contacts that seem absent, after a look at all rows."""
        once = [each for each in absent if each.result.sends == 1]
        witnesses = [
            Witness(each.result.ids["callerid"], each.contact.number, each.since)
            for each in self._arrived
            if "callerid" in each.result.ids
        ]
        verdicts = await self._controlled(once, witnesses, asked_at) if once else {}
        more = [each for each in absent if each.result.sends > 1]
        return verdicts | (await self._controlled(more, (), asked_at) if more else {})

    async def _controlled(
        self, absent: Sequence[Addressed], witnesses: Sequence[Witness], asked_at: datetime
    ) -> dict[str, Verdict]:
        # A call has no row before its end.
        compared = [] if self._requests.call(absent[0].contact) else compared_with(absent, self._arrived)
        wanted = [self._requests.wanted(each.contact, each.since) for each in (*absent, *compared)]
        matches = await self._run(self._requests.lookup(wanted, witnesses).control(asked_at))
        matches, of_compared = matches[: len(absent)], matches[len(absent) :]
        for each, match in zip(absent, matches, strict=True):
            if match.kind is not MatchKind.NONE:
                self._shared.note(each, match.ids)
        lists_each = lists_each_recipient(compared)
        proven = [
            with_proof(match, of_compared, may_have_arrived=self._shared.may_include(each, lists_each=lists_each))
            for each, match in zip(absent, matches, strict=True)
        ]
        self._log_errors(proven)
        now = self._clock.now()
        concluded = {
            each.contact.id: self._reconciliations[each.contact.id].confirm(match, now)
            for each, match in zip(absent, proven, strict=True)
        }
        return {own: verdict for own, verdict in concluded.items() if verdict is not None}

    async def _find(self, now: datetime) -> list[Match]:
        lookup = self._requests.lookup([self._requests.wanted(each.contact, each.since) for each in self._doubts])
        matches = await self._run(lookup.find(now))
        slots = asyncio.Semaphore(_AT_ONCE)
        return await asyncio.gather(
            *(
                self._with_progress(self._requests.call(doubt.contact), match, slots)
                for doubt, match in zip(self._doubts, matches, strict=True)
            )
        )

    async def _run(self, lookup: Lookup[list[Match]]) -> list[Match]:
        """Run a look-up within its bounds; the next try would not get beyond them either, so that it is not retried."""
        matches = await self._client.run(lookup, most_rows=LOT_LOOKUP_ROWS)
        return [
            replace(match, error=DirectcallReplyError(str(match.error), endpoint=match.error.endpoint))
            if isinstance(match.error, DirectcallLookupTooLong)
            else match
            for match in matches
        ]

    async def _with_progress(self, call: CallErrand | None, match: Match, slots: asyncio.Semaphore) -> Match:
        """Ask whether a call without a row is in progress: its row appears after its end."""
        if call is None or match.shows_key:
            return match
        async with slots:
            try:
                is_in_progress = await self._client.run(call.is_in_progress())
            except DirectcallError as error:
                return replace(match, error=match.error or error, is_line_unknown=True)
        return Match(MatchKind.IN_PROGRESS) if is_in_progress else match

    @staticmethod
    def _log_errors(matches: Sequence[Match]) -> None:
        errors = {str(match.error): match.error for match in matches if match.error is not None}
        for text in errors:
            log.warning("A chunk's requests could not be looked up: %s", text)


def _is_found(verdict: Verdict | None) -> bool:
    return verdict is not None and verdict.kind is VerdictKind.FOUND
