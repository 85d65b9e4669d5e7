"""How many calls are in progress: their rows appear in the statement after they ended."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from airflow_provider_directcall.campaigns.channels import Channel
from airflow_provider_directcall.campaigns.looks import Followed, LookOptions, look
from airflow_provider_directcall.campaigns.wave_log import ContactResult, Progress

if TYPE_CHECKING:
    from airflow_provider_directcall.api.client import AsyncClient
    from airflow_provider_directcall.api.clock import Clock
    from airflow_provider_directcall.campaigns.chunks import Contact
    from airflow_provider_directcall.campaigns.send_options import SendOptions

_NO_LIMIT: Final = 10**9
_MAY_BE_IN_PROGRESS: Final = frozenset({Progress.SENT, Progress.DOUBTFUL})
#: So long the filter by the chunk's tag may find no ended call before it is doubted, and all rows are read; for short
#: calls, a part of their longest time: a doubt that begins when all count as ended would free no line.
_PATIENCE: Final = timedelta(minutes=2)
_PATIENT_PART: Final = 4
#: So many looks, at most, in the time that passes until the age of the last call has doubled.
_LOOKS_PER_AGE: Final = 10


class Lines:
    """The lines of one chunk's calls. A call that shows no row counts as ended after the longest time of one.

    :param lot: key of the chunk's attempt.
    :param results: of earlier tries, whose calls may be in progress.
    :ivar taken: lines that calls of other attempts take.
    """

    def __init__(
        self,
        lot: str,
        results: Iterable[ContactResult],
        contacts: Mapping[str, Contact],
        client: AsyncClient,
        clock: Clock,
        options: SendOptions,
    ) -> None:
        self._lot = lot
        self._contacts = contacts
        self._client = client
        self._clock = clock
        self._options = options
        self._longest = timedelta(seconds=options.timeouts.longest_seconds)
        patience = min(_PATIENCE, self._longest / _PATIENT_PART)
        self._look = LookOptions(channel=Channel.CALL, origin=options.requests.origin, patience=patience)
        self.taken = 0
        self._busy: dict[str, ContactResult] = {}
        for result in results:
            self.update(result)

    def update(self, result: ContactResult) -> None:
        """Take a line for a call that was placed, or may have been; free the line of one that surely was not."""
        if self._options.requests.channel is not Channel.CALL:
            return
        if result.progress in _MAY_BE_IN_PROGRESS:
            self._busy[result.contact] = result
        else:
            self._busy.pop(result.contact, None)

    @property
    def busy(self) -> int:
        """How many calls may be in progress, as far as is known without a look."""
        return len(self._busy)

    def look_again_at(self) -> datetime | None:
        """Return when to look whether calls have ended: looks become rarer with the age of the last call."""
        if not self._busy:
            return None
        now = self._clock.now()
        age = now - max(result.since for result in self._busy.values())
        return now + max(timedelta(seconds=self._options.timeouts.poll_interval), age / _LOOKS_PER_AGE)

    @property
    def are_taken(self) -> bool:
        """Whether no line is free, as far as is known without a look."""
        return self._lines <= len(self._busy)

    @property
    def _lines(self) -> int:
        is_call = self._options.requests.channel is Channel.CALL
        return self._options.calls_at_once - self.taken if is_call else _NO_LIMIT

    async def free(self, is_interrupted: Callable[[], bool]) -> int:
        """Wait until a line is free, and return how many are, or none once it is interrupted; messages take none."""
        while self.are_taken:
            await self.forget_ended()
            if self.are_taken:
                if is_interrupted():
                    return 0
                await self._clock.sleep_async(self._options.timeouts.pause)
        return self._lines - len(self._busy)

    async def forget_ended(self) -> None:
        """Look once at the statement for all calls."""
        now = self._clock.now()
        self._busy = {own: result for own, result in self._busy.items() if now - result.since < self._longest}
        followed = [Followed.of(result, self._contacts[own].number, 1, self._lot) for own, result in self._busy.items()]
        looked = await look(followed, self._lot, self._client, now, self._look)
        if looked.question is not None:
            # From now on, what has found them is asked alone.
            self._look = replace(self._look, only=looked.question, patience=timedelta())
        for own, line in looked.lines.items():
            if line.is_final:
                del self._busy[own]
