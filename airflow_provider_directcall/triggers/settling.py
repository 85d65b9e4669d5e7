"""Find out what became of a request, without a worker: the twins of the operators' own looks."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Required, Unpack

from airflow_provider_directcall.delivery.keys import KEY_TAG
from airflow_provider_directcall.delivery.matching import (
    NOT_ACTIVE,
    Sought,
    call_sighting,
    message_sighting,
    progress_sighting,
)
from airflow_provider_directcall.delivery.reconciling import Patience, Seen, Settling, Sighting
from airflow_provider_directcall.errors import DirectcallError, DirectcallRefused
from airflow_provider_directcall.statement.search import window_of_call
from airflow_provider_directcall.triggers.calls import hang_up
from airflow_provider_directcall.triggers.events import Event, verdict_event
from airflow_provider_directcall.triggers.polling import PollingArguments, PollingTrigger

if TYPE_CHECKING:
    from airflow_provider_directcall.hooks.directcall import DirectcallAsyncHook


class SettlingArguments(PollingArguments, total=False):
    """Arguments of every :class:`SettlingTrigger`."""

    key: Required[str]
    since: Required[str]
    settle_seconds: Required[float]
    longest_seconds: Required[float]
    scheduled_for: str | None


class SettlingTrigger(PollingTrigger):
    """Fires when it is known what became of a request, or that nobody can say.

    The event is ``{"status": "settled", "verdict": "found" | "absent" | "unknown"}`` with the ids of what was found, or
    the reason why nobody can say.

    :param key: the key that the request carries (tag ``airflow_key``).
    :param since: ISO text with a zone: when the request was about to leave.
    :param settle_seconds: how late a row of the statement may come.
    :param longest_seconds: how long a call in progress is waited for.
    :param scheduled_for: ISO text with a zone: when a scheduled request is due.

    Further parameters as in :class:`~.polling.PollingTrigger`.
    """

    def __init__(
        self,
        *,
        key: str,
        since: str,
        settle_seconds: float,
        longest_seconds: float,
        scheduled_for: str | None = None,
        **polling: Unpack[PollingArguments],
    ) -> None:
        super().__init__(**polling)
        self.key = key
        self.since = since
        self.settle_seconds = settle_seconds
        self.longest_seconds = longest_seconds
        self.scheduled_for = scheduled_for
        self._settling: Settling | None = None

    def about(self) -> Event:
        """The request's key."""
        return {"airflow_key": self.key}

    @abstractmethod
    async def sight(self, hook: DirectcallAsyncHook) -> Sighting:
        """Look once."""

    async def poll(self, hook: DirectcallAsyncHook) -> Event | None:
        """Look once, and say so when that makes a verdict; a failed look may make one too."""
        asked_at = self._now()
        settling = self._settling = self._settling or Settling(asked_at, self._patience())
        try:
            sighting = await self.sight(hook)
        except DirectcallError as error:
            self.log.warning("%r could not be looked for: %s", self, error)
            verdict = settling.failed(error, self._now())
        else:
            verdict = settling.saw(sighting, asked_at, self._now())
        return verdict_event(verdict) if verdict is not None else None

    def _patience(self) -> Patience:
        return Patience(
            settle_seconds=self.settle_seconds,
            longest_seconds=self.longest_seconds,
            due_at=datetime.fromisoformat(self.scheduled_for) if self.scheduled_for is not None else None,
        )

    def _sought(self, destinations: Sequence[str]) -> Sought:
        return Sought(self.key, destinations, datetime.fromisoformat(self.since))

    def _window(self) -> tuple[datetime, datetime]:
        return window_of_call(datetime.fromisoformat(self.since), self._now())


class CallSettlingTrigger(SettlingTrigger):
    """Looks for a call in the statement (``extrato``), and whether one is in progress (``voz/status``).

    :param origin: who asked for the call (``origem``); None for the connection's default origin.
    :param destination: who is called (``destino``), digits.

    Further parameters as in :class:`SettlingTrigger`.
    """

    def __init__(
        self,
        *,
        origin: str | None = None,
        destination: str,
        **settling: Unpack[SettlingArguments],
    ) -> None:
        super().__init__(**settling)
        self.origin = origin
        self.destination = destination

    async def sight(self, hook: DirectcallAsyncHook) -> Sighting:
        """The row with the key; without one, whether a call is in progress."""
        rows = [row async for row in hook.list_statement(*self._window(), tags={KEY_TAG: self.key})]
        sighting = call_sighting(rows, self._sought([self.destination]))
        if sighting.seen is not Seen.NOTHING:
            return sighting
        try:
            return progress_sighting(await hook.call_status(self.origin, self.destination))
        except DirectcallRefused as refused:
            if refused.code != NOT_ACTIVE:
                raise
            return sighting

    async def on_kill(self) -> None:
        """Hang up what is in progress between the two, which may be the call; one that is only scheduled is not."""
        if self.scheduled_for is None:
            await self.finish(hang_up(self, self.origin, self.destination))


class MessageSettlingTrigger(SettlingTrigger):
    """Looks for a message in the statement of messages (``/extrato/list-sms``, assumed).

    :param destinations: digits of the recipients (``destino``).

    Further parameters as in :class:`SettlingTrigger`.
    """

    def __init__(
        self,
        *,
        destinations: Sequence[str],
        **settling: Unpack[SettlingArguments],
    ) -> None:
        super().__init__(**settling)
        self.destinations = list(destinations)

    async def sight(self, hook: DirectcallAsyncHook) -> Sighting:
        """The rows with the key."""
        rows = [row async for row in hook.list_messages(*self._window(), tags={KEY_TAG: self.key})]
        return message_sighting(rows, self._sought(self.destinations))
