"""Waits until a sent message has come to its end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Unpack

from airflow_provider_directcall.errors import DirectcallError
from airflow_provider_directcall.triggers.events import DONE, Event
from airflow_provider_directcall.triggers.polling import PollingArguments, PollingTrigger

if TYPE_CHECKING:
    from airflow_provider_directcall.hooks.directcall import DirectcallAsyncHook


class MessageDeliveredTrigger(PollingTrigger):
    """Fires when a message is delivered, failed or cancelled (``/sms/status``).

    The event is ``{"status": "done", "callerid": ..., "state": ...}``. When a user ends the waiting task (Airflow
    3.3 and later), a message that is still scheduled is cancelled.

    :param callerid: id of the message's request, 14 digits (``callerid``).
    :param due_at: ISO text with a zone: when a scheduled message will be sent; polling waits for it.

    Further parameters as in :class:`~.polling.PollingTrigger`.
    """

    def __init__(
        self,
        *,
        callerid: str,
        due_at: str | None = None,
        **polling: Unpack[PollingArguments],
    ) -> None:
        super().__init__(**polling)
        self.callerid = callerid
        self.due_at = due_at
        self._state: str | None = None

    def about(self) -> Event:
        """The message's id, the deadline, and the state that was seen last."""
        told = {"callerid": self.callerid, "deadline": self.deadline, "state": self._state}
        return {name: value for name, value in told.items() if value is not None}

    async def poll(self, hook: DirectcallAsyncHook) -> Event | None:
        """Ask for the message's state."""
        status = await hook.message_status(self.callerid)
        self._state = status.state.value
        return {"status": DONE} if status.state.is_terminal else None

    async def on_kill(self) -> None:
        """Cancel the message, unless the task was cleared and will go on with it; that it has left already is fine."""
        await self.finish(self._cancel())

    async def _cancel(self) -> None:
        if await self.was_cleared():
            self.log.info("%r goes on: the cleared task will wait for it", self)
            return
        try:
            async with self.hook() as hook:
                await hook.cancel_message(self.callerid)
        except (DirectcallError, ValueError) as error:
            self.log.warning("%r was not cancelled: %s", self, error)
        else:
            self.log.info("%r was cancelled", self)
