"""Triggers of asset watchers: a DAG starts when an SMS arrives, a call is received or missed, a recording is there.

::

    missed = Asset("missed_calls", watchers=[AssetWatcher(name="missed", trigger=DirectcallMissedCallTrigger())])
    with DAG("call_back", schedule=[missed]):
        ...

Each event is ``{"kind", "id", "at"}``; :meth:`.DirectcallHook.incoming` reads its row. Each event comes at least once.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any, ClassVar, Final, TypedDict, Unpack

from airflow.triggers.base import BaseEventTrigger, TriggerEvent

from airflow_provider_directcall.api.clock import current_clock
from airflow_provider_directcall.errors import DirectcallError
from airflow_provider_directcall.runtime.polling import PollPace
from airflow_provider_directcall.triggers.polling import argument_names

if TYPE_CHECKING:
    from airflow_provider_directcall.api.client import AsyncClient
    from airflow_provider_directcall.runtime.watch_store import WatchStore
    from airflow_provider_directcall.statement.incoming import Incoming, IncomingFilter, Sighting
    from airflow_provider_directcall.statement.watching import Watch

#: How long the watch rests after an error that does not pass by itself: the connection may be corrected.
_REST: Final = 300.0
_DIGITS: Final = 16


class WatchArguments(TypedDict, total=False):
    """Arguments of every :class:`WatchTrigger`."""

    destinations: Sequence[str]
    directcall_conn_id: str
    poll_interval: float
    late_seconds: float | None


class WatchTrigger(BaseEventTrigger):
    """Watches for incoming events, for as long as Airflow runs. It begins with those after its first start.

    :param destinations: numbers of the account; only calls or messages to these. Empty for all. Needed for calls where
        the statement does not show whether a call was received.
    :param directcall_conn_id: id of the connection.
    :param poll_interval: seconds between two looks.
    :param late_seconds: how late a row may appear after its call began or its message came; None for 4 hours, or an
        hour for SMS. A longer call, or an account whose times are further behind the connection's, is not found.
    """

    #: A value of :class:`~.incoming.IncomingKind`.
    kind: ClassVar[str]
    #: The row of a call appears at its end, with the time of its beginning.
    default_late_seconds: ClassVar[float] = 4 * 3600.0
    words: Sequence[str] = ()

    def __init__(
        self,
        *,
        destinations: Sequence[str] = (),
        directcall_conn_id: str = "directcall_default",
        poll_interval: float = 30.0,
        late_seconds: float | None = None,
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # Airflow does not annotate it
        if isinstance(destinations, str):
            raise ValueError("destinations: a list of numbers is needed, not a text")
        if late_seconds is None:
            late_seconds = self.default_late_seconds
        if not 0 <= late_seconds <= timedelta(days=7).total_seconds():
            raise ValueError("late_seconds: seconds up to seven days are needed")
        PollPace(interval=poll_interval)
        if not all(isinstance(number, str) and any(each.isdigit() for each in number) for number in destinations):
            raise ValueError("destinations: each has to be the digits of a number, as a text")
        self.destinations = list(destinations)
        self.directcall_conn_id = directcall_conn_id
        self.poll_interval = poll_interval
        self.late_seconds = late_seconds
        self._watch: Watch | None = None
        self._warned_of_unclear = False
        self._warned_of_older = False

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return the class path and every argument of the constructor."""
        kind = type(self)
        return f"{kind.__module__}.{kind.__qualname__}", {name: getattr(self, name) for name in argument_names(kind)}

    def __repr__(self) -> str:
        """Return the class and the connection."""
        return f"<{type(self).__name__} directcall_conn_id={self.directcall_conn_id!r}>"

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Yield an event for each new row."""
        from airflow_provider_directcall.triggers.feeds import shared_connection

        while True:
            try:
                async with shared_connection(self.directcall_conn_id) as shared:
                    async for event in self._watched(await shared.hook.client()):
                        yield TriggerEvent(event.as_event())  # type: ignore[no-untyped-call]  # Airflow does not annotate it
            except (DirectcallError, ValueError) as error:
                self.log.warning("%r: %s; it looks again in %.0f s", self, error, _REST)
            except Exception as error:  # noqa: BLE001 - Airflow starts no watcher again that has ended
                self.log.warning("%r: %s; it looks again in %.0f s", self, type(error).__name__, _REST)
            await current_clock().sleep_async(_REST)

    async def _watched(self, client: AsyncClient) -> AsyncIterator[Incoming]:
        from airflow_provider_directcall.api.bounds import LOT_ROWS

        clock, pace = current_clock(), PollPace(interval=self.poll_interval, max_consecutive_failures=sys.maxsize)
        store = self._store()
        while True:
            is_behind = False
            try:
                watch = self._watch = self._watch or await self._begun(store)
                window = watch.next_window(clock.now())
                look = self._filter().look(*window, client.settings.client_secret)
                sighting = await client.run(look, most_rows=LOT_ROWS)
                now = clock.now()
                for event in watch.take(sighting.events, now):
                    yield event
                if sighting.error is not None:
                    watch.has_failed()
                    raise sighting.error
                self._warn_of_unclear(sighting.unclear)
                self._warn_of_older(sighting)
                watch.has_read(window, now)
                await self._keep(store, watch)
                is_behind = window[1] < now
            except DirectcallError as error:
                pace.failed(error)
                self.log.warning("%r: %s; it will be asked again", self, error)
            else:
                pace.succeeded()
            await clock.sleep_async(pace.pause(clock.now()) if not is_behind else 1.0)

    async def _begun(self, store: WatchStore) -> Watch:
        """Go on with the stored watch, or begin one, and store that before anything else."""
        from airflow_provider_directcall.statement.watching import Watch

        now, late = current_clock().now(), timedelta(seconds=self.late_seconds)
        stored = await store.read()
        if stored is not None:
            return Watch.from_json(stored, now, late)
        watch = Watch.begun(now, late)
        await self._keep(store, watch)
        return watch

    async def _keep(self, store: WatchStore, watch: Watch) -> None:
        state = watch.state(current_clock().now())
        if watch.is_due(state):
            await store.write(state)
            watch.was_stored(state)

    def _warn_of_unclear(self, unclear: int) -> None:
        if unclear and not self._warned_of_unclear:
            self._warned_of_unclear = True
            self.log.warning(
                "%r: the statement does not show whether calls were received, so they are left out; "
                "name the account's numbers in destinations",
                self,
            )

    def _warn_of_older(self, sighting: Sighting) -> None:
        if sighting.older and not sighting.events and not self._warned_of_older:
            self._warned_of_older = True
            self.log.warning(
                "%r: the statement shows only rows from before the window that was asked for; if the account's times "
                "are behind, correct the connection's timezone or raise late_seconds",
                self,
            )

    def _filter(self) -> IncomingFilter:
        from airflow_provider_directcall.statement.incoming import IncomingFilter, IncomingKind

        return IncomingFilter(IncomingKind(self.kind), self.destinations, self.words)

    def _store(self) -> WatchStore:
        from airflow_provider_directcall.runtime.watch_store import WatchStore

        subject = json.dumps([self.kind, self.directcall_conn_id, sorted(self.destinations), sorted(self.words)])
        digest = hashlib.sha256(subject.encode()).hexdigest()[:_DIGITS]
        return WatchStore(f"directcall_watch_{digest}", getattr(self, "asset_state_store", None))


class DirectcallReceivedSMSTrigger(WatchTrigger):
    """Fires for each received SMS, or for those that begin with certain words.

    :param words: patterns, each one word or several, e.g. ``["PARE", "SAIR"]``; case, accents and punctuation do not
        count. Empty for all messages.
    :raises ValueError: a pattern has no letter or digit.

    Further parameters as in :class:`WatchTrigger`.
    """

    kind = "received_sms"
    default_late_seconds = 3600.0

    def __init__(self, *, words: Sequence[str] = (), **watching: Unpack[WatchArguments]) -> None:
        from airflow_provider_directcall.statement.reply_words import ReplyWords

        super().__init__(**watching)
        ReplyWords(words)
        self.words = list(words)


class DirectcallReceivedCallTrigger(WatchTrigger):
    """Fires for each call that was received and answered."""

    kind = "received_call"


class DirectcallMissedCallTrigger(WatchTrigger):
    """Fires for each call that was received and not answered. The vendor sells their statement as an option."""

    kind = "missed_call"


class DirectcallRecordingTrigger(WatchTrigger):
    """Fires for each recording, once it is in the statement; those of placed calls too."""

    kind = "recording"
