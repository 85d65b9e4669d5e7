"""The trigger that waits for tagged calls in the statement."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Unpack

from airflow_provider_directcall.api.clock import current_clock
from airflow_provider_directcall.statement.search import StatementSearch
from airflow_provider_directcall.triggers.events import FOUND, Event
from airflow_provider_directcall.triggers.polling import PollingArguments, PollingTrigger

if TYPE_CHECKING:
    from airflow_provider_directcall.hooks.directcall import DirectcallAsyncHook


class TaggedCallTrigger(PollingTrigger):
    """Fires when enough calls that meet all conditions are in the statement (``extrato``).

    The event is ``{"status": "found", "calls": <how many>, "until": <ISO text, the end of the window>}``; the rows
    themselves hold numbers and are read again by the task.

    :param since: ISO text with a zone: calls from this second on.
    :param until: ISO text with a zone: calls up to this second; None leaves the window open.
    :param tags: custom data that the calls carry (``campos``), all of them.
    :param origin: only calls from this number.
    :param destination: only calls to this number.
    :param outcomes: only calls that ended so (``answered``, ``busy``, ..., or the vendor's word); None means any.
    :param min_duration: only calls with at least this talk time, in seconds.
    :param calls: which calls (``tipoFiltro``, e.g. ``realizadas``, ``recebidas``); None lists placed ones.
    :param min_calls: how many calls are enough.

    Further parameters as in :class:`~.polling.PollingTrigger`.
    """

    def __init__(
        self,
        *,
        since: str,
        until: str | None = None,
        tags: dict[str, str] | None = None,
        origin: str | None = None,
        destination: str | None = None,
        outcomes: list[str] | None = None,
        min_duration: float = 0.0,
        calls: str | None = None,
        min_calls: int = 1,
        **polling: Unpack[PollingArguments],
    ) -> None:
        super().__init__(**polling)
        self.since = since
        self.until = until
        self.tags = tags
        self.origin = origin
        self.destination = destination
        self.outcomes = outcomes
        self.min_duration = min_duration
        self.calls = calls
        self.min_calls = min_calls

    def about(self) -> Event:
        """Return the beginning of the window."""
        return {"since": self.since}

    @property
    def search(self) -> StatementSearch:
        """The conditions."""
        return StatementSearch(
            since=datetime.fromisoformat(self.since),
            until=datetime.fromisoformat(self.until) if self.until is not None else None,
            tags=self.tags,
            origin=self.origin,
            destination=self.destination,
            outcomes=self.outcomes,
            min_duration=self.min_duration,
            calls=self.calls,
        )

    async def poll(self, hook: DirectcallAsyncHook) -> Event | None:
        """Count the calls of the window as it is now."""
        search = self.search
        window = search.window(current_clock().now())
        if window is None:
            return None
        found = 0
        async for row in hook.list_statement(*window, **search.filters):
            found += search.accepts(row)
        if found < self.min_calls:
            return None
        return {"status": FOUND, "calls": found, "until": window[1].isoformat()}
