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
            if result.progress in {Progress.SENT, Progress.DOUBTFUL}:
                self.take(result)

    def take(self, result: ContactResult) -> None:
        """Count a call that was placed."""
        if self._options.requests.channel is Channel.CALL:
            self._busy[result.contact] = result.since

    async def free(self) -> int:
        """Wait until a line is free, and return how many are; messages take none."""
        if self._options.requests.channel is not Channel.CALL:
            return _NO_LIMIT
        lines = self._options.calls_at_once - self.taken
        while (free := lines - len(self._busy)) <= 0:
            await self._forget_ended()
            if len(self._busy) >= lines:
                await self._clock.sleep_async(self._options.timeouts.pause)
        return free

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
