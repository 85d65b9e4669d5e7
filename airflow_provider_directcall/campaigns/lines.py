"""How many calls are in progress: their rows appear in the statement after they ended."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from airflow_provider_directcall.api.bounds import LOT_LOOKUP_ROWS
from airflow_provider_directcall.api.errors import DirectcallError
from airflow_provider_directcall.campaigns.channels import Channel
from airflow_provider_directcall.campaigns.wave_log import ContactResult, Progress

if TYPE_CHECKING:
    from airflow_provider_directcall.api.client import AsyncClient
    from airflow_provider_directcall.api.clock import Clock
    from airflow_provider_directcall.campaigns.chunks import Contact
    from airflow_provider_directcall.campaigns.errands import ChunkRequests
    from airflow_provider_directcall.campaigns.send_options import SendOptions

_NO_LIMIT = 10**9
_MAY_BE_IN_PROGRESS = frozenset({Progress.SENT, Progress.DOUBTFUL})


class Lines:
    """The lines of one chunk's calls. A call that shows no row counts as ended after the longest time of one.

    :param results: of earlier tries, whose calls may be in progress.
    :ivar taken: lines that calls of other attempts take.
    """

    def __init__(
        self,
        requests: ChunkRequests,
        results: Iterable[ContactResult],
        contacts: Mapping[str, Contact],
        client: AsyncClient,
        clock: Clock,
        options: SendOptions,
    ) -> None:
        self._requests = requests
        self._contacts = contacts
        self._client = client
        self._clock = clock
        self._options = options
        self.taken = 0
        self._busy: dict[str, datetime] = {}
        for result in results:
            self.update(result)

    def update(self, result: ContactResult) -> None:
        """Take a line for a call that was placed, or may have been; free the line of one that surely was not."""
        if self._options.requests.channel is not Channel.CALL:
            return
        if result.progress in _MAY_BE_IN_PROGRESS:
            self._busy[result.contact] = result.since
        else:
            self._busy.pop(result.contact, None)

    @property
    def are_taken(self) -> bool:
        """Whether no line is free, as far as is known without a look."""
        return self._lines <= len(self._busy)

    @property
    def _lines(self) -> int:
        is_call = self._options.requests.channel is Channel.CALL
        return self._options.calls_at_once - self.taken if is_call else _NO_LIMIT

    async def free(self) -> int:
        """Wait until a line is free, and return how many are; messages take none."""
        while self.are_taken:
            await self._forget_ended()
            if self.are_taken:
                await self._clock.sleep_async(self._options.timeouts.pause)
        return self._lines - len(self._busy)

    async def _forget_ended(self) -> None:
        """Look once at the statement for all calls."""
        now = self._clock.now()
        longest = timedelta(seconds=self._options.timeouts.longest_seconds)
        self._busy = {own: since for own, since in self._busy.items() if now - since < longest}
        wanted = [self._requests.wanted(self._contacts[own], since) for own, since in self._busy.items()]
        if not wanted:
            return
        try:
            matches = await self._client.run(self._requests.lookup(wanted).find(now), most_rows=LOT_LOOKUP_ROWS)
        except DirectcallError:
            return
        for own, match in zip(list(self._busy), matches, strict=True):
            if match.shows_key:
                del self._busy[own]
