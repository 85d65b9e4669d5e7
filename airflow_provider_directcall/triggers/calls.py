"""Waits until a placed call is over."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Unpack

from airflow_provider_directcall.errors import DirectcallError
from airflow_provider_directcall.statement.search import window_of_call
from airflow_provider_directcall.triggers.events import DONE, REFUSED, Event
from airflow_provider_directcall.triggers.polling import PollingArguments, PollingTrigger

if TYPE_CHECKING:
    from airflow_provider_directcall.hooks.directcall import DirectcallAsyncHook


class CallCompletedTrigger(PollingTrigger):
    """Fires when a call stands in the statement (``extrato``), which it does some seconds after its end.

    The event is ``{"status": "done", "callerid": ...}``, or ``{"status": "refused"}`` for a scheduled call that was
    refused when its time came; the row itself holds numbers and is read again by the task.

    When a user ends the waiting task (Airflow 3.3 and later), the call is hung up. Directcall finds it by its two
    numbers, which is why they are needed.

    :param callerid: id of the call; None for a scheduled one that was not dialled yet.
    :param schedule_id: id of the schedule (``agendamentoId``) of a scheduled call.
    :param origin: who asked for the call (``origem``); None for the connection's default origin.
    :param destination: who is called (``destino``).
    :param since: ISO text with a zone: when the call was placed.
    :param due_at: ISO text with a zone: when a scheduled call will be dialled; polling waits for it.

    Further parameters as in :class:`~.polling.PollingTrigger`.
    """

    def __init__(
        self,
        *,
        callerid: str | None = None,
        schedule_id: str | None = None,
        origin: str | None = None,
        destination: str,
        since: str,
        due_at: str | None = None,
        **polling: Unpack[PollingArguments],
    ) -> None:
        if callerid is None and schedule_id is None:
            raise ValueError("callerid, schedule_id: one of them is needed")
        super().__init__(**polling)
        self.callerid = callerid
        self.schedule_id = schedule_id
        self.origin = origin
        self.destination = destination
        self.since = since
        self.due_at = due_at

    def about(self) -> Event:
        """The call's ids, when it was placed, and the deadline."""
        told = {
            "callerid": self.callerid,
            "schedule_id": self.schedule_id,
            "since": self.since,
            "deadline": self.deadline,
        }
        return {name: value for name, value in told.items() if value is not None}

    async def poll(self, hook: DirectcallAsyncHook) -> Event | None:
        """Look for the call in the statement; before that, for a scheduled one, ask whether it was dialled."""
        if self.callerid is None and await self._is_refused(hook):
            return {"status": REFUSED}
        if self.callerid is None:
            return None
        window = window_of_call(datetime.fromisoformat(self.since), self._now())
        async for row in hook.list_statement(*window, callerid=self.callerid):
            if row.callerid == self.callerid:
                return {"status": DONE}
        return None

    async def _is_refused(self, hook: DirectcallAsyncHook) -> bool:
        """Ask what became of the schedule, and keep the call's id if there is one."""
        scheduled = await hook.scheduled_call_status(self.origin, str(self.schedule_id))
        if scheduled.placed is not None:
            self.callerid = scheduled.placed.callerid
        return scheduled.refusal is not None

    async def on_kill(self) -> None:
        """Hang the call up, unless the task was cleared and will go on with it; that it is over already is fine."""
        if self.callerid is None:
            self.log.warning("%r: Directcall has no way to cancel a scheduled call; it will be dialled", self)
            return
        await self.finish(hang_up(self, self.origin, self.destination))


async def hang_up(trigger: PollingTrigger, origin: str | None, destination: str) -> None:
    """Hang up the call that a trigger waits for, because a user has ended its task."""
    if await trigger.was_cleared():
        trigger.log.info("%r goes on: the cleared task will wait for it", trigger)
        return
    try:
        async with trigger.hook() as hook:
            await hook.end_call(origin, destination)
    except (DirectcallError, ValueError) as error:
        trigger.log.warning("%r was not hung up: %s", trigger, error)
    else:
        trigger.log.info("%r was hung up", trigger)
