"""The trigger that waits for tagged calls in the statement."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Unpack

from airflow_provider_directcall.api.clock import current_clock
from airflow_provider_directcall.statement.search import StatementSearch
from airflow_provider_directcall.triggers.events import FOUND, TIMEOUT, Event
from airflow_provider_directcall.triggers.polling import PollingArguments, WaitingTrigger

if TYPE_CHECKING:
    from airflow_provider_directcall.triggers.feeds import SharedConnection


class TaggedCallTrigger(WaitingTrigger):
    """Fires when enough calls that meet all conditions are in the statement (``extrato``).

    The event is ``{"status": "found", "calls": <how many>, "until": <ISO text, the end of the window>, "tag_filter":
    <what is known of the filter by tags>}``; the rows themselves hold numbers and are read again by the task.

    :param since: ISO text with a zone: calls from this second on.
    :param until: ISO text with a zone: calls up to this second; None leaves the window open.
    :param tags: custom data that the calls carry (``campos``), all of them.
    :param origin: only calls from this number.
    :param destination: only calls to this number.
    :param outcomes: only calls that ended so (``answered``, ``busy``, ..., or the vendor's word); None means any.
    :param min_duration: only calls with at least this talk time, in seconds.
    :param calls: which calls (``tipoFiltro``, e.g. ``realizadas``, ``recebidas``); None lists placed ones.
    :param min_calls: how many calls are enough.
    :param callerid: only the call with this id, or with ``airflow_key``.
    :param airflow_key: only the call with this idempotency key, or with ``callerid``.
    :param recorded: only a call whose recording is there, or that was not answered and has none.

    Further parameters as in :class:`~.polling.WaitingTrigger`.
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
        callerid: str | None = None,
        airflow_key: str | None = None,
        recorded: bool = False,
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
        self.callerid = callerid
        self.airflow_key = airflow_key
        self.recorded = recorded

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
            callerid=self.callerid,
            airflow_key=self.airflow_key,
            recorded=self.recorded,
        )

    async def wait(self, shared: SharedConnection) -> Event:
        """Wait in the feed that all waits of this event loop share."""
        from airflow_provider_directcall.statement import feed_sources
        from airflow_provider_directcall.statement.tagged_calls import TaggedCalls
        from airflow_provider_directcall.triggers.feeds import wait_in_feed

        calls, source = TaggedCalls(self.search, self.min_calls), feed_sources.calls(self.calls)
        found = await wait_in_feed(shared, source, calls, self.pace(), self.ready_at())
        if found is None:
            others = calls.others
            return {"status": TIMEOUT, "other_tags": others.tagged, "no_tags": others.untagged, "unmet": others.unmet}
        window = self.search.window(current_clock().now())
        return {
            "status": FOUND,
            "calls": len(found),
            "until": window[1].isoformat() if window is not None else "",
            "tag_filter": calls.tag_filter.value,
        }
