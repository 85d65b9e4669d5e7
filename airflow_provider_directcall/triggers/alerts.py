"""The trigger that follows alerts until they are answered, and alerts the next number where they are not."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from airflow.triggers.base import BaseEventTrigger, TriggerEvent

from airflow_provider_directcall.api.clock import current_clock
from airflow_provider_directcall.errors import DirectcallError
from airflow_provider_directcall.runtime.alerts.options import LIFETIME, AlertOptions
from airflow_provider_directcall.runtime.alerts.rendering import render_async
from airflow_provider_directcall.runtime.alerts.store import slot_in

if TYPE_CHECKING:
    from airflow_provider_directcall.api.client import AsyncClient
    from airflow_provider_directcall.delivery.alert_slots import AlertSlot
    from airflow_provider_directcall.hooks.directcall import DirectcallAsyncHook

#: How often the watcher says that it is there.
_SIGN_EVERY: Final = timedelta(minutes=1)


class DirectcallAlertTrigger(BaseEventTrigger):
    """Watches the alerts of one notifier, for as long as Airflow runs.

    Each event is ``{"status": "unanswered", "dag_id", "run_id", "task_id", "map_index", "try_number"}``: no number of
    the chain has answered.

    :param alerts: the notifier's arguments, as JSON. Numbers in clear, unless they are templates.
    :param poll_interval: seconds between two looks.
    """

    def __init__(self, *, alerts: Mapping[str, Any], poll_interval: float = 15.0) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # Airflow does not annotate it
        self.alerts = dict(alerts)
        self.poll_interval = poll_interval

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return the class path and every argument of the constructor."""
        kind = type(self)
        return f"{kind.__module__}.{kind.__qualname__}", {"alerts": self.alerts, "poll_interval": self.poll_interval}

    def __repr__(self) -> str:
        """Return the class and the connection; the arguments may hold numbers."""
        return f"<{type(self).__name__} directcall_conn_id={self.alerts.get('directcall_conn_id')!r}>"

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Yield an event for each alert that no number has answered."""
        from airflow_provider_directcall.hooks.directcall import DirectcallAsyncHook

        while True:
            try:
                options = await render_async(AlertOptions.from_json(self.alerts))
                async with DirectcallAsyncHook(options.directcall_conn_id) as hook:
                    async for slot in self._unanswered(options, hook):
                        yield TriggerEvent(_event(slot))  # type: ignore[no-untyped-call]  # Airflow does not annotate it
            except (DirectcallError, ValueError) as error:
                self.log.warning("%r: %s; it begins again", self, error)
            except Exception as error:  # noqa: BLE001 - a watcher that ends would leave alerts unanswered
                self.log.warning("%r: %s; it begins again", self, type(error).__name__)
            await current_clock().sleep_async(self.poll_interval)

    async def _unanswered(self, options: AlertOptions, hook: DirectcallAsyncHook) -> AsyncIterator[AlertSlot]:
        """Follow all alerts at once, without end; yield those that no number has answered."""
        from airflow_provider_directcall.delivery.alerts import UNANSWERED
        from airflow_provider_directcall.runtime.alerts.ringing import read_async, watcher_value, write_async

        clock, client = current_clock(), await hook.client()
        names = options.slot_names(client.settings)
        followed: dict[str, asyncio.Task[AlertSlot]] = {}
        signed_at = datetime.min.replace(tzinfo=UTC)
        try:
            while True:
                now = clock.now()
                if now - signed_at >= _SIGN_EVERY:
                    await write_async(names.watcher, watcher_value(now))
                    signed_at = now
                for name in names.alerts:
                    slot = slot_in(await read_async(name)) if name not in followed else None
                    if slot is not None and _is_pending(slot, now):
                        followed[name] = asyncio.ensure_future(self._follow(client, name, slot))
                await clock.sleep_async(self.poll_interval)
                for slot in self._ended(followed):
                    if slot.end == UNANSWERED:
                        yield slot
        finally:
            for task in followed.values():
                task.cancel()

    async def _follow(self, client: AsyncClient, name: str, slot: AlertSlot) -> AlertSlot:
        """Look once after an alert, with a text made of its own event."""
        from airflow_provider_directcall.runtime.alerts.ringing import LoopRinger, alerter_of

        options = await render_async(AlertOptions.from_json(self.alerts), subject=slot.subject)
        alerter = alerter_of(options, client.settings, waits=True)
        return await LoopRinger(client).run(alerter.follow(name, slot))

    def _ended(self, followed: dict[str, asyncio.Task[AlertSlot]]) -> Iterator[AlertSlot]:
        """Take out the looks that are over; yield their results."""
        from airflow_provider_directcall.delivery.alert_slots import OutOfTimeError

        for name in [name for name, task in followed.items() if task.done()]:
            try:
                yield followed.pop(name).result()
            except DirectcallError as error:
                self.log.warning("%r: %s; it will be asked again", self, error)
            except OutOfTimeError:
                self.log.warning("%r: Airflow answers slowly; it will be asked again", self)


def _is_pending(slot: AlertSlot, now: datetime) -> bool:
    """Whether an alert has not ended, and no process is about to send it."""
    return not (slot.end or slot.is_being_sent(now)) and now - slot.claimed_at < LIFETIME


def _event(slot: AlertSlot) -> dict[str, str | int]:
    subject = slot.subject
    return {
        "status": "unanswered",
        "dag_id": subject.dag_id,
        "run_id": subject.run_id,
        "task_id": subject.task_id,
        "map_index": subject.map_index,
        "try_number": subject.try_number,
    }
